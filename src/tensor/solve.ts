// Linear algebra on plain float64 arrays that TensorFlow.js lacks: inner products, and the solution of a square system.

/** Σ a_i b_i in float64; `from`, `step` and `count` walk a row or column of both. */
export function dot(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { from = 0, step = 1, count = a.length }: { from?: number; step?: number; count?: number } = {},
): number {
  let sum = 0
  for (let n = 0, i = from; n < count; n++, i += step) sum += a[i]! * b[i]!
  return sum
}

/** X [n, m] of A X = B with A [n, n], B [n, m], row-major, by LU in float64; null when A is singular. */
export async function solve(a: ArrayLike<number>, b: ArrayLike<number>, n: number): Promise<Float32Array | null> {
  const { Matrix, solve: solveMatrix } = await import('ml-matrix')
  const m = b.length / n
  const matrix = (values: ArrayLike<number>, columns: number) => Matrix.from1DArray(n, columns, Array.from(values))
  try {
    const out = Float32Array.from(solveMatrix(matrix(a, n), matrix(b, m)).to1DArray())
    return out.every(Number.isFinite) ? out : null
  } catch {
    return null // ml-matrix throws for a singular matrix
  }
}
