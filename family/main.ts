// `npm run family`: makes the miniature models of checkpoints/ again from their seeds.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import yargs from 'yargs'
import { trainFile, trainingOptions } from '../src/cli/training.js'
import { packageRoot } from '../src/files/index.js'
import {
  writeEncoderData,
  writeEncoderTasks,
  writeFamilyData,
  writeTaskFiles,
  writeVisionData,
  writeVisionTasks,
} from './index.js'

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

/** Training data into .scratch, held-out tasks into checkpoints/tasks. */
function writeData(parts: readonly Part[]): void {
  const scratch = (name: string) => join(packageRoot, '.scratch', name)
  const tasks = join(packageRoot, 'checkpoints/tasks')
  if (parts.includes('small') || parts.includes('large')) {
    writeFamilyData(scratch('family'), { seed: 1, documents: 240_000, trainItems: 16_000 })
    writeTaskFiles(tasks)
  }
  if (parts.includes('vision')) {
    writeVisionData(scratch('vision'), { seed: 1, scenes: 30_000, trainItems: 6_000 })
    writeVisionTasks(tasks)
  }
  if (parts.includes('encoder') || parts.includes('roberta')) {
    writeEncoderData(scratch('encoder'), { seed: 1, documents: 120_000, trainItems: 12_000 })
    writeEncoderTasks(tasks)
  }
}

const args = await trainingOptions(yargs(process.argv.slice(2)).scriptName('npm run family --'))
  .option('only', {
    choices: PARTS,
    describe: 'One part of the family: a size of the decoders, the image classifiers, BERT, RoBERTa',
  })
  .strict()
  .parseAsync()
const parts = args.only ? [args.only] : PARTS
writeData(parts)
for (const part of parts) {
  for (const name of FAMILY[part]) {
    if (!args.overwrite && existsSync(join(packageRoot, 'checkpoints', part, name))) continue
    await trainFile(join(packageRoot, `configs/family/${part}-${name}.yaml`), args)
  }
}
