// What a delta file holds, tensor by tensor: codec, bytes, and bits for each parameter.
import { countEntries } from '../kernels/index.js'
import type { Delta } from './container.js'
import { isExactFile, lossyOf } from './description.js'

/** One tensor of a delta file, or bytes that are none. */
export interface StoredRow {
  /** Null for bytes that are no tensor. */
  name: string | null
  /** As safetensors calls it; null for bytes that are no tensor. */
  dtype: string | null
  /** Empty for bytes that are no tensor. */
  shape: readonly number[]
  /** `lossless`; `packed`: the same, quicker and longer; `unchanged`: all of it is the base's; or one that keeps less than all of the delta. */
  codec: string
  /** Options of a codec with loss; null for others. */
  options: Readonly<Record<string, unknown>> | null
  /** Norm of what is written less the tensor, by that of the tensor less the base; 0 for what comes back to the bit. */
  error: number
  /** The tensor of the base that it is compared with; null for one that is stored by itself. */
  base: string | null
  /** Bytes in the model, once, however often it stands there. */
  bytes: number
  /** Bytes in the delta file. */
  stored: number
  /** Of what is stored; null for bytes that are no tensor. */
  bitsPerParameter: number | null
}

/** A file that a delta file makes. */
export interface StoredFile {
  /** Relative to the folder. */
  path: string
  /** Its length. */
  bytes: number
  /** Whether it comes back as it was. */
  isExact: boolean
  /** Of its bytes, in hexadecimal; null where it is not exact, or stored fast. */
  sha256: string | null
}

/** What a delta file holds. */
export interface DeltaReport {
  /** Its path. */
  file: string
  /** How the base was called. */
  base: string
  /** How the codecs were chosen, where a budget was given: what was predicted, and what was measured. */
  choice: Readonly<Record<string, unknown>> | null
  /** Bytes of the delta file. */
  stored: number
  /** Bytes of the files that it makes. */
  bytes: number
  /** The files that it makes. */
  files: readonly StoredFile[]
  /** Its tensors. */
  tensors: StoredRow[]
  /** All that are no tensors: files and headers. */
  rest: Pick<StoredRow, 'bytes' | 'stored'>
}

export function reportDelta({ file, base, choice, size, files, units, pieces }: Delta): DeltaReport {
  const rows = units.map((unit, i): StoredRow => {
    const { name = null, dtype = null, shape = [], codec, bytes } = unit
    const stored = pieces[i]!.reduce((sum, piece) => sum + piece.bytes, 0)
    const entries = countEntries(shape)
    const bitsPerParameter = name === null ? null : entries ? (8 * stored) / entries : 0
    const [options, error] = [lossyOf(unit)?.options ?? null, unit.error ?? 0]
    return { name, dtype, shape, codec, options, error, base: unit.base?.name ?? null, bytes, stored, bitsPerParameter }
  })
  const others = rows.filter(({ name }) => name === null)
  return {
    file,
    base,
    choice: choice ?? null,
    stored: size,
    bytes: files.reduce((sum, each) => sum + each.bytes, 0),
    files: files.map(({ sha256 = null, ...file }) => ({
      ...{ path: file.path, bytes: file.bytes, isExact: isExactFile(file, units), sha256 },
    })),
    tensors: rows.filter(({ name }) => name !== null),
    rest: {
      bytes: others.reduce((sum, { bytes }) => sum + bytes, 0),
      stored: others.reduce((sum, { stored }) => sum + stored, 0),
    },
  }
}
