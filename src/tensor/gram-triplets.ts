// The leading singular triplets of a big matrix from eigenvectors of its Gram matrix: slow and sure.
import { eigen, gram } from './eigen.js'
import type { Svd } from './exact-svd.js'
import { type Dense, type MatrixMemory, memoryFor } from './matrix-memory.js'
import { projectedShapes, projectedTriplets } from './projected.js'

/** Vectors beyond the wanted ones, so that those of equal singular values are all there. */
const MORE = 8

/** Bytes of a memory for A [rows, columns] and the search for `rank` triplets. */
export function gramBytes(rows: number, columns: number, rank: number): number {
  const [small, large] = [Math.min(rows, columns), Math.max(rows, columns)]
  const count = Math.min(small, rank + MORE)
  return memoryFor([[rows, columns], [count, small], [count, large], ...projectedShapes(rows, columns, count)])
}

/** Bytes that the eigenvectors take besides, at their largest moment: six float64 matrices of the smaller side. */
export const eigenBytes = (rows: number, columns: number): number => 48 * Math.min(rows, columns) ** 2

/** The first `rank` singular triplets of the matrix `a`, which is in `memory` with room for the search (`gramBytes`). */
export function gramTriplets(memory: MatrixMemory, a: Dense, rank: number): Svd {
  const [small, large] = [Math.min(a.rows, a.columns), Math.max(a.rows, a.columns)]
  const count = Math.min(small, rank + MORE)
  const { vectors } = eigen(gramMatrix(memory.values(a), a), small, count)
  return memory.within(() => {
    const [start, range] = [memory.allocate(count, small), memory.allocate(count, large)]
    memory.values(start).set(vectors)
    memory.multiply(start, a, range, a.rows >= a.columns)
    return projectedTriplets(memory, a, range, rank)
  })
}

/** The lower triangle of the Gram matrix of the smaller side, in float64; blocks of the larger one are copied at a time. */
function gramMatrix(values: Float32Array, { rows, columns }: Dense): Float64Array {
  const [small, large] = [Math.min(rows, columns), Math.max(rows, columns)]
  const total = new Float64Array(small * small)
  for (let from = 0; from < large; from += small) {
    const depth = Math.min(small, large - from)
    const part =
      rows < columns
        ? { values: values.subarray(from), down: columns, right: 1 }
        : { values: values.subarray(from * columns), down: 1, right: columns }
    const sums = gram(part, small, depth)
    for (let i = 0; i < total.length; i++) total[i]! += sums[i]!
  }
  return total
}
