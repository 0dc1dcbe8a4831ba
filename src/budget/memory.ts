// The bound of memory while codecs are chosen.
import type { Pair } from '../checkpoint/index.js'
import { leastLossy } from '../compress/index.js'
import { type Load, leastPass, type Model } from '../models/index.js'
import { BACKEND_BYTES, MEMORY_BOUND, tooSmall } from '../stream/index.js'
import { countEntries, keptBytes, libraryBytes } from '../tensor/index.js'

/** Bytes of the wasm heap for each of its tensors': it grows by fifths. */
const HEAP = 1.2
/** Garbage that is left until it is worth collecting. */
const GARBAGE = 64e6
/** Bytes for each of a change that is read: itself, and as many freed ones that the allocator keeps. Measured with 128,000 words. */
const READ = 4

/**
 * Bytes of a model while its loss is measured: the weights of post and those of a choice, and beside them either a tensor that is moved, with
 * its change as it is read, or a pass that is cut as finely as may be.
 */
function measuredBytes({ model, load, batches }: MeasuredLoad): { held: number; passes: number } {
  const sizes = Object.values(model.shapes).map((shape) => 4 * countEntries(shape))
  const [all, most] = [sizes.reduce((a, b) => a + b, 0), sizes.reduce((a, b) => Math.max(a, b), 0)]
  const passes = (['gradient', 'comparison', 'forward'] as const).map((kind) => leastPass(model, load, kind))
  return {
    held: batches + GARBAGE + 2 * HEAP * all,
    passes: Math.max((2 * HEAP + READ) * most, ...passes.map((bytes) => HEAP * bytes)),
  }
}

/** A model whose loss is measured, and the items, in batches as small as may be. */
export interface MeasuredLoad {
  model: Model
  load: Load
  /** Bytes of all batches that are held, and of what is kept of their answers. */
  batches: number
}

/** What the work may take. */
export interface BudgetMemory {
  /** Threads that make records, with the program. */
  pieces: number
  /** A pass of the model, beside its weights. */
  passes: number
}

/**
 * Tensors are read in pieces. Where a loss is measured, the model is in memory, too; the changes of candidates are in a file. Threads
 * price before passes begin, and write when these have ended; but what passes took stays taken.
 * @param measured null where no loss is measured
 * @throws UserError for a bound that is too small for that, with the least that would do
 */
export function budgetMemory(
  { post, names }: Pair,
  measured: MeasuredLoad | null,
  memory = MEMORY_BOUND,
): BudgetMemory {
  const shapes = names.map((name) => ({ shape: post.tensors.get(name)!.shape, models: 1, computed: 0 }))
  const { held, passes } = measured ? measuredBytes(measured) : { held: 0, passes: 0 }
  const [threads, besides] = [leastLossy(shapes), BACKEND_BYTES + libraryBytes() + held]
  const needed = threads + besides + passes
  if (needed > memory)
    throw tooSmall(memory, needed, measured ? ': the model is held while codecs are chosen by its loss' : undefined)
  return { pieces: memory - besides - passes, passes: memory - besides - threads }
}

/** What is left of the bound once codecs are chosen: what measured the losses stays in memory. */
export const memoryLeft = (memory = MEMORY_BOUND): number => memory - keptBytes()
