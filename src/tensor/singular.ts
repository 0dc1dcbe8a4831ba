// The singular values of a matrix alone, several times cheaper than svd.ts: for spectra and ranks. Float64, no tensors.
import { eigenvalues, gram } from './eigen.js'

/**
 * All min(rows, columns) singular values of `values` (row-major), descending: roots of the eigenvalues of the smaller Gram
 * matrix, so values below about 1e-8 of the largest are noise. Cost about min²·max + 1.3·min³ operations.
 */
export function singularValues(values: Float32Array, rows: number, columns: number): Float64Array {
  const [size, depth] = [Math.min(rows, columns), Math.max(rows, columns)]
  const [down, right] = rows <= columns ? [columns, 1] : [1, columns]
  return eigenvalues(gram({ values, down, right }, size, depth), size)
    .map((square) => Math.sqrt(Math.max(0, square)))
    .sort()
    .reverse()
}
