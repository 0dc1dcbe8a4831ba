// The bound of memory while codecs are chosen, and while the file is written by them.
import process from 'node:process'
import type { Pair } from '../checkpoint/index.js'
import { leastLossy } from '../compress/index.js'
import { type Load, leastPass, type Model } from '../models/index.js'
import { BACKEND_BYTES, freeArrays, MEMORY_BOUND, PROGRAM_BYTES, tooSmall } from '../stream/index.js'
import { countEntries, libraryBytes } from '../tensor/index.js'

/** Bytes of the wasm heap for each of its tensors': it grows by fifths. */
const HEAP = 1.2
/** What threads that have ended leave with the allocator, beside arrays. */
const ENDED = 70e6
/** A freed array that is larger goes back to the system at once; of smaller ones the allocator keeps some. Measured with 33 MB: three. */
const KEPT_ARRAY = 2 ** 25
/** Garbage that is left until it is worth collecting. */
const GARBAGE = 64e6
/** Bytes for each of a tensor that is read: as it is stored, its values, and freed ones that the allocator keeps. */
const READ = 3

/**
 * Bytes of a model while its loss is measured: the weights of post and those of a choice, and beside them either the parts of a
 * tensor that is moved, with the holes that they leave, or a pass that is cut as finely as may be. While the weights of post are read, there are no others.
 */
function measuredBytes({ model, load, batches }: MeasuredLoad): { held: number; passes: number; ended: number } {
  const sizes = Object.values(model.shapes).map((shape) => 4 * countEntries(shape))
  const [all, most] = [sizes.reduce((a, b) => a + b, 0), sizes.reduce((a, b) => Math.max(a, b), 0)]
  const passes = (['gradient', 'comparison', 'forward'] as const).map((kind) => leastPass(model, load, kind))
  return {
    held: batches + GARBAGE + 2 * HEAP * all,
    ended: ENDED + 3 * Math.min(most, KEPT_ARRAY),
    passes: Math.max(READ * most - HEAP * all, 2 * HEAP * most, ...passes.map((bytes) => HEAP * bytes)),
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
  /** Threads that make records, with the program, before passes begin. */
  pieces: number
  /** Threads that write, with the program. What they need is sought within it, too: singular vectors. */
  writes: number
  /** A pass of the model, beside its weights: the same for any bound. */
  passes: number
}

/**
 * Tensors are read in pieces. Where a loss is measured, the model is in memory, too; the changes of candidates are in a file. Threads
 * price before passes begin, and others write when these have ended: the allocator keeps what the first ones took, and the backend
 * what passes took. Passes get the least that they need, whatever the bound: how they are cut rounds what is chosen by. What is left goes to
 * singular vectors.
 * @param measured null where no loss is measured
 * @throws UserError for a bound that is too small for that, with the least that would do
 */
export function budgetMemory(
  { post, names }: Pair,
  measured: MeasuredLoad | null,
  memory = MEMORY_BOUND,
): BudgetMemory {
  const tensors = names.map((name) => post.tensors.get(name)!)
  const least = leastLossy(tensors.map(({ shape }) => ({ shape, models: 1, computed: 0 })))
  const { held, passes, ended } = measured ? measuredBytes(measured) : { held: 0, passes: 0, ended: 0 }
  const pieces = memory - BACKEND_BYTES - libraryBytes() - held - passes
  const writes = pieces - ended
  if (writes < least)
    throw tooSmall(
      memory,
      memory + least - writes,
      measured ? ': the model is held while codecs are chosen by its loss' : undefined,
    )
  return { pieces, writes, passes }
}

/** Bytes for threads that write, with the program, once codecs are chosen: what the process holds then stays taken. */
export function writeMemory({ writes }: Pick<BudgetMemory, 'writes'>, memory = MEMORY_BOUND): number {
  freeArrays()
  return Math.max(writes, memory - Math.max(0, process.memoryUsage.rss() - PROGRAM_BYTES))
}
