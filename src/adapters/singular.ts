// Decompositions of the weights of the base.

/** Singular values from the largest on, their vectors as columns of u [rows, count] and rows of v [count, columns]. */
export interface Singular {
  u: Float64Array
  s: Float64Array
  v: Float64Array
}

/** The singular value decomposition of a matrix [rows, columns]. */
export async function singularOf(matrix: Float32Array, rows: number, columns: number): Promise<Singular> {
  const { Matrix, SVD } = await import('ml-matrix')
  const { leftSingularVectors, diagonal, rightSingularVectors } = new SVD(Matrix.from1DArray(rows, columns, matrix), {
    autoTranspose: true,
  })
  return {
    u: Float64Array.from(leftSingularVectors.to1DArray()),
    s: Float64Array.from(diagonal),
    v: Float64Array.from(rightSingularVectors.transpose().to1DArray()),
  }
}

/** A matrix [rows, columns] less what its singular values from … to − 1 make up, as float32. */
export async function withoutSingular(
  matrix: Float32Array,
  { outputs: rows, inputs: columns }: { outputs: number; inputs: number },
  from: number,
  to: number,
): Promise<Float32Array> {
  const { u, s, v } = await singularOf(matrix, rows, columns)
  const left = Float64Array.from(matrix)
  for (let row = 0; row < rows; row++)
    for (let k = from; k < to; k++) {
      const factor = u[row * s.length + k]! * s[k]!
      for (let i = 0; i < columns; i++) left[row * columns + i]! -= factor * v[k * columns + i]!
    }
  return Float32Array.from(left)
}

/**
 * The first `count` columns of Q of a matrix [rows, columns] = Q·R, [rows, count], by Householder reflections with the signs of LAPACK:
 * an entry of R on the diagonal has the sign opposite to that of the column as it is then.
 */
export function orthonormalColumns(
  matrix: ArrayLike<number>,
  { rows, columns, count }: { rows: number; columns: number; count: number },
): Float64Array {
  const work = Float64Array.from(matrix)
  const reflections: Float64Array[] = []
  /** Columns from … of a matrix of `width` columns are reflected. */
  const reflect = (values: Float64Array, width: number, from: number, k: number) => {
    const vector = reflections[k]!
    for (let column = from; column < width; column++) {
      let along = 0
      for (let row = k; row < rows; row++) along += vector[row]! * values[row * width + column]!
      for (let row = k; row < rows; row++) values[row * width + column]! -= 2 * along * vector[row]!
    }
  }
  for (let k = 0; k < count; k++) {
    const vector = new Float64Array(rows)
    let below = 0
    for (let row = k; row < rows; row++) {
      vector[row] = work[row * columns + k]!
      if (row > k) below += vector[row]! ** 2
    }
    // A column with nothing below its diagonal stays.
    if (below === 0) vector.fill(0)
    else {
      vector[k]! += (vector[k]! < 0 ? -1 : 1) * Math.sqrt(below + vector[k]! ** 2)
      const size = Math.sqrt(below + vector[k]! ** 2)
      for (let row = k; row < rows; row++) vector[row]! /= size
    }
    reflections.push(vector)
    reflect(work, columns, k, k)
  }
  const q = new Float64Array(rows * count)
  for (let k = 0; k < count; k++) q[k * count + k] = 1
  for (let k = count - 1; k >= 0; k--) reflect(q, count, 0, k)
  return q
}
