// Singular value decomposition, which TensorFlow.js lacks: exact through the float64 Gram matrix of the smaller side, or,
// when few singular vectors of a big matrix are wanted, a randomised range finder on the backend.

import { eigen, gram, product } from './eigen.js'
import type { Key } from './key.js'
import { keyedNormal } from './random.js'
import { dot } from './solve.js'
import { tf } from './tf.js'

export interface Svd {
  rows: number
  columns: number
  /** Singular values, descending. */
  s: Float64Array
  /** Left singular vectors as rows, [s.length, rows] row-major. */
  ut: Float32Array
  /** Right singular vectors as rows, [s.length, columns] row-major. The vector of a singular value of 0 is 0. */
  vt: Float32Array
}

export interface SvdOptions {
  /** Number of leading singular triplets wanted; all when absent. */
  rank?: number | undefined
  /** Key of the random test matrix of the range finder. */
  key?: Key
}

/** Above this size of the smaller side, and with at most an eighth of its rank wanted, the range finder is used. */
const EXACT = 512
/** Columns beyond the wanted rank, and power iterations (Halko, Martinsson, Tropp 2011, §4.5): errors decay as (σ_l/σ_r)^5. */
const OVERSAMPLING = 10
const ITERATIONS = 2

/** Whether `svd` would take the exact way. */
export function exactSvd([rows, columns]: readonly number[], rank = Infinity): boolean {
  const small = Math.min(rows!, columns!)
  return small <= EXACT || rank * 8 > small
}

/** Decomposes a finite matrix [rows, columns]; leaves no tensor behind. Exact cost: O(min² max) float64 operations. */
export async function svd(matrix: tf.Tensor2D, { rank = Infinity, key = [0, 0] }: SvdOptions = {}): Promise<Svd> {
  const wanted = Math.min(rank, ...matrix.shape)
  if (!exactSvd(matrix.shape, rank)) return randomised(matrix, wanted, key)
  const values = (await matrix.data()) as Float32Array
  const [rows, columns] = matrix.shape
  if (rows <= columns) return exact(values, rows, columns, wanted)
  const flipped = exact(transpose(values, rows, columns), columns, rows, wanted)
  return { rows, columns, s: flipped.s, ut: flipped.vt, vt: flipped.ut }
}

function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = values[i * columns + j]!
  return out
}

/** Singular values below this share of the largest are found again by themselves; those below rounding are 0, their vectors being noise. */
const TAIL = 1e-2
const ROUNDING = 1e-14

/** rows <= columns. */
function exact(values: Float32Array, rows: number, columns: number, wanted: number): Svd {
  const { q, images, s } = rotated(values, rows, columns)
  const order = Array.from(s.keys())
    .sort((i, j) => s[j]! - s[i]!)
    .slice(0, wanted)
  const out = {
    rows,
    columns,
    s: new Float64Array(wanted),
    ut: new Float32Array(wanted * rows),
    vt: new Float32Array(wanted * columns),
  }
  const floor = ROUNDING * (s[order[0]!] ?? 0)
  for (const [k, from] of order.entries()) {
    const sigma = (out.s[k] = s[from]! > floor ? s[from]! : 0)
    out.ut.set(q.subarray(from * rows, (from + 1) * rows), k * rows)
    if (sigma > 0) for (let j = 0; j < columns; j++) out.vt[k * columns + j] = images[from * columns + j]! / sigma
  }
  return out
}

/**
 * Orthonormal Q [rows, rows] such that the rows of Q A, `images`, are orthogonal; `s` are their norms. Q from A Aᵀ = Qᵀ Λ Q; a
 * norm of qᵀA is accurate to float64 rounding of the largest singular value σ (the root of λ to half the digits only), and two
 * rows are orthogonal to 1e-16 σ²/(σ_i σ_j). So the rows below TAIL × σ lose what they have of those above, and are rotated among
 * themselves by the same rule: the vectors of singular values down to ROUNDING are right, among them those that a delta of low
 * rank has because it was rounded to float32.
 */
function rotated(
  values: ArrayLike<number>,
  rows: number,
  columns: number,
  least?: number,
): { q: Float64Array; images: Float64Array; s: Float64Array } {
  const a = { values, down: columns, right: 1 }
  const { vectors: q } = eigen(gram(a, rows, columns), rows)
  const images = product({ values: q, down: rows, right: 1 }, a, [rows, rows, columns])
  const s = Float64Array.from({ length: rows }, (_, k) =>
    Math.sqrt(dot(images, images, { from: k * columns, count: columns })),
  )
  const floor = least ?? ROUNDING * s[0]!
  const first = s.findIndex((sigma) => sigma < TAIL * s[0]!)
  if (first < 1 || s.subarray(first).every((sigma) => sigma <= floor)) return { q, images, s }
  const count = rows - first
  const tail = rotated(
    without(images.subarray(first * columns), images, { count, first, columns, s }),
    count,
    columns,
    floor,
  )
  const turned = product(
    { values: tail.q, down: count, right: 1 },
    { values: q.subarray(first * rows), down: rows, right: 1 },
    [count, count, rows],
  )
  q.set(turned, first * rows)
  images.set(tail.images, first * columns)
  s.set(tail.s, first)
  return { q, images, s }
}

/** The rows less their parts along the first rows of `images`, whose norms are `s`: parts of the size of rounding. */
function without(
  rows: Float64Array,
  images: Float64Array,
  { count, first, columns, s }: { count: number; first: number; columns: number; s: Float64Array },
): Float64Array {
  const parts = product({ values: rows, down: columns, right: 1 }, { values: images, down: 1, right: columns }, [
    count,
    columns,
    first,
  ])
  const along = product(
    { values: parts.map((part, at) => part / s[at % first]! ** 2), down: first, right: 1 },
    { values: images, down: columns, right: 1 },
    [count, first, columns],
  )
  return rows.map((value, i) => value - along[i]!)
}

/** Halko, Martinsson, Tropp (2011), algorithms 4.4 and 5.1; products on the backend, small decompositions in float64. */
async function randomised(matrix: tf.Tensor2D, wanted: number, key: Key): Promise<Svd> {
  const [rows, columns] = matrix.shape
  const width = Math.min(wanted + OVERSAMPLING, rows, columns)
  let range = await orthonormal(tf.tidy(() => tf.matMul(matrix, keyedNormal([columns, width], key) as tf.Tensor2D)))
  for (let i = 0; i < ITERATIONS; i++) {
    const corange = await orthonormal(tf.matMul(matrix, range, true))
    range.dispose()
    range = await orthonormal(tf.matMul(matrix, corange))
    corange.dispose()
  }
  const small = tf.matMul(range, matrix, true)
  const inner = exact((await small.data()) as Float32Array, small.shape[0], columns, Math.min(wanted, small.shape[0]))
  const left = tf.tidy(() => tf.matMul(tf.tensor2d(inner.ut, [inner.s.length, small.shape[0]]), range, false, true))
  const ut = (await left.data()) as Float32Array
  tf.dispose([range, small, left])
  return { rows, columns, s: inner.s, ut, vt: inner.vt }
}

/**
 * An orthonormal basis of the columns of `tall`, which is disposed: Y Q Λ^(-1/2) from the eigenvectors of YᵀY (Stathopoulos
 * and Wu 2002), twice, so that float32 products reach orthogonality near 1e-7. Directions below noise are left out.
 */
async function orthonormal(tall: tf.Tensor2D): Promise<tf.Tensor2D> {
  let basis = tall
  for (let pass = 0; pass < 2; pass++) {
    const width = basis.shape[1]
    const products = tf.matMul(basis, basis, true)
    const { values, vectors } = eigen(Float64Array.from(await products.data()), width)
    const kept = Math.max(1, values.filter((value) => value > 1e-6 * values[0]!).length)
    const change = new Float32Array(width * kept)
    for (let j = 0; j < kept; j++) {
      const scale = values[j]! > 0 ? 1 / Math.sqrt(values[j]!) : 0
      for (let i = 0; i < width; i++) change[i * kept + j] = vectors[j * width + i]! * scale
    }
    const next = tf.tidy(() => tf.matMul(basis, tf.tensor2d(change, [width, kept])) as tf.Tensor2D)
    tf.dispose([products, basis])
    basis = next
  }
  return basis
}

/** U_r Σ_r V_rᵀ with the first `rank` triplets (Eckart–Young: the best approximation of that rank), float32 [rows, columns]. */
export function truncated({ rows, columns, s, ut, vt }: Svd, rank: number): tf.Tensor2D {
  const r = Math.min(rank, s.length)
  if (r === 0) return tf.zeros([rows, columns])
  return tf.tidy(() => {
    const scaled = tf
      .tensor2d(ut.subarray(0, r * rows), [r, rows])
      .mul(tf.tensor2d(Float32Array.from(s.subarray(0, r)), [r, 1]))
    return tf.matMul(scaled, tf.tensor2d(vt.subarray(0, r * columns), [r, columns]), true) as tf.Tensor2D
  })
}

/** exp of the Shannon entropy of the singular values over their sum (Roy and Vetterli, EUSIPCO 2007); 0 for a zero matrix. */
export function effectiveRank(s: ArrayLike<number>): number {
  const values = Array.from(s)
  const sum = values.reduce((total, value) => total + value, 0)
  if (sum === 0) return 0
  return Math.exp(
    -values.reduce((entropy, value) => (value > 0 ? entropy + (value / sum) * Math.log(value / sum) : entropy), 0),
  )
}
