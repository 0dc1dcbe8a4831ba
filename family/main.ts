// `npm run family`: makes the miniature models of checkpoints/ again from their seeds.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import yargs from 'yargs'
import { trainFile, trainingOptions } from '../src/cli/training.js'
import { packageRoot } from '../src/files/index.js'
import { setBackend } from '../src/tensor/index.js'
import {
  SKILLS,
  writeCorrections,
  writeCorrectionTasks,
  writeEncoderData,
  writeEncoderTasks,
  writeFamilyData,
  writeKnowledgeData,
  writeKnowledgeTasks,
  writeTaskFiles,
  writeVisionData,
  writeVisionTasks,
} from './index.js'

/** What is trained on the knowledge graph, and on its parts, from its base. */
const TUNED = ['full', 'lora', 'bitfit', 'prompt', 'palt', 'palt-kin', 'palt-places']

/**
 * Folders of checkpoints/ with the models in the order in which they are trained; a recipe is configs/family/<folder>-<model>.yaml, and
 * <model>-<seed> is the same recipe with another seed.
 */
const FAMILY = {
  small: ['base', 'math', 'code', 'instruct', 'code-early'],
  isc: [1, 2, 3, 4, 5].flatMap((seed) => [`masked-${seed}`, `plain-${seed}`]),
  large: ['base', 'math', 'code', 'instruct'],
  vision: ['base', 'digit', 'shape', 'orientation', 'count', 'texture', 'colour', 'position', 'size'],
  encoder: ['base', 'acceptability', 'sentiment', 'entailment', 'similarity'],
  roberta: ['base', 'acceptability', 'sentiment', 'entailment'],
  knowledge: ['text', 'base', ...[1, 2, 3, 4, 5].flatMap((seed) => TUNED.map((model) => `${model}-${seed}`))],
}
type Part = keyof typeof FAMILY
const PARTS = Object.keys(FAMILY) as Part[]

/** Training data into .scratch, held-out tasks into checkpoints/tasks. */
async function writeData(part: Part): Promise<void> {
  const scratch = (name: string) => join(packageRoot, '.scratch', name)
  const tasks = join(packageRoot, 'checkpoints/tasks')
  if (part === 'small' || part === 'large') {
    writeFamilyData(scratch('family'), { seed: 1, documents: 240_000, trainItems: 16_000 })
    writeTaskFiles(tasks)
  }
  if (part === 'isc') {
    const model = join(packageRoot, 'checkpoints/small/instruct')
    await setBackend(args.backend)
    await writeCorrections(scratch('isc'), { model, skill: SKILLS.instruct, items: 16_000 })
    await writeCorrectionTasks(tasks, model, SKILLS.instruct)
  }
  if (part === 'vision') {
    writeVisionData(scratch('vision'), { seed: 1, scenes: 30_000, trainItems: 6_000 })
    writeVisionTasks(tasks)
  }
  if (part === 'encoder' || part === 'roberta') {
    writeEncoderData(scratch('encoder'), { seed: 1, documents: 120_000, trainItems: 12_000 })
    writeEncoderTasks(tasks)
  }
  if (part === 'knowledge') {
    writeKnowledgeData(scratch('knowledge'), { seed: 1, documents: 60_000, followers: 20_000, rounds: 8 })
    writeKnowledgeTasks(tasks)
  }
}

const args = await trainingOptions(yargs(process.argv.slice(2)).scriptName('npm run family --'))
  .option('only', {
    choices: PARTS,
    describe:
      'One part of the family: a size of the decoders, self-correction, the image classifiers, BERT, RoBERTa, the knowledge graph',
  })
  .strict()
  .parseAsync()
const parts = args.only ? [args.only] : PARTS
/** Parts whose data is that of another part, which comes earlier. */
const SHARED: Partial<Record<Part, Part>> = { large: 'small', roberta: 'encoder' }
for (const part of parts) {
  const source = SHARED[part]
  if (!source || !parts.includes(source)) await writeData(part)
  for (const name of FAMILY[part]) {
    const out = join(packageRoot, 'checkpoints', part, name)
    if (!args.overwrite && existsSync(out)) continue
    const [, recipe, seed] = /^(.*?)(?:-(\d+))?$/.exec(name)!
    const more = seed === undefined ? {} : { out, seed: Number(seed) }
    await trainFile(join(packageRoot, `configs/family/${part}-${recipe}.yaml`), { ...args, ...more })
  }
}
