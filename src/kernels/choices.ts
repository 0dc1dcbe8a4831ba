// What a stage chooses at random, one bit for each entry; and the same for the next passes, in memory that threads share.
import { choiceBytes } from './layout.js'
import type { Interval, TensorPass } from './pass.js'
import type { StepParts, Strip } from './step.js'

/** The bytes for an interval of entries; null where there are none, or it is no whole strip. */
function choicesOf(
  choices: SharedArrayBuffer | undefined,
  { strip, size }: Pick<TensorPass, 'strip' | 'size'>,
  { from, to }: Interval,
): Uint8Array | null {
  if (!choices || from % strip || to !== Math.min(size, from + strip)) return null
  const bytes = choiceBytes(strip)
  return new Uint8Array(choices, (from / strip) * bytes, bytes)
}

/**
 * Sees to it that the bits of a strip are set where an entry is dropped: as an earlier pass noted it, or drawn, and noted for the next ones.
 * @param draw puts draws in their place: those below `limit` drop their entries
 */
export function chooseBits(
  { kernels, memory, at, pass }: StepParts,
  choices: SharedArrayBuffer | undefined,
  { from, size }: Strip,
  { draw, limit }: { draw(): void; limit: number },
): void {
  const kept = choicesOf(choices, pass, { from, to: from + size })
  const bits = new Uint8Array(memory.buffer, at.bits, choiceBytes(pass.strip) - 1)
  if (kept?.[0]) return bits.set(kept.subarray(1))
  draw()
  kernels.pack(at.draws, at.bits, size, limit)
  if (!kept) return
  kept.set(bits, 1)
  kept[0] = 1
}
