// What a pass reads. Several strips are read at once where one follows the other: few long reads cost the system less than many short ones.
import { CHECKSUM_BYTES, showChecksum, startChecksum } from './checksum.js'
import { type Buffers, PADDING, stripsAtOnce } from './layout.js'
import type { Kernels } from './module.js'
import { type PassSource, type Storage, type TensorPass, WIDTHS } from './pass.js'
import type { Strip } from './step.js'

type StoredSource = Exclude<PassSource, { values: Float32Array }>

/** The inputs of a pass by their numbers: 0 is the base, models follow from 1. */
export interface PassInputs {
  /** Address of the stored bytes of a strip, followed by zeros where it ends within a vector. */
  fetch(input: number, source: StoredSource, strip: Pick<Strip, 'from' | 'size'>): number
  /** Checksums of what was read; null where none was asked for, or not all of the interval was read. */
  checksums(): (string | null)[]
}

export function openPassInputs(
  { memory, kernels, storage }: { memory: WebAssembly.Memory; kernels: Kernels; storage: Storage },
  at: Pick<Buffers, 'stored' | 'sums'>,
  pass: TensorPass,
): PassInputs {
  /** The entries whose bytes are in the buffer, and how many have gone into the checksum. */
  const states = at.stored.map(() => ({ from: 0, to: 0, summed: 0 }))
  const sumAt = (i: number): number => at.sums + CHECKSUM_BYTES * i
  for (const i of states.keys()) startChecksum(memory, sumAt(i))
  /** Fills the buffer, from an entry on. Apart from `fetch`, which is called for each strip: V8 compiles it in a fraction of the time. */
  const fill = (i: number, { file, begin, dtype, sum }: StoredSource, { from, size }: Pick<Strip, 'from' | 'size'>) => {
    const [state, address, width] = [states[i]!, at.stored[i]!, WIDTHS[dtype]]
    state.from = from
    state.to = pass.runs ? from + size : Math.min(pass.to, from + pass.strip * stripsAtOnce(pass.strip, width))
    const bytes = (state.to - from) * width
    const position = begin + from * width
    storage.read(file, new Uint8Array(memory.buffer, address, bytes), position)
    if ((state.to - from) % 16) new Uint8Array(memory.buffer, address + bytes, PADDING).fill(0)
    if (!sum) return
    kernels.checksum(address, bytes, position, sumAt(i))
    state.summed += state.to - from
  }
  return {
    fetch(i, source, strip) {
      const state = states[i]!
      if (strip.from < state.from || strip.from + strip.size > state.to) fill(i, source, strip)
      return at.stored[i]! + (strip.from - state.from) * WIDTHS[source.dtype]
    },
    checksums: () =>
      states.map(({ summed }, i) => (summed === pass.to - pass.from ? showChecksum(memory, sumAt(i)) : null)),
  }
}
