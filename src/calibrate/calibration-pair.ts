// A pair of checkpoints in memory, with the two parts of a task as batches.
import { type Pair, pairCheckpoints } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { encodeItems, fitTask, openReader } from '../evaluate/index.js'
import { readWeights } from '../loss/index.js'
import { type Batch, checkClass, type Model, modelOf, type Weights } from '../models/index.js'
import { openModels } from '../sources/index.js'
import { loadTask, type Task, type TaskCard } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import { splitTask } from './split.js'

export interface CalibrateOptions {
  task: string
  /** Tasks of plugins, which `task` may name. */
  tasks?: readonly TaskCard[] | undefined
  items: number
  /** Accept tensors that do not match; they stay as in the post-trained model. */
  ignoreUnmatched?: boolean
}

export interface CalibrationPair {
  pair: Pair
  model: Model
  base: Weights
  post: Weights
  /** The last items of the task, to calibrate on, and as many first ones, to check on. */
  calibration: Batch[]
  check: Batch[]
}

/** Padded tokens of a batch. Batches are small because gradients of logits are taken on them. */
const BATCH_TOKENS = 1024

/** Opens the pair, works with it, and frees it. @throws UserError before weights are read, and what `work` throws */
export async function withCalibrationPair<Result>(
  base: string,
  post: string,
  { task: source, tasks, items, ignoreUnmatched }: CalibrateOptions,
  work: (held: CalibrationPair) => Promise<Result>,
): Promise<Result> {
  const task = await loadTask(source, { tasks })
  const files = await openModels(base, post, { check: checkClass })
  const [before, after] = files
  const held: Weights[] = []
  try {
    const pair = await pairCheckpoints(before, after, { ignoreUnmatched })
    const model = modelOf(after, post)
    const reader = await openReader(after, model)
    const fitted = await fitTask(task, reader, model)
    const { learn, check } = splitTask(fitted, items, source, 'to calibrate and to check')
    const encode = (part: Task) => encodeItems(part, reader, model, { batchTokens: BATCH_TOKENS })
    const batches = { calibration: await encode(learn), check: await encode(check) }
    const hold = async (read: (name: string) => Promise<Float32Array>) => {
      const weights = await readWeights(model, read)
      held.push(weights)
      return weights
    }
    const paired = new Set(pair.names)
    const trained = await hold((name) => after.read(name))
    let moves = false
    const untrained = await hold(async (name) => {
      const values = await (paired.has(name) ? before : after).read(name)
      const moved = (await trained[name]!.data()) as Float32Array
      moves ||= values.some((value, i) => value !== moved[i])
      return values
    })
    if (!moves) throw new UserError(`${base} and ${post} have the same weights: there is no delta to calibrate`)
    return await work({ pair, model, post: trained, base: untrained, ...batches })
  } finally {
    tf.dispose(held)
    await Promise.all(files.map((file) => file.close()))
  }
}
