// Singular value decomposition, which TensorFlow.js lacks: exact, or, when few singular vectors of a big matrix are wanted, by an
// iteration with a bound on what it misses. Both compute on the CPU, so that every backend gives the same bits.

import type { Key } from '../kernels/index.js'
import { exactTriplets, type Svd } from './exact-svd.js'
import { eigenBytes, gramBytes, gramTriplets } from './gram-triplets.js'
import { krylovTriplets } from './krylov.js'
import { krylovBytes, krylovWorkBytes } from './krylov-sizes.js'
import { type Dense, MatrixMemory } from './matrix-memory.js'
import { tf } from './tf.js'

export interface SvdOptions {
  /** Number of leading singular triplets wanted; all when absent. */
  rank?: number | undefined
  /** Key of the random vectors that the iteration starts from. */
  key?: Key
}

/** Above this size of the smaller side, or of the matrix, and with at most an eighth of its rank wanted, the iteration is used. */
const EXACT = { side: 512, entries: 1 << 22 }

/** A memory of more bytes is given back after its work. */
const KEPT = 64 << 20
let kept: MatrixMemory | undefined

/** Whether `svd` would take the exact way. */
export function exactSvd([rows, columns]: readonly number[], rank = Infinity): boolean {
  const small = Math.min(rows!, columns!)
  return (small <= EXACT.side && rows! * columns! <= EXACT.entries) || rank * 8 > small
}

/** Bytes that `svd` takes besides the matrix, its triplets among them. */
export function svdBytes(shape: readonly number[], rank = Infinity): number {
  const [rows, columns] = [shape[0]!, shape[1]!]
  const size = rows * columns
  if (exactSvd(shape, rank)) return 36 * size + 48 * Math.min(rows, columns) ** 2
  const [krylov, gram] = [krylovBytes(rows, columns, rank), gramBytes(rows, columns, rank)]
  const work = Math.max(krylovWorkBytes(rows, columns, rank), eigenBytes(rows, columns))
  return 4 * size + Math.max(krylov, gram) + work
}

/** Rank to ask for where `rank` triplets are wanted: undefined, or the next power of two, so that the runs of a sweep share it. */
export function sharedRank(shape: readonly number[], rank: number): number | undefined {
  const rounded = 2 ** Math.ceil(Math.log2(Math.max(1, rank)))
  return exactSvd(shape, rounded) ? undefined : rounded
}

/** Decomposes a finite matrix [rows, columns]; leaves no tensor behind. */
export async function svd(matrix: tf.Tensor2D, { rank = Infinity, key = [0, 0] }: SvdOptions = {}): Promise<Svd> {
  const values = (await matrix.data()) as Float32Array
  const [rows, columns] = matrix.shape
  if (exactSvd(matrix.shape, rank)) return exactTriplets(values, matrix.shape, rank)
  const bytes = Math.max(krylovBytes(rows, columns, rank), gramBytes(rows, columns, rank))
  const memory = kept ?? new MatrixMemory(bytes)
  memory.reserve(bytes)
  kept = bytes > KEPT ? undefined : memory
  return memory.within(() => {
    const held = memory.allocate(rows, columns)
    memory.values(held).set(values)
    return leadingTriplets(memory, held, rank, key)
  })
}

/** The first `rank` triplets of a matrix in a memory that has room for the search. */
export const leadingTriplets = (memory: MatrixMemory, matrix: Dense, rank: number, key: Key = [0, 0]): Svd =>
  krylovTriplets(memory, { matrix, squares: memory.squares(matrix) }, rank, key) ?? gramTriplets(memory, matrix, rank)

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
