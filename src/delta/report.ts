// What a delta file holds, tensor by tensor: codec, bytes, and bits for each parameter.
import { countEntries } from '../kernels/index.js'
import type { Delta } from './container.js'

export interface StoredRow {
  /** Null for bytes that are no tensor. */
  name: string | null
  dtype: string | null
  shape: readonly number[]
  codec: string
  /** The tensor of the base that it is compared with; null for one that is stored by itself. */
  base: string | null
  /** Bytes in the model (once, however often it stands there), and in the delta file. */
  bytes: number
  stored: number
  /** Of what is stored; null for bytes that are no tensor. */
  bitsPerParameter: number | null
}

export interface DeltaReport {
  file: string
  /** How the base was called. */
  base: string
  /** Bytes of the delta file, and of the files that it makes. */
  stored: number
  bytes: number
  files: readonly { path: string; bytes: number; sha256: string }[]
  tensors: StoredRow[]
  /** All that are no tensors: files and headers. */
  rest: { bytes: number; stored: number }
}

export function reportDelta({ file, base, size, files, units, pieces }: Delta): DeltaReport {
  const rows = units.map((unit, i): StoredRow => {
    const { name = null, dtype = null, shape = [], codec, bytes } = unit
    const stored = pieces[i]!.reduce((sum, piece) => sum + piece.bytes, 0)
    const bitsPerParameter = name === null ? null : (8 * stored) / countEntries(shape)
    return { name, dtype, shape, codec, base: unit.base?.name ?? null, bytes, stored, bitsPerParameter }
  })
  const others = rows.filter(({ name }) => name === null)
  return {
    file,
    base,
    stored: size,
    bytes: files.reduce((sum, each) => sum + each.bytes, 0),
    files: files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
    tensors: rows.filter(({ name }) => name !== null),
    rest: {
      bytes: others.reduce((sum, { bytes }) => sum + bytes, 0),
      stored: others.reduce((sum, { stored }) => sum + stored, 0),
    },
  }
}
