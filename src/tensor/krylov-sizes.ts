// What the search for leading singular triplets (krylov.ts) takes of memory: the shapes of its matrices.
import { type Dense, memoryFor } from './matrix-memory.js'
import { projectedShapes } from './projected.js'

/** Blocks of the basis, at most. */
const MOST_BLOCKS = 8
/** Vectors that estimate what the basis misses. With a block of 16 they fill the rows that a product takes at a time, five by five. */
export const PROBES = 9

const upTo = (n: number): number => 8 * Math.ceil(n / 8)

export interface KrylovSizes {
  /** Columns of the basis' vectors (the smaller side of A), and of their images. */
  small: number
  large: number
  /** Vectors of a block, at most; vectors in all; and those that the triplets are made of. */
  width: number
  most: number
  final: number
}

export function krylovSizes(rows: number, columns: number, rank: number): KrylovSizes {
  const small = Math.min(rows, columns)
  const width = upTo(rank)
  const most = width * Math.min(MOST_BLOCKS, Math.floor(small / 2 / width))
  return { small, large: Math.max(rows, columns), width, most, final: Math.min(most, width + 8) }
}

/** Bytes of a memory for A [rows, columns] and the search for `rank` triplets. */
export function krylovBytes(rows: number, columns: number, rank: number): number {
  const sizes = krylovSizes(rows, columns, rank)
  return memoryFor([
    [rows, columns],
    ...Object.values(krylovShapes(sizes)),
    ...projectedShapes(rows, columns, sizes.final),
    [sizes.width, sizes.width],
  ])
}

/** Bytes that the search takes besides, for random vectors and small decompositions in float64. */
export function krylovWorkBytes(rows: number, columns: number, rank: number): number {
  const { small, large, width, most, final } = krylovSizes(rows, columns, rank)
  const decompositions = 8 * (Math.max(final * large, most * small) + 8 * large + 8 * most ** 2)
  return 4 * ((width + PROBES) * small + large) + decompositions + (4 << 20)
}

export function krylovShapes({
  small,
  large,
  most,
  final,
}: KrylovSizes): Record<keyof KrylovBuffers, [number, number]> {
  return {
    basis: [most + PROBES, small],
    forward: [most + PROBES, large],
    products: [most + PROBES, small],
    residuals: [most + PROBES, small],
    coefficients: [most + PROBES, most],
    range: [final, large],
  }
}

/** Matrices of vectors as rows. Behind the vectors of the basis, and what belongs to them, lie the probes and what belongs to these. */
export interface KrylovBuffers {
  basis: Dense
  /** A V, scaled so that its squares are those of M = scale² AᵀA (of the smaller side). */
  forward: Dense
  /** M V, and its part outside V. */
  products: Dense
  residuals: Dense
  coefficients: Dense
  range: Dense
}
