// Matrices as bands of singular vectors: vectors of rows and of columns in few bits, and singular values. The vectors of columns, which all
// rows need, stand at the head of a tensor's records.
import { encodeGrids, type Grids, gridsBytes, readGrids } from './grids.js'
import { encodeValues, VALUE_BYTES, type ValueFormat } from './values.js'
import type { Fill, Workspace } from './workspace.js'

/** Singular vectors of so many bits each entry, leading ones first. */
export interface StoredBand {
  bits: number
  width: number
}

/** How the matrices of a tensor are stored. */
export interface Bands {
  bands: readonly StoredBand[]
  group: number
  /** Format of singular values, scales, and vectors that are not quantised. */
  values: ValueFormat
}

/** Vectors of so many bits are stored as values. */
const UNQUANTISED = 16

const gridsOf = ({ group, values }: Bands, bits: number, columns: number): Grids => ({ columns, bits, group, values })

const vectorBytes = (bands: Bands, bits: number, rows: number, columns: number): number =>
  bits === UNQUANTISED ? rows * columns * VALUE_BYTES[bands.values] : gridsBytes(gridsOf(bands, bits, columns), rows)

const encodeVectors = (bands: Bands, bits: number, values: Float32Array, columns: number): Uint8Array =>
  bits === UNQUANTISED ? encodeValues(values, bands.values) : encodeGrids(values, gridsOf(bands, bits, columns))

/** Reads vectors at an address. @throws BadValue */
function readVectors(
  bands: Bands,
  bits: number,
  { at, rows, columns }: { at: number; rows: number; columns: number },
  space: Workspace,
): number {
  const to = space.take(4 * rows * columns)
  if (bits === UNQUANTISED) space.decode(bands.values, at, rows * columns, to)
  else readGrids({ at, rows }, gridsOf(bands, bits, columns), space)(0, rows * columns, to)
  return to
}

const rankOfBands = ({ bands }: Bands): number => bands.reduce((sum, { width }) => sum + width, 0)

/** Bytes of what all rows of a matrix need. */
export const bandHeadBytes = (bands: Bands, columns: number): number =>
  rankOfBands(bands) * VALUE_BYTES[bands.values] +
  bands.bands.reduce((sum, { bits, width }) => sum + vectorBytes(bands, bits, width, columns), 0)

/** Bytes of so many rows. */
export const bandRowsBytes = (bands: Bands, rows: number): number =>
  bands.bands.reduce((sum, { bits, width }) => sum + vectorBytes(bands, bits, rows, width), 0)

/** Triplets of a matrix; vectors one behind the other. */
export interface Triplets {
  rows: number
  columns: number
  s: ArrayLike<number>
  ut: Float32Array
  vt: Float32Array
}

/** @throws BadValue */
export function encodeBandHead(bands: Bands, { columns, s, vt }: Triplets): Uint8Array {
  const out = new Uint8Array(bandHeadBytes(bands, columns))
  const values = encodeValues(
    Float32Array.from({ length: rankOfBands(bands) }, (_, k) => s[k]!),
    bands.values,
  )
  out.set(values)
  let at = values.length
  let from = 0
  for (const { bits, width } of bands.bands) {
    const part = encodeVectors(bands, bits, vt.subarray(from * columns, (from + width) * columns), columns)
    out.set(part, at)
    at += part.length
    from += width
  }
  return out
}

/** Rows from … to − 1. @throws BadValue */
export function encodeBandRows(bands: Bands, { rows, ut }: Triplets, from: number, to: number): Uint8Array {
  const out = new Uint8Array(bandRowsBytes(bands, to - from))
  let at = 0
  let first = 0
  for (const { bits, width } of bands.bands) {
    const left = new Float32Array((to - from) * width)
    for (let i = from; i < to; i++)
      for (let k = 0; k < width; k++) left[(i - from) * width + k] = ut[(first + k) * rows + i]!
    const part = encodeVectors(bands, bits, left, width)
    out.set(part, at)
    at += part.length
    first += width
  }
  return out
}

/** What all rows of a matrix need, read. */
export interface BandHead {
  s: Float32Array
  /** Of each band [width, columns]. */
  right: Float32Array[]
}

/** @param at its address @throws BadValue */
export function readBandHead(bands: Bands, at: number, columns: number, space: Workspace): BandHead {
  const rank = rankOfBands(bands)
  const values = space.take(4 * rank)
  space.decode(bands.values, at, rank, values)
  let from = at + rank * VALUE_BYTES[bands.values]
  const right = bands.bands.map(({ bits, width }) => {
    const found = readVectors(bands, bits, { at: from, rows: width, columns }, space)
    from += vectorBytes(bands, bits, width, columns)
    return space.floats(found, width * columns).slice()
  })
  return { s: space.floats(values, rank).slice(), right }
}

/** Rows of a matrix at an address, and addresses of scratch memory: of products, and for as many entries as are filled at a time. */
export interface PlacedRows {
  at: number
  rows: number
  columns: number
  scratch: number
  part: number
}

/** Reads rows: the sum over the bands of (U S) Vᵀ, each in float32. It fills whole ones. @throws BadValue */
export function readBandRows(
  bands: Bands,
  { s, right }: BandHead,
  { at, rows, columns, scratch, part }: PlacedRows,
  space: Workspace,
): Fill {
  const { kernels } = space
  let [from, first] = [at, 0]
  const factors = bands.bands.map(({ bits, width }, b) => {
    const left = readVectors(bands, bits, { at: from, rows, columns: width }, space)
    const own = space.floats(left, rows * width)
    for (let i = 0; i < own.length; i++) own[i]! *= s[first + (i % width)]!
    from += vectorBytes(bands, bits, rows, width)
    first += width
    return { left, right: space.put(right[b]!), width }
  })
  return (begin, count, to) => {
    if (!factors.length) space.floats(to, count).fill(0)
    for (const [b, { left, right, width }] of factors.entries()) {
      const a = left + (4 * begin * width) / columns
      kernels.gemmBatch(a, right, b ? part : to, count / columns, columns, width, false, false, 0, 0, 0, 1, scratch)
      if (b) kernels.add(to, part, count)
    }
  }
}
