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
  return {
    fetch(i, { file, begin, dtype, sum }, { from, size }) {
      const state = states[i]!
      const address = at.stored[i]!
      const width = WIDTHS[dtype]
      if (from < state.from || from + size > state.to) {
        state.from = from
        state.to = pass.runs ? from + size : Math.min(pass.to, from + pass.strip * stripsAtOnce(pass.strip, width))
        const bytes = (state.to - from) * width
        const position = begin + from * width
        const target = new Uint8Array(memory.buffer, address, bytes + PADDING)
        target.fill(0, bytes)
        storage.read(file, target.subarray(0, bytes), position)
        if (sum) {
          kernels.checksum(address, bytes, position, sumAt(i))
          state.summed += state.to - from
        }
      }
      return address + (from - state.from) * width
    },
    checksums: () =>
      states.map(({ summed }, i) => (summed === pass.to - pass.from ? showChecksum(memory, sumAt(i)) : null)),
  }
}
