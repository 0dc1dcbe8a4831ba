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
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < inner; k++) {
      const factor = a[row * inner + k]!
      if (factor === 0) continue
      for (let column = 0; column < columns; column++)
        product[row * columns + column]! += factor * b[k * columns + column]!
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
  const rows = matrixProduct(a.values.subarray(from * rank, to * rank), b.values, rank, columns)
  return Float32Array.from(rows, (value) => scale * value)
}

export function transpose(values: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const turned = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = values[i * columns + j]!
  return turned
}

/** The identityMatrix. */
export function identityMatrix(side: number): Float64Array {
  const one = new Float64Array(side * side)
  for (let i = 0; i < side; i++) one[i * side + i] = 1
  return one
}
