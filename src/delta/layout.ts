// Where things are in a delta file: a safetensors file of records, with an index of their lengths and checksums.
import { createHash } from 'node:crypto'
import type { StoredPiece } from '../kernels/index.js'
import { type DeltaUnit, VERSION } from './description.js'
import { MARK } from './mark.js'

/** The entry of the index. */
export const INDEX_ENTRY = 'pieces'
/** The entry of the description: JSON, deflated. */
export const DESCRIPTION_ENTRY = 'description'
/** Words of 32 bits of a piece in the index: the length of the record, and checksums of it, the piece and the base. */
export const WORDS = 13

/** A piece as the index describes it. */
export type IndexedPiece = Omit<StoredPiece, 'record'> & { bytes: number }

export const indexWords = ({ bytes, sum, resultSum, baseSum }: IndexedPiece): Uint32Array => {
  const words = Uint32Array.of(bytes, ...Array<number>(WORDS - 1).fill(0))
  for (const [i, each] of [sum, resultSum, baseSum].entries())
    for (let k = 0; k < 4 && each; k++) {
      // Two sums of 64 bits, each written from its upper end.
      const at = 16 * (k >> 1) + 8 * (1 - (k & 1))
      words[1 + 4 * i + k] = Number.parseInt(each.slice(at, at + 8), 16)
    }
  return words
}

export function indexedPiece(words: Uint32Array): IndexedPiece {
  const hex = (i: number): string => words[i]!.toString(16).padStart(8, '0')
  const sumAt = (i: number): string => hex(i + 1) + hex(i) + hex(i + 3) + hex(i + 2)
  return { bytes: words[0]!, sum: sumAt(1), resultSum: sumAt(5), baseSum: sumAt(9) }
}

export const digestOf = (description: Uint8Array, index: Uint8Array): string =>
  createHash('sha256').update(description).update(index).digest('hex')

/** Bytes of the entries that are not data of units. */
interface ContainerParts {
  pieces: number
  description: number
  sha256: string
}

/** The header, at least `least` bytes long. @param lengths of the data of each unit */
export function headerOf(
  units: readonly DeltaUnit[],
  lengths: readonly number[],
  { pieces, description, sha256 }: ContainerParts,
  least = 0,
): Buffer {
  let at = 0
  const entry = (dtype: string, shape: number[], bytes: number) => {
    at += bytes
    return { dtype, shape, data_offsets: [at - bytes, at] }
  }
  const data = units.flatMap(({ data }, i) => (data === undefined ? [] : [{ data, bytes: lengths[i]! }]))
  const json = JSON.stringify({
    __metadata__: {
      [MARK]: VERSION,
      sha256,
    },
    ...Object.fromEntries(data.map(({ data, bytes }) => [data, entry('U8', [bytes], bytes)])),
    [INDEX_ENTRY]: entry('U32', [pieces, WORDS], 4 * WORDS * pieces),
    [DESCRIPTION_ENTRY]: entry('U8', [description], description),
  })
  const text = Buffer.from(json)
  const bytes = Buffer.alloc(Math.max(least, 8 + Math.ceil(text.length / 8) * 8), ' ')
  bytes.writeBigUInt64LE(BigInt(bytes.length - 8))
  text.copy(bytes, 8)
  return bytes
}

/** Bytes of a header that has room for data of any length. */
export function roomiestHeader(units: readonly DeltaUnit[]): number {
  const most = Math.floor(Number.MAX_SAFE_INTEGER / (2 * units.length + 2))
  const parts = { pieces: Number.MAX_SAFE_INTEGER, description: most, sha256: '0'.repeat(64) }
  const longest = units.map(() => most)
  return headerOf(units, longest, parts).length
}

/** Bytes of a file with so many pieces and a description of so many bytes, without the data of its units. */
export const containerBytes = (units: readonly DeltaUnit[], pieces: number, description: number): number =>
  roomiestHeader(units) + 4 * WORDS * pieces + description
