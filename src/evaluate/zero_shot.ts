// The head of a zero-shot model: what its text tower makes of prompts that name the classes (Radford et al. 2021, section 3.1.4).
import { type Checkpoint, companionsOf, weightRows } from '../checkpoint/index.js'
import { batchesOf, type Model, makeInputs, modelOf, run, type Source, streaming } from '../models/index.js'
import { classPrompts, type Task } from '../tasks/index.js'
import type { Tensor } from '../tensor/index.js'
import { loadTokenizer, type Tokenizer, withinRows } from '../tokenizer/index.js'
import { BATCH_TOKENS } from './options.js'

/** Padded tokens of the hidden states that are kept between two blocks. */
const TOGETHER = 8 * BATCH_TOKENS

/**
 * The text features of classes: of each the mean of its prompts' features, each of unit length, and again of unit length.
 * [classes, projection], row-major. Longer prompts than the tower reads are cut before their end-of-text token.
 */
export async function classFeatures(
  model: Model,
  source: Source,
  { encode, eos, pad }: Pick<Tokenizer, 'encode' | 'eos' | 'pad'>,
  prompts: readonly (readonly string[])[],
): Promise<Float32Array> {
  const owners = prompts.flatMap((each, index) => each.map(() => index))
  const sequences = (await encode(prompts.flat(), { special: true })).map((ids) => ({
    prompt: ids.length > model.positions ? [...ids.slice(0, model.positions - 1), eos ?? ids.at(-1)!] : ids,
    target: [],
  }))
  const batches = batchesOf(sequences, pad, BATCH_TOKENS)
  const feeds = batches.map((batch) => ({
    tokens: batch.ids.length,
    rows: batch.rows,
    open: () => makeInputs(model, batch),
  }))
  const features = await run(source, feeds, (_: Tensor | null, outputs) => outputs.clone(), {
    name: 'names of the classes',
    unit: 'texts',
  })
  const width = model.outputs
  const sums = prompts.map(() => new Float64Array(width))
  for (const [i, feature] of features.entries()) {
    const values = (await feature.data()) as Float32Array
    feature.dispose()
    batches[i]!.items.forEach((item, row) =>
      addUnit(sums[owners[item]!]!, values.subarray(row * width, (row + 1) * width)),
    )
  }
  const classes = new Float32Array(prompts.length * width)
  sums.forEach((sum, index) => classes.set(unit(sum), index * width))
  return classes
}

function unit(values: ArrayLike<number>): Float64Array {
  const all = Float64Array.from(values)
  const norm = Math.sqrt(all.reduce((sum, value) => sum + value * value, 0))
  return all.map((value) => value / norm)
}

function addUnit(sum: Float64Array, values: ArrayLike<number>): void {
  unit(values).forEach((value, i) => (sum[i]! += value))
}

const isZeroShot = ({ objective, outputs }: Model): boolean => objective === 'classes' && outputs === 0

/** From headers alone, that `checkpoint` has what names the classes of a zero-shot model. @throws UserError as describeClasses */
export async function checkTower(model: Model, checkpoint: Checkpoint): Promise<void> {
  if (isZeroShot(model)) await openTower(checkpoint)
}

async function openTower(checkpoint: Checkpoint): Promise<{ tower: Model; tokenizer: Tokenizer }> {
  const config = { ...checkpoint.config, architectures: ['CLIPTextModelWithProjection'] }
  const tower = modelOf({ config, tensors: checkpoint.tensors }, checkpoint.folder)
  const folder = companionsOf(checkpoint)
  const tokenizer = await loadTokenizer(folder)
  return { tower, tokenizer: withinRows(tokenizer, tower.vocabulary, folder) }
}

/**
 * The task with the text features of its classes, where the model is a zero-shot one; else as it is. The text tower is read
 * from `checkpoint` block by block, whatever the bound on memory.
 * @throws UserError as classPrompts, of the tokenizer, and for a tower that is not there
 */
export async function describeClasses(task: Task, model: Model, checkpoint: Checkpoint): Promise<Task> {
  if (task.kind !== 'images' || !isZeroShot(model)) return task
  const prompts = classPrompts(task)
  const { tower, tokenizer } = await openTower(checkpoint)
  const stretches = tower.blocks.map((block) => ({ blocks: [block], parts: [null] }))
  const source = streaming(tower, { stretches, together: TOGETHER, largest: BATCH_TOKENS }, (name, rows) =>
    weightRows(checkpoint, name, rows),
  )
  return { ...task, features: await classFeatures(tower, source, tokenizer, prompts) }
}
