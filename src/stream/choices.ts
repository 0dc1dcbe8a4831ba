// Memory for random choices, one bit for each entry: what is drawn in one pass over a tensor need not be drawn again in the next. Threads
// share it. Where it does not do, the same is drawn again.
import { choiceBytes, isChoice, type Stage } from '../kernels/index.js'

/** Memory for choices, up to a bound. */
export interface ChoiceMemory {
  /** So many bytes of zeros; null where there is no room for them. */
  take(bytes: number): SharedArrayBuffer | null
  giveBack(buffers: readonly SharedArrayBuffer[]): void
}

/** @param bound in bytes, for all that is taken at the same time; what is given back is used again */
export function openChoices(bound: number): ChoiceMemory {
  const free: SharedArrayBuffer[] = []
  let left = bound
  return {
    take(bytes) {
      const at = free.findIndex(({ byteLength }) => byteLength >= bytes)
      if (at >= 0) {
        const [buffer] = free.splice(at, 1)
        new Uint8Array(buffer!, 0, bytes).fill(0)
        return buffer!
      }
      if (bytes > left) return null
      left -= bytes
      return new SharedArrayBuffer(bytes)
    },
    giveBack: (buffers) => void free.push(...buffers),
  }
}

/** Gives memory to the stages of a tensor that choose at random. @returns what was taken for that */
export function keepChoices(
  memory: ChoiceMemory,
  stages: readonly Stage[][],
  { size, strip }: { size: number; strip: number },
): SharedArrayBuffer[] {
  const taken: SharedArrayBuffer[] = []
  for (const list of stages)
    for (const [k, stage] of list.entries()) {
      if (!isChoice(stage) || stage.choices) continue
      const choices = memory.take(Math.ceil(size / strip) * choiceBytes(strip))
      if (!choices) continue
      list[k] = { ...stage, choices }
      taken.push(choices)
    }
  return taken
}
