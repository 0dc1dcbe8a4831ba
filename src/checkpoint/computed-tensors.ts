// A checkpoint some of whose tensors are computed when they are read, in the formats and under the names of what is stored.

import { countEntries, type Interval } from '../kernels/index.js'
import { checkedBytes } from './bytes.js'
import type { Checkpoint } from './checkpoint.js'
import { countNonFinite, notFinite } from './dtype.js'
import { tensorBytes } from './layout.js'

/**
 * Makes lines of a tensor as float32; a line runs along the last axis. A line is the same whichever others are asked for with it.
 */
export type ComputeLines = (name: string, lines: Interval) => Promise<Float32Array>

/** Entries that are computed at a time: the thread hears signals in between. */
const PORTION = 1 << 20

/** @param shapes of the tensors that `compute` makes; all others are the checkpoint's */
export function withComputed(
  checkpoint: Checkpoint,
  shapes: ReadonlyMap<string, readonly number[]>,
  compute: ComputeLines,
): Checkpoint {
  const tensors = new Map(
    [...checkpoint.tensors].map(([name, entry]) => {
      const shape = shapes.get(name)
      if (!shape) return [name, entry]
      // What is computed is float32, and has no more in F64.
      const dtype = entry.dtype === 'F64' ? 'F32' : entry.dtype
      return [name, { ...entry, dtype, shape: [...shape], end: entry.begin + tensorBytes({ dtype, shape }) }]
    }),
  )
  const computed = async (name: string, entries: Interval | null): Promise<Float32Array> => {
    const values = await readLines(shapes.get(name)!, entries, (lines) => compute(name, lines))
    const bad = countNonFinite(values)
    if (bad.count)
      throw notFinite(
        `${checkpoint.folder}: tensor ${JSON.stringify(name)}, as it is changed,`,
        values,
        bad,
        entries?.from,
      )
    return values
  }
  return {
    ...checkpoint,
    tensors,
    read: (name) => (shapes.has(name) ? computed(name, null) : checkpoint.read(name)),
    readEntries: (name, entries) =>
      shapes.has(name) ? computed(name, entries) : checkpoint.readEntries(name, entries),
    place: (name) => (shapes.has(name) ? null : checkpoint.place(name)),
    readBytes: async (name) => {
      if (!shapes.has(name)) return checkpoint.readBytes(name)
      const entry = tensors.get(name)!
      const size = countEntries(entry.shape)
      const bytes = new Uint8Array(tensorBytes(entry))
      for (let from = 0; from < size; from += PORTION) {
        const values = await computed(name, { from, to: Math.min(size, from + PORTION) })
        bytes.set(checkedBytes(entry, values, from), (bytes.length / size) * from)
      }
      return bytes
    },
  }
}

/** Entries (all when null) of a tensor that is made line by line. */
export async function readLines(
  shape: readonly number[],
  entries: Interval | null,
  make: (lines: Interval) => Promise<Float32Array>,
): Promise<Float32Array> {
  const { from, to } = entries ?? { from: 0, to: countEntries(shape) }
  if (from === to) return new Float32Array(0)
  const columns = shape.at(-1) ?? 1
  const first = Math.floor(from / columns)
  const values = await make({ from: first, to: Math.ceil(to / columns) })
  return values.subarray(from - first * columns, to - first * columns)
}
