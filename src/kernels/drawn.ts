// The entries that a drop at random keeps, drawn again from its key: what `select` keeps.
import type { Key } from './key.js'
import { instantiate, type Kernels } from './module.js'

/** A mask that is a function of its key. */
export interface DrawnMask {
  key: Key
  /** Probability that an entry is dropped. */
  rate: number
}

/** Entries that are drawn at a time. */
const BLOCK = 1 << 16
let workshop: { draws: Kernels['draws']; block: Int32Array } | undefined

function openWorkshop() {
  const memory = new WebAssembly.Memory({ initial: ((2 * BLOCK * 4) >> 16) + 1 })
  return { ...instantiate<Pick<Kernels, 'draws'>>('random', memory), block: new Int32Array(memory.buffer, 1024, BLOCK) }
}

/** Of `size` entries of a tensor from `from` on, the numbers of those that are kept, ascending from 0. */
export function drawKept({ key, rate }: DrawnMask, from: number, size: number): Uint32Array {
  const { draws, block } = (workshop ??= openWorkshop())
  const limit = Math.ceil(rate * 2 ** 24)
  const kept = new Uint32Array(size)
  let count = 0
  for (let at = 0; at < size; at += BLOCK) {
    const length = Math.min(BLOCK, size - at)
    draws(block.byteOffset, length, key[0], key[1], from + at)
    for (let i = 0; i < length; i++) if (block[i]! >= limit) kept[count++] = at + i
  }
  return kept.subarray(0, count)
}
