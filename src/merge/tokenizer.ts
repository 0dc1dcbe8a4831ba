// The tokenizer and the chat template of a merged model: those of its first model, or as the file says.
import { companionsOf } from '../checkpoint/index.js'
import { UserError, within } from '../errors/index.js'
import type { Chosen } from './joint-tokenizer.js'
import type { MergeModels } from './open.js'
import type { MergeFile } from './schema.js'

/** @throws UserError with the path in the file, from tokenizer files and headers alone */
export async function chooseTokenizer(config: MergeFile, models: MergeModels): Promise<Chosen> {
  const { tokenizer, tokenizer_source: source, chat_template: wanted } = config
  if (tokenizer && source !== undefined)
    throw new UserError('cannot stand beside tokenizer_source; give one of them', { path: ['tokenizer'] })
  const section = tokenizer ?? (source === undefined ? undefined : { source })
  let chosen: Chosen = { models, tokenizerFrom: companionsOf(models.all[0]!.checkpoint), files: {} }
  if (section) {
    const { shareTokenizer } = await import('./joint-tokenizer.js')
    chosen = await within([tokenizer ? 'tokenizer' : 'tokenizer_source'], () => shareTokenizer(section, config, models))
  }
  if (wanted === undefined) return chosen
  const { chooseTemplate } = await import('./template.js')
  const template = await within(['chat_template'], () => chooseTemplate(wanted, models, chosen))
  return { ...chosen, files: { ...chosen.files, ...template } }
}
