// Memory for random choices, one bit for each entry: what is drawn in one pass over a tensor need not be drawn again in the next. Threads
// share it. Where it does not do, the same is drawn again.
import { choicesBytes, isChoice, type Stage } from '../kernels/index.js'

/** Memory for choices, up to a bound. */
export interface ChoiceMemory {
  /** So many bytes, of any content; null where there is no room for them. */
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
      if (at >= 0) return free.splice(at, 1)[0]!
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
      const { marks, all } = choicesBytes(size, strip)
      const choices = memory.take(all)
      if (!choices) continue
      new Uint8Array(choices, 0, marks).fill(0)
      list[k] = { ...stage, choices }
      taken.push(choices)
    }
  return taken
}
