// The head of a zero-shot model: what its text tower makes of prompts that name the classes (Radford et al. 2021, section 3.1.4).
import { type Checkpoint, companionsOf, weightRows } from '../checkpoint/index.js'
import { type Batch, batchesOf, type Model, makeInputs, modelOf, run, type Source, streaming } from '../models/index.js'
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
  tokenizer: Pick<Tokenizer, 'encode' | 'eos' | 'pad' | 'unmarked'>,
  prompts: readonly (readonly string[])[],
): Promise<Float32Array> {
  const owners = prompts.flatMap((each, index) => each.map(() => index))
  const batches = await promptBatches(model, tokenizer, prompts.flat())
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

/** Batches of texts as the tower reads them: cut before the end-of-text token, and filled up where it wants that. */
async function promptBatches(
  { positions, filled }: Model,
  { encode, eos, pad, unmarked }: Pick<Tokenizer, 'encode' | 'eos' | 'pad' | 'unmarked'>,
  texts: readonly string[],
): Promise<Batch[]> {
  const all = (await encode(texts, { special: true })).map((ids) =>
    ids.length > positions ? [...ids.slice(0, positions - 1), eos ?? ids.at(-1)!] : ids,
  )
  const whole = (ids: number[]) => (filled ? [...ids, ...Array<number>(positions - ids.length).fill(pad)] : ids)
  const batches = batchesOf(
    all.map((ids) => ({ prompt: whole(ids), target: [] })),
    pad,
    BATCH_TOKENS,
  )
  if (filled && !unmarked)
    for (const { items, mask, columns } of batches)
      items.forEach((item, row) => mask.fill(0, row * columns + all[item]!.length, (row + 1) * columns))
  return batches
}

function unit(values: ArrayLike<number>): Float64Array {
  const all = Float64Array.from(values)
  const norm = Math.sqrt(all.reduce((sum, value) => sum + value * value, 0))
  return all.map((value) => value / norm)
}

function addUnit(sum: Float64Array, values: ArrayLike<number>): void {
  unit(values).forEach((value, i) => (sum[i]! += value))
}

/** From headers alone, that `checkpoint` has what names the classes of a zero-shot model. @throws UserError as describeClasses */
export async function checkTower(model: Model, checkpoint: Checkpoint): Promise<void> {
  if (model.describer) await openTower(model.describer, checkpoint)
}

async function openTower(style: string, checkpoint: Checkpoint): Promise<{ tower: Model; tokenizer: Tokenizer }> {
  const config = { ...checkpoint.config, architectures: [style] }
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
  if (task.kind !== 'images' || !model.describer) return task
  const prompts = classPrompts(task)
  const { tower, tokenizer } = await openTower(model.describer, checkpoint)
  const stretches = tower.blocks.map((block) => ({ blocks: [block], parts: [null] }))
  const source = streaming(tower, { stretches, together: TOGETHER, largest: BATCH_TOKENS }, (name, rows) =>
    weightRows(checkpoint, name, rows),
  )
  return { ...task, features: await classFeatures(tower, source, tokenizer, prompts) }
}
