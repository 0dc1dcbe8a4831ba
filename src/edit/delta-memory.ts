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

/** Entries that are read at a time: what is read stays in the cache until it is used. Sums are of such runs, so they do not depend on anything else. */
const RUN = 1 << 17
/** Kernels work on whole vectors. */
const PADDING = 64

/** Matrices that a reader allocates, in float32: a run of one input, and its bytes as they are stored. */
export const readerShapes: [rows: number, columns: number][] = [
  [1, RUN],
  [1, 2 * RUN + PADDING],
]

/** Bytes that a reader takes besides for a moment. */
export const READER_BYTES = 4 * RUN

interface Part {
  from: number
  size: number
}

export interface DeltaReader {
  /** Entries from … of a delta into the matrix. @returns their squared norm */
  read(source: DeltaSource, from: number, into: Dense): number
  /** The squared norm of entries from … to − 1. */
  squares(source: DeltaSource, from: number, to: number): number
  close(): void
}

/** @param memory keeps the buffers of the reader for good */
export function openDeltaReader(memory: MatrixMemory): DeltaReader {
  const kernels = { ...instantiate<Kernels>('codec', memory.memory), ...instantiate<Kernels>('entries', memory.memory) }
  const [run, stored] = readerShapes.map(([rows, columns]) => memory.allocate(rows, columns)) as [Dense, Dense]
  const handles = new Map<string, number>()

  /** Reads the stored bytes of a run. */
  const fetch = ({ file, begin, dtype }: StoredValues, { from, size }: Part): void => {
    const bytes = size * WIDTHS[dtype]
    const target = new Uint8Array(memory.memory.buffer, stored.at, bytes + PADDING)
    target.fill(0, bytes)
    if (!handles.has(file)) handles.set(file, openSync(file, 'r'))
    readInto(handles.get(file)!, target.subarray(0, bytes), begin + from * WIDTHS[dtype], file)
  }
  /** A run of a delta at an address that has room for whole vectors. */
  const loadRun = (source: DeltaSource, part: Part, to: number): void => {
    if ('delta' in source) {
      const values = source.delta.subarray(part.from, part.from + part.size)
      new Float32Array(memory.memory.buffer, to, part.size).set(values)
      return
    }
    const { post, base } = source
    fetch(base, part)
    let bad = kernels[`decode${base.dtype}`](stored.at, run.at, part.size)
    fetch(post, part)
    if (post.dtype === 'BF16') bad |= kernels.subtractBF16(stored.at, run.at, to, part.size)
    else {
      bad |= kernels[`decode${post.dtype}`](stored.at, to, part.size)
      kernels.subtract(to, to, run.at, part.size)
    }
    if (bad) throw new BadInput()
  }
  return {
    read(source, from, into) {
      const size = into.rows * into.columns
      let sum = 0
      for (let done = 0; done < size; done += RUN) {
        const run = { at: into.at + 4 * done, rows: 1, columns: Math.min(RUN, size - done) }
        loadRun(source, { from: from + done, size: run.columns }, run.at)
        sum += memory.squares(run)
      }
      return sum
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
