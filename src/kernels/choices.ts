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

/** Draws, or what stands for them where they were drawn before. @param draw draws, to the buffer */
export function recallDraws(
  { kernels, memory }: { kernels: Kernels; memory: WebAssembly.Memory },
  { draws, bits: at }: Buffers,
  kept: Uint8Array | null,
  { size, limit, draw }: { size: number; limit: number; draw(): void },
): void {
  if (!kept) return draw()
  const bits = new Uint8Array(memory.buffer, at, kept.length - 1)
  if (kept[0]) {
    bits.set(kept.subarray(1))
    return kernels.unpack(at, draws, size)
  }
  draw()
  kernels.pack(draws, at, size, limit)
  kept.set(bits, 1)
  kept[0] = 1
}
