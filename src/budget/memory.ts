// The bound of memory while codecs are chosen.
import type { Pair } from '../checkpoint/index.js'
import { leastLossy } from '../compress/index.js'
import { BACKEND_BYTES, MEMORY_BOUND, tooSmall } from '../stream/index.js'
import { countEntries, libraryBytes } from '../tensor/index.js'

/** Candidates of a tensor, about. */
const MOST = 34
/** Bytes for each entry of a model whose loss is measured: weights, deltas, changes, moved weights and a gradient. */
const LOADED = 24

/** How the bound is shared. */
export interface BudgetMemory {
  /** Bound of the threads that make records, with the program; singular vectors are sought within it. */
  threads: number
  /** For changes along which the curvature is measured at a time. */
  held: number
  /** Whether the changes of all candidates stay in memory; else they are made again where they are asked for. */
  keeps: boolean
}

/**
 * Tensors are read in pieces. Where a loss is measured, the model is in memory, too.
 * @throws UserError for a bound that is too small for that, with the least that would do
 */
export function budgetMemory({ post, names }: Pair, hasLoss: boolean, memory = MEMORY_BOUND): BudgetMemory {
  const shapes = names.map((name) => ({ shape: post.tensors.get(name)!.shape, models: 1, computed: 0 }))
  const backend = BACKEND_BYTES + libraryBytes()
  const least = leastLossy(shapes) + backend
  if (!hasLoss) {
    if (least > memory) throw tooSmall(memory, least)
    return { threads: memory - backend, held: 0, keeps: false }
  }
  const model = LOADED * [...post.tensors.values()].reduce((sum, { shape }) => sum + countEntries(shape), 0)
  const sizes = shapes.map(({ shape }) => countEntries(shape))
  // A change that is held is there twice for a moment.
  const change = 4 * Math.max(...sizes)
  const needed = least + model + 2 * change
  if (needed > memory) throw tooSmall(memory, needed, ': the model is held while codecs are chosen by its loss')
  const spare = memory - needed
  const kept = 4 * MOST * sizes.reduce((sum, size) => sum + size, 0)
  const keeps = kept <= spare / 2
  const held = change + spare / 8
  return { threads: memory - backend - model - 2 * held - (keeps ? kept : 0), held, keeps }
}
