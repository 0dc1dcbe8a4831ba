// Whose tokenizer a merged model gets: the files are copied, never merged.
import { join } from 'node:path'
import { hashFile } from '../checkpoint/index.js'
import type { Models } from './open.js'
import type { ErrorAt } from './parameters.js'
import type { MergePlan } from './plan.js'

/** The folder to copy from. @throws UserError for a union of different tokenizers and for a model that takes no part */
export async function chooseTokenizer(source: string | undefined, plan: MergePlan, models: Models, errorAt: ErrorAt): Promise<string> {
  const { reference } = plan
  if (source === undefined || source === 'base') return reference.checkpoint.folder
  if (source === 'union') {
    const hashOf = (folder: string): Promise<string | null> => hashFile(join(folder, 'tokenizer.json')).catch(() => null)
    const wanted = await hashOf(reference.checkpoint.folder)
    for (const { label, checkpoint } of models.all) {
      const hash = await hashOf(checkpoint.folder)
      if (hash !== null && hash !== wanted)
        throw errorAt(
          ['tokenizer_source'],
          `union needs the same tokenizer.json everywhere; that of ${label} is another; use base, or the folder of a model`,
        )
    }
    return reference.checkpoint.folder
  }
  const model = models.of(source)
  if (!model) throw errorAt(['tokenizer_source'], `must be base, union or a model of this file; got ${JSON.stringify(source)}`)
  return model.checkpoint.folder
}
