// What a stage chose at random in one pass, for the next ones: one bit for each entry, in memory that threads share.
import { type Buffers, choiceBytes } from './layout.js'
import type { Kernels } from './module.js'
import type { Interval, TensorPass } from './pass.js'

/** The bytes for an interval of entries; null where there are none, or it is no whole strip. */
export function choicesOf(
  choices: SharedArrayBuffer | undefined,
  { strip, size }: Pick<TensorPass, 'strip' | 'size'>,
  { from, to }: Interval,
): Uint8Array | null {
  if (!choices || from % strip || to !== Math.min(size, from + strip)) return null
  const bytes = choiceBytes(strip)
  return new Uint8Array(choices, (from / strip) * bytes, bytes)
}

interface Drawing {
  kernels: Kernels
  memory: WebAssembly.Memory
  at: Buffers
}

/** Puts what stands for the draws of a strip in their place, where an earlier pass noted it. @returns whether it did */
export function recallDraws({ kernels, memory, at }: Drawing, kept: Uint8Array | null, size: number): boolean {
  if (!kept?.[0]) return false
  new Uint8Array(memory.buffer, at.bits, kept.length - 1).set(kept.subarray(1))
  kernels.unpack(at.bits, at.draws, size)
  return true
}

/** Notes for the next passes which draws of a strip are below the limit. */
export function noteDraws({ kernels, memory, at }: Drawing, kept: Uint8Array, size: number, limit: number): void {
  kernels.pack(at.draws, at.bits, size, limit)
  kept.set(new Uint8Array(memory.buffer, at.bits, kept.length - 1), 1)
  kept[0] = 1
}
