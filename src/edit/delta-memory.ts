// Deltas of stored tensors, read into a memory of matrices: bytes go straight into it and are decoded there.
import { closeSync, openSync } from 'node:fs'
import { instantiate, type Kernels, type StoredFormat, WIDTHS } from '../kernels/index.js'
import { readInto } from '../stream/index.js'
import type { Dense, MatrixMemory } from '../tensor/index.js'

/** Where the entries of a tensor lie as they are stored. */
export interface StoredValues {
  file: string
  begin: number
  dtype: StoredFormat
}

/** Post-trained weights less those of the base; or the delta itself, computed. */
export type DeltaSource = { post: StoredValues; base: StoredValues } | { delta: Float32Array }

/** The stored values of an input are not finite. Who knows the checkpoint says where. */
export class BadInput extends Error {}

/** Entries that are read at a time. Sums are of such runs, so they do not depend on anything else. */
const RUN = 1 << 18
/** Kernels work on whole vectors. */
const PADDING = 64

/** Matrices that a reader allocates, in float32: a run of one input, and its bytes as they are stored. */
export const readerShapes: [rows: number, columns: number][] = [
  [1, RUN],
  [1, 2 * RUN + PADDING],
]

/** Bytes that a reader takes besides for a moment. */
export const READER_BYTES = 4 * RUN

export interface DeltaReader {
  /** Entries from … of a delta into the matrix. */
  read(source: DeltaSource, from: number, into: Dense): void
  /** The squared norm of entries from … to − 1. */
  squares(source: DeltaSource, from: number, to: number): number
  close(): void
}

/** @param memory keeps the buffers of the reader for good */
export function openDeltaReader(memory: MatrixMemory): DeltaReader {
  const kernels = { ...instantiate<Kernels>('codec', memory.memory), ...instantiate<Kernels>('entries', memory.memory) }
  const [run, stored] = readerShapes.map(([rows, columns]) => memory.allocate(rows, columns)) as [Dense, Dense]
  const handles = new Map<string, number>()

  const load = ({ file, begin, dtype }: StoredValues, { from, size }: { from: number; size: number }, to: number) => {
    const bytes = size * WIDTHS[dtype]
    const target = new Uint8Array(memory.memory.buffer, stored.at, bytes + PADDING)
    target.fill(0, bytes)
    if (!handles.has(file)) handles.set(file, openSync(file, 'r'))
    readInto(handles.get(file)!, target.subarray(0, bytes), begin + from * WIDTHS[dtype], file)
    if (kernels[`decode${dtype}`](stored.at, to, size)) throw new BadInput()
  }
  /** A run of a delta at an address that has room for whole vectors. */
  const loadRun = (source: DeltaSource, part: { from: number; size: number }, to: number): void => {
    if ('delta' in source) {
      const values = source.delta.subarray(part.from, part.from + part.size)
      new Float32Array(memory.memory.buffer, to, part.size).set(values)
      return
    }
    load(source.post, part, to)
    load(source.base, part, run.at)
    kernels.subtract(to, to, run.at, part.size)
  }
  return {
    read(source, from, into) {
      const size = into.rows * into.columns
      for (let done = 0; done < size; done += RUN)
        loadRun(source, { from: from + done, size: Math.min(RUN, size - done) }, into.at + 4 * done)
    },
    squares(source, from, to) {
      return memory.within(() => {
        const part = memory.allocate(1, RUN)
        let sum = 0
        for (let at = from; at < to; at += RUN) {
          const size = Math.min(RUN, to - at)
          loadRun(source, { from: at, size }, part.at)
          sum += memory.squares({ ...part, columns: size })
        }
        return sum
      })
    },
    close() {
      for (const handle of handles.values()) closeSync(handle)
    },
  }
}
