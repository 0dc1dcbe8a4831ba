// Experts that one file of Qwen3-VL-MoE holds [experts, in, out], as published, and another [experts, out, in], as transformers 5 saves them.
import { countEntries } from '../kernels/index.js'
import type { Checkpoint } from './checkpoint.js'
import { BITS } from './dtype.js'

type Lead = Pick<Checkpoint, 'config' | 'tensors'>

const TYPE = /^qwen3_vl_moe(_text)?$/
const EXPERTS = /\.experts\.(gate_up|down)_proj$/

const turnedShape = ([experts, rows, columns]: readonly number[]): number[] => [experts!, columns!, rows!]

/** Matrices [rows, columns], one after the other, as [columns, rows]. @param width array elements that an entry takes */
function turn<T extends Float32Array | Uint8Array>(values: T, rows: number, columns: number, width: number): T {
  const result = values.slice() as T
  for (let start = 0; start < values.length; start += rows * columns * width)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        for (let part = 0; part < width; part++)
          result[start + (column * rows + row) * width + part] =
            values[start + (row * columns + column) * width + part]!
  return result
}

/** `other` with its experts turned as `lead` has them. That is seen where a side differs; square matrices lie as those of their model. */
export function agreeOnSides(lead: Lead, other: Checkpoint): Checkpoint {
  if (![lead, other].some(({ config }) => TYPE.test(String(config?.model_type)))) return other
  const experts = [...other.tensors.values()].filter(({ name, shape }) => EXPERTS.test(name) && shape.length === 3)
  const isTurned = experts.some(({ name, shape: [, rows, columns] }) => {
    const [, leadRows, leadColumns] = lead.tensors.get(name)?.shape ?? []
    return rows !== columns && rows === leadColumns && columns === leadRows
  })
  if (!isTurned) return other
  const stored = new Map(experts.map((entry) => [entry.name, entry]))
  const readEntries: Checkpoint['readEntries'] = async (name, entries) => {
    const { shape } = stored.get(name)!
    const [, rows, columns] = shape as [number, number, number]
    const { from, to } = entries ?? { from: 0, to: countEntries(shape) }
    const size = rows * columns
    const first = Math.floor(from / size) * size
    const values = await other.readEntries(name, { from: first, to: Math.ceil(to / size) * size })
    return turn(values, rows, columns, 1).subarray(from - first, to - first)
  }
  return {
    ...other,
    tensors: new Map(
      [...other.tensors].map(([name, entry]) => [
        name,
        stored.has(name) ? { ...entry, shape: turnedShape(entry.shape) } : entry,
      ]),
    ),
    read: (name) => (stored.has(name) ? readEntries(name, null) : other.read(name)),
    readEntries: (name, entries) => (stored.has(name) ? readEntries(name, entries) : other.readEntries(name, entries)),
    place: (name, made) => (stored.has(name) ? null : other.place(name, made)),
    async readBytes(name) {
      const entry = stored.get(name)
      const bytes = await other.readBytes(name)
      return entry ? turn(bytes, entry.shape[1]!, entry.shape[2]!, BITS[entry.dtype]! / 8) : bytes
    },
  }
}
