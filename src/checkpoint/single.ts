// The tensors of one file of weights that is not a checkpoint by itself.

import { unknown } from '../errors/index.js'
import type { Interval } from '../kernels/index.js'
import type { TensorEntry } from './header.js'
import { openWeightReader, readWeightHeader } from './weight-reader.js'

export interface SingleFile {
  tensors: ReadonlyMap<string, TensorEntry>
  /** Float32, row-major: entries from … to − 1 (all when left out). @throws UserError for a tensor that is not floating, or holds NaN or Inf */
  read(name: string, entries?: Interval): Promise<Float32Array>
  /** All entries of a tensor that is floating or of whole numbers, as float32. */
  numbers(name: string): Promise<Float32Array>
  /** Of a tensor, as they are stored. */
  bytes(name: string): Promise<Uint8Array<ArrayBuffer>>
  close(): Promise<void>
}

/** How whole numbers are stored, by the word of safetensors. */
const INTEGERS: Readonly<Record<string, (buffer: ArrayBuffer) => ArrayLike<number | bigint>>> = {
  U8: (buffer) => new Uint8Array(buffer),
  I8: (buffer) => new Int8Array(buffer),
  I16: (buffer) => new Int16Array(buffer),
  I32: (buffer) => new Int32Array(buffer),
  I64: (buffer) => new BigInt64Array(buffer),
}

/** Opens a file by its header. */
export async function openWeights(file: string): Promise<SingleFile> {
  const { entries, views } = await readWeightHeader(file)
  const tensors = new Map(entries.map((entry) => [entry.name, entry]))
  const reader = openWeightReader(new Map(views.map((view) => [view.name, view])))
  const entryOf = (name: string): TensorEntry => {
    const entry = tensors.get(name)
    if (!entry) throw unknown(`tensor in ${file}`, name, [...tensors.keys()])
    return entry
  }
  const bytes = async (name: string): Promise<Uint8Array<ArrayBuffer>> => {
    const entry = entryOf(name)
    const target = new Uint8Array(entry.end - entry.begin)
    await reader.fill(entry, target, 0)
    return target
  }
  return {
    tensors,
    bytes,
    read: async (name, part) => reader.values(entryOf(name), part ?? null),
    async numbers(name) {
      const entry = entryOf(name)
      const whole = INTEGERS[entry.dtype]
      if (!whole) return reader.values(entry, null)
      return Float32Array.from(whole((await bytes(name)).buffer), Number)
    },
    close: () => reader.close(),
  }
}
