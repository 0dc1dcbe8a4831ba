// The effective rank of the delta of one tensor, and the work of a thread that finds it.
import { effectiveRank, singularValues } from '../tensor/index.js'

/** Matrices of one shape, one after the other, row-major. */
export interface RankTask {
  values: Float32Array
  rows: number
  columns: number
}

/** Bytes that the work on a task takes: the values, here and in a thread, and float64 matrices of the smaller side. */
export const rankBytes = (size: number, rows: number, columns: number): number =>
  8 * size + 32 * Math.min(rows, columns) ** 2

/** Mean effective rank of the matrices that are not zero; null where all are. */
export function meanRank({ values, rows, columns }: RankTask): number | null {
  const size = rows * columns
  const ranks: number[] = []
  for (let from = 0; from < values.length; from += size) {
    const matrix = values.subarray(from, from + size)
    if (matrix.some((d) => d !== 0)) ranks.push(effectiveRank(singularValues(matrix, rows, columns)))
  }
  return ranks.length ? ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length : null
}
