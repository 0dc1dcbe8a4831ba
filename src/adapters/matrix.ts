// Products and sums of the small matrices of adapters, in float64.
import type { AdapterPart } from './module.js'

/** A · B, both row-major: [rows, inner] · [inner, columns]. */
export function matrixProduct(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  inner: number,
  columns: number,
): Float64Array {
  const rows = a.length / inner
  const product = new Float64Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    const sums = product.subarray(row * columns, (row + 1) * columns)
    let k = 0
    // Four terms at a time, in their order: a sum is read and written once for them.
    for (; k + 4 <= inner; k += 4) {
      const at = row * inner + k
      const [one, two, three, four] = [a[at]!, a[at + 1]!, a[at + 2]!, a[at + 3]!]
      const [first, second, third, fourth] = [k * columns, (k + 1) * columns, (k + 2) * columns, (k + 3) * columns]
      for (let i = 0; i < columns; i++)
        sums[i] = sums[i]! + one * b[first + i]! + two * b[second + i]! + three * b[third + i]! + four * b[fourth + i]!
    }
    for (; k < inner; k++) {
      const factor = a[row * inner + k]!
      for (let i = 0; i < columns; i++) sums[i]! += factor * b[k * columns + i]!
    }
  }
  return product
}

/** Rows from … to − 1 of A · B · scale. A is [rows, rank], B is [rank, columns]. */
export function productRows(
  a: AdapterPart,
  b: AdapterPart,
  { from, to }: { from: number; to: number },
  scale = 1,
): Float32Array {
  const [rank, columns] = b.shape as [number, number]
  // All ranks may have been pruned away.
  if (rank === 0) return new Float32Array((to - from) * columns)
  const rows = matrixProduct(a.values.subarray(from * rank, to * rank), b.values, rank, columns)
  const values = new Float32Array(rows.length)
  for (let i = 0; i < rows.length; i++) values[i] = scale * rows[i]!
  return values
}

/** The Euclidean norm of a vector, however long. */
export function euclideanNorm(vector: Float32Array | Float64Array): number {
  let sum = 0
  for (let i = 0; i < vector.length; i++) sum += vector[i]! ** 2
  return Math.sqrt(sum)
}

/** A matrix [rows, columns] as [columns, rows]. */
export function transpose<T extends Float32Array | Float64Array>(values: T, rows: number, columns: number): T {
  const turned = values.slice() as T
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = values[i * columns + j]!
  return turned
}

/** A part [rows, columns] as [columns, rows]. */
export function turned({ values, shape }: AdapterPart): AdapterPart {
  const [rows, columns] = shape as [number, number]
  return { values: transpose(values, rows, columns), shape: [columns, rows] }
}

/** The identity matrix. */
export function identityMatrix(side: number): Float64Array {
  const one = new Float64Array(side * side)
  for (let i = 0; i < side; i++) one[i * side + i] = 1
  return one
}
