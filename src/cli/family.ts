// `deltalab family`: the miniature models in checkpoints/, made again from their seeds.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { trainFile, trainingOptions } from './train.js'

export const command = 'family'
export const describe = 'Train the miniature family in checkpoints/ again from its seeds'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
/** Folders of checkpoints/ with the models in the order in which they are trained; a recipe is configs/family/<folder>-<model>.yaml. */
const FAMILY = {
  small: ['base', 'math', 'code', 'instruct', 'code-early'],
  large: ['base', 'math', 'code', 'instruct'],
  vision: ['base', 'digit', 'shape', 'orientation', 'count', 'texture', 'colour', 'position', 'size'],
  encoder: ['base', 'acceptability', 'sentiment', 'entailment', 'similarity'],
  roberta: ['base', 'acceptability', 'sentiment', 'entailment'],
}
type Part = keyof typeof FAMILY
const PARTS = Object.keys(FAMILY) as Part[]

export function builder(cli: Argv) {
  return trainingOptions(cli)
    .option('only', {
      choices: PARTS,
      describe: 'One part of the family: a size of the decoders, the image classifiers, BERT, RoBERTa',
    })
    .example('deltalab family --only small', 'the four small models and the early one')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler(args: Args): Promise<void> {
  const parts = args.only ? [args.only] : PARTS
  await writeData(parts)
  for (const part of parts) {
    for (const name of FAMILY[part]) {
      if (!args.overwrite && existsSync(join(ROOT, 'checkpoints', part, name))) continue
      await trainFile(join(ROOT, `configs/family/${part}-${name}.yaml`), args)
    }
  }
}

/** Training data into .scratch, held-out tasks into checkpoints/tasks. */
async function writeData(parts: readonly Part[]): Promise<void> {
  const family = await import('../family/index.js')
  const scratch = (name: string) => join(ROOT, '.scratch', name)
  const tasks = join(ROOT, 'checkpoints/tasks')
  if (parts.includes('small') || parts.includes('large')) {
    family.writeFamilyData(scratch('family'), { seed: 1, documents: 240_000, trainItems: 16_000 })
    family.writeTaskFiles(tasks)
  }
  if (parts.includes('vision')) {
    family.writeVisionData(scratch('vision'), { seed: 1, scenes: 30_000, trainItems: 6_000 })
    family.writeVisionTasks(tasks)
  }
  if (parts.includes('encoder') || parts.includes('roberta')) {
    family.writeEncoderData(scratch('encoder'), { seed: 1, documents: 120_000, trainItems: 12_000 })
    family.writeEncoderTasks(tasks)
  }
}
