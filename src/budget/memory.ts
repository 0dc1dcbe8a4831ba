// The bound of memory while codecs are chosen.
import type { Pair } from '../checkpoint/index.js'
import { leastLossy } from '../compress/index.js'
import { type Load, leastPass, type Model } from '../models/index.js'
import { BACKEND_BYTES, MEMORY_BOUND, tooSmall } from '../stream/index.js'
import { countEntries, libraryBytes } from '../tensor/index.js'

/**
 * Bytes for each entry of a model whose loss is measured. The weights of post and of the base, and the delta, take 12. Weights moved to a
 * choice take 4, and the change that is added to them 4 before it is collected; the rest are gradients, and weights laid out otherwise.
 * Measured: peaks of two models of 4.7M and 12.6M entries differ by 27.5 bytes an entry.
 */
export const LOADED = 28

/** Bytes of the passes that measure a loss, and its curvature, where they are cut as finely as may be. */
const passBytes = ({ model, load }: MeasuredModel): number =>
  Math.max(...(['gradient', 'comparison', 'forward'] as const).map((kind) => leastPass(model, load, kind)))

/** A model whose loss is measured. */
export interface MeasuredModel {
  model: Model
  /** Of the items that it is measured on, in batches as small as may be. */
  load: Load
}

/** What the work may take. */
export interface BudgetMemory {
  /** Threads that make records, with the program. */
  pieces: number
  /** A pass of the model, beside its weights. */
  passes: number
}

/**
 * Tensors are read in pieces. Where a loss is measured, the model is in memory, too; the changes of candidates are in a file. Threads that
 * price have ended when passes begin, so that what is reckoned for them is spare.
 * @param measured null where no loss is measured
 * @throws UserError for a bound that is too small for that, with the least that would do
 */
export function budgetMemory(
  { post, names }: Pair,
  measured: MeasuredModel | null,
  memory = MEMORY_BOUND,
): BudgetMemory {
  const shapes = names.map((name) => ({ shape: post.tensors.get(name)!.shape, models: 1, computed: 0 }))
  const entries = [...post.tensors.values()].reduce((sum, { shape }) => sum + countEntries(shape), 0)
  const besides = BACKEND_BYTES + libraryBytes() + (measured ? LOADED * entries : 0)
  const [threads, passes] = [leastLossy(shapes), measured ? passBytes(measured) : 0]
  const needed = threads + besides + passes
  if (needed > memory)
    throw tooSmall(memory, needed, measured ? ': the model is held while codecs are chosen by its loss' : undefined)
  return { pieces: memory - besides - passes, passes: memory - besides - threads }
}
