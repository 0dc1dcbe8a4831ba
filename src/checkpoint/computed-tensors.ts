// A checkpoint some of whose tensors are computed when they are read, in the formats and under the names of what is stored.

import { checkedBytes } from './bytes.js'
import type { Checkpoint } from './checkpoint.js'
import { countNonFinite, notFinite } from './dtype.js'
import { tensorBytes } from './layout.js'

/** @param shapes of the tensors that `compute` makes as float32; all others are the checkpoint's */
export function withComputed(
  checkpoint: Checkpoint,
  shapes: ReadonlyMap<string, readonly number[]>,
  compute: (name: string) => Promise<Float32Array>,
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
  const computed = async (name: string): Promise<Float32Array> => {
    const values = await compute(name)
    const bad = countNonFinite(values)
    if (bad.count)
      throw notFinite(`${checkpoint.folder}: tensor ${JSON.stringify(name)}, as it is changed,`, values, bad)
    return values
  }
  return {
    ...checkpoint,
    tensors,
    read: (name) => (shapes.has(name) ? computed(name) : checkpoint.read(name)),
    readRows: async (name, rows) => {
      if (!shapes.has(name)) return checkpoint.readRows(name, rows)
      const values = await computed(name)
      const stride = values.length / shapes.get(name)![0]!
      return rows ? values.subarray(rows.from * stride, rows.to * stride) : values
    },
    place: (name) => (shapes.has(name) ? null : checkpoint.place(name)),
    readBytes: async (name) => {
      if (!shapes.has(name)) return checkpoint.readBytes(name)
      return checkedBytes(tensors.get(name)!, await computed(name))
    },
  }
}
