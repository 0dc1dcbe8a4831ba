// Weights read from a checkpoint: all at once, or as a pass needs them, within a bound on memory.
import { type Checkpoint, weightRows } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import {
  type Batch,
  type Block,
  countOutputs,
  type Load,
  type Model,
  type PassKind,
  type Plan,
  paddedTokens,
  planStretches,
  type ReadRows,
  type Source,
  streaming,
  unitsOf,
  type Weights,
} from '../models/index.js'
import { track } from '../progress/index.js'
import { countEntries, heapBytes, tf } from '../tensor/index.js'

/** Smallest batches, in padded tokens; one long sequence may still be longer. */
export const FEWEST_TOKENS = 256
const MOST_TOKENS = 4096

export function loadOf(model: Model, batches: readonly Batch[]): Load {
  const tokens = batches.map((batch) => paddedTokens(model, batch))
  const most = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), 0)
  return {
    total: tokens.reduce((a, b) => a + b, 0),
    largest: most(tokens),
    columns: model.sequence ?? most(batches.flatMap(({ columns, encoder }) => [columns, encoder?.columns ?? 0])),
    counted: model.objective === 'features' ? 0 : most(batches.map((batch) => countOutputs(model, batch).at.length)),
  }
}

export interface Bounded {
  batches: Batch[]
  /** Padded tokens of a batch, at most. */
  tokens: number
  /** The same plan over any weights of this model's names and shapes, or of a model that differs in the rows of its vocabulary. */
  over(read: ReadRows, other?: Model): Source
}

/**
 * Batches and a plan that stay within `bytes`: the largest batches (in padded tokens) that do.
 * @param encode the batches, of at most so many padded tokens each
 * @throws UserError when one block does not fit beside the smallest batches, with the least bound that would do
 */
export async function fitBatches(
  model: Model,
  bytes: number,
  kind: PassKind,
  encode: (batchTokens: number) => Promise<Batch[]>,
): Promise<Bounded> {
  const bound = Math.min(bytes, heapBytes())
  for (let tokens = MOST_TOKENS; ; tokens /= 2) {
    const batches = await encode(tokens)
    try {
      const plan = planStretches(model, bound, loadOf(model, batches), { kind })
      return { batches, tokens, over: (read, other = model) => streaming(other, fitPlan(plan, other), read) }
    } catch (error) {
      if (!(error instanceof UserError) || tokens <= FEWEST_TOKENS) throw error
    }
  }
}

/** The plan on a model of the same blocks. */
function fitPlan(plan: Plan, model: Model): Plan {
  let at = 0
  const stretches = plan.stretches.map(({ blocks: { length }, parts }) => {
    const blocks = model.blocks.slice(at, at + length)
    at += length
    const [{ split }] = blocks as [Block]
    const units = split ? unitsOf(model, split) : Infinity
    const within = parts.filter((part) => !part || part.from < units)
    return { blocks, parts: within.map((part) => part && { from: part.from, to: Math.min(part.to, units) }) }
  })
  return { ...plan, stretches }
}

/**
 * All weights of a model as tensors, which the caller disposes; after an error none stays.
 * @param read float32 values of a tensor, row-major
 */
export async function readWeights(model: Model, read: (name: string) => Promise<Float32Array>): Promise<Weights> {
  const weights: Weights = {}
  try {
    const shapes = Object.entries(model.shapes)
    const bytes = shapes.reduce((sum, [, shape]) => sum + 4 * countEntries(shape), 0)
    await track({ name: 'read the weights', unit: 'bytes', total: bytes }, async ({ add }) => {
      for (const [name, shape] of shapes) {
        weights[name] = tf.tensor(await read(name), shape)
        add(4 * countEntries(shape), name)
      }
    })
  } catch (error) {
    tf.dispose(weights)
    throw error
  }
  return weights
}

/** The reader of a checkpoint's tensors. */
export const rowsOf =
  (checkpoint: Checkpoint): ReadRows =>
  (name, rows) =>
    weightRows(checkpoint, name, rows)
