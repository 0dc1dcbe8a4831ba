// Matrices as bands of singular vectors: vectors of rows and of columns in few bits, and singular values. The vectors of columns, which all
// rows need, stand at the head of a tensor's records.
import { decodeGrids, encodeGrids, type Grids, gridsBytes } from './grids.js'
import type { Gemm } from './module.js'
import { instantiate } from './module.js'
import { decodeValues, encodeValues, VALUE_BYTES, type ValueFormat } from './values.js'

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

const decodeVectors = (
  bands: Bands,
  bits: number,
  bytes: Uint8Array,
  { rows, columns }: { rows: number; columns: number },
): Float32Array =>
  bits === UNQUANTISED ? decodeValues(bytes, bands.values) : decodeGrids(bytes, gridsOf(bands, bits, columns), rows)

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

/** @throws BadValue */
export function decodeBandHead(bands: Bands, bytes: Uint8Array, columns: number): BandHead {
  let at = rankOfBands(bands) * VALUE_BYTES[bands.values]
  const s = decodeValues(bytes.subarray(0, at), bands.values)
  const right = bands.bands.map(({ bits, width }) => {
    const size = vectorBytes(bands, bits, width, columns)
    const part = decodeVectors(bands, bits, bytes.subarray(at, at + size), { rows: width, columns })
    at += size
    return part
  })
  return { s, right }
}

/** The product of so many rows: the sum over the bands of (U S) Vᵀ, each in float32. @throws BadValue */
export function decodeBandRows(
  bands: Bands,
  { s, right }: BandHead,
  bytes: Uint8Array,
  { rows, columns }: { rows: number; columns: number },
): Float32Array {
  const out = new Float32Array(rows * columns)
  let at = 0
  let first = 0
  for (const [b, { bits, width }] of bands.bands.entries()) {
    const size = vectorBytes(bands, bits, rows, width)
    const left = decodeVectors(bands, bits, bytes.subarray(at, at + size), { rows, columns: width })
    for (let i = 0; i < left.length; i++) left[i]! *= s[first + (i % width)]!
    const part = multiply(left, right[b]!, [rows, columns, width])
    if (b === 0) out.set(part)
    else for (let i = 0; i < out.length; i++) out[i]! += part[i]!
    at += size
    first += width
  }
  return out
}

let opened: { memory: WebAssembly.Memory; gemm: Gemm } | undefined

/** A B of [m, k] and [k, n]; a view that the next call overwrites. */
function multiply(a: Float32Array, b: Float32Array, [m, n, k]: readonly [number, number, number]): Float32Array {
  if (!opened) {
    const memory = new WebAssembly.Memory({ initial: 1 })
    opened = { memory, gemm: instantiate<Gemm>('gemm', memory) }
  }
  const { memory, gemm } = opened
  const scratch = 1024
  const atA = scratch + Math.ceil(gemm.gemmScratch() / 64) * 64 + 64
  const atB = atA + Math.ceil(a.byteLength / 64) * 64 + 64
  const atC = atB + Math.ceil(b.byteLength / 64) * 64 + 64
  const missing = atC + 4 * m * n + 64 - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / 65536))
  new Float32Array(memory.buffer, atA, a.length).set(a)
  new Float32Array(memory.buffer, atB, b.length).set(b)
  gemm.gemmBatch(atA, atB, atC, m, n, k, false, false, 0, 0, 0, 1, scratch)
  return new Float32Array(memory.buffer, atC, m * n)
}
