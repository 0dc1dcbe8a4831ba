// The bound of memory while codecs are chosen.
import type { Pair } from '../checkpoint/index.js'
import { leastLossy } from '../compress/index.js'
import { BACKEND_BYTES, MEMORY_BOUND, tooSmall } from '../stream/index.js'
import { countEntries, libraryBytes } from '../tensor/index.js'

/**
 * Bytes for each entry of a model whose loss is measured. The weights of post and of the base, and the delta, take 12. Weights moved to a
 * choice take 4, and the change that is added to them 4 before it is collected; the rest are gradients, and weights laid out otherwise.
 * Measured: peaks of two models of 4.7M and 12.6M entries differ by 27.5 bytes an entry.
 */
export const LOADED = 28
/**
 * Bytes of activations of 4096 tokens, and of what is compiled. Threads that price have ended when these are needed, so that what is
 * reckoned for them is spare: with 64 items and the least bounds, 541 and 755 MB, models of 5.0M and 12.6M entries peak at 455 and 601 MB.
 */
const RUNNING = 100e6

/**
 * The bound of the threads that make records, with the program. Tensors are read in pieces. Where a loss is measured, the model is in
 * memory, too; the changes of candidates are in a file.
 * @throws UserError for a bound that is too small for that, with the least that would do
 */
export function budgetMemory({ post, names }: Pair, hasLoss: boolean, memory = MEMORY_BOUND): number {
  const shapes = names.map((name) => ({ shape: post.tensors.get(name)!.shape, models: 1, computed: 0 }))
  const entries = [...post.tensors.values()].reduce((sum, { shape }) => sum + countEntries(shape), 0)
  const model = hasLoss ? RUNNING + LOADED * entries : 0
  const besides = BACKEND_BYTES + libraryBytes() + model
  const needed = leastLossy(shapes) + besides
  if (needed > memory)
    throw tooSmall(memory, needed, hasLoss ? ': the model is held while codecs are chosen by its loss' : undefined)
  return memory - besides
}
