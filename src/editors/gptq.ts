// GPTQ (Frantar et al. 2023, arXiv 2210.17323): quantises a matrix column by column and pushes each column's error into the
// columns not yet quantised, weighted by the inverse Hessian of the layer's squared output error.
import { type Grid, gridOf, snap } from '../kernels/index.js'

/** Row-major. */
export interface Matrix {
  rows: number
  columns: number
  values: Float32Array
}

const COLUMN_BLOCK = 128

/** Rounds each entry to the nearest grid point of its group. A group is `group` entries of a row; 0 is a whole row. */
export function roundToNearest({ rows, columns, values }: Matrix, bits: number, group: number): Float32Array {
  const out = new Float32Array(values.length)
  const width = group || columns
  for (let row = 0; row < rows; row++) {
    for (let from = 0; from < columns; from += width) {
      const [start, count] = [row * columns + from, Math.min(width, columns - from)]
      const grid = gridOf(values, bits, start, count)
      for (let i = start; i < start + count; i++) out[i] = snap(values[i]!, grid)
    }
  }
  return out
}

/**
 * Quantises W to Q like `roundToNearest`, but minimises |X Wᵀ - X Qᵀ|² for inputs X. Columns are treated in the order of descending
 * diagonal of H = XᵀX (act-order), and groups follow that order. As in Delta-CoMe's file, the grid of a group comes from the weights
 * at the start of the block of 128 columns, before errors of that block are added.
 * @param gram H [columns, columns], up to a factor
 * @param damping is added to the diagonal of H, as a fraction of its mean
 */
export function gptq(
  matrix: Matrix,
  gram: ArrayLike<number>,
  { bits, group, damping }: { bits: number; group: number; damping: number },
): Float32Array {
  const { rows, columns } = matrix
  const hessian = Float64Array.from(gram)
  const dead = Array.from({ length: columns }, (_, i) => hessian[i * columns + i] === 0)
  for (let i = 0; i < columns; i++) if (dead[i]) hessian[i * columns + i] = 1
  const order = Array.from({ length: columns }, (_, i) => i).sort(
    (a, b) => hessian[b * columns + b]! - hessian[a * columns + a]!,
  )
  const mean = order.reduce((sum, i) => sum + hessian[i * columns + i]!, 0) / columns
  const sorted = Float64Array.from(hessian, (_, at) => {
    const [i, j] = [order[Math.floor(at / columns)], order[at % columns]]
    return hessian[i! * columns + j!]! + (i === j ? damping * mean : 0)
  })
  const factor = inverseFactor(sorted, columns)
  // Stored by column.
  const weights = order.map((j) =>
    Float64Array.from({ length: rows }, (_, i) => (dead[j] ? 0 : matrix.values[i * columns + j]!)),
  )
  const whole = group ? [] : Array.from({ length: rows }, (_, i) => gridOf(matrix.values, bits, i * columns, columns))

  const out = new Float32Array(rows * columns)
  let grids: Grid[] = whole
  for (let begin = 0; begin < columns; begin += COLUMN_BLOCK) {
    const end = Math.min(begin + COLUMN_BLOCK, columns)
    const block = weights.slice(begin, end).map((column) => column.slice())
    const errors: Float64Array[] = []
    for (let i = begin; i < end; i++) {
      if (group && i % group === 0) {
        const members = weights.slice(i, i + group)
        grids = Array.from({ length: rows }, (_, row) =>
          gridOf(
            members.map((column) => column[row]!),
            bits,
          ),
        )
      }
      const column = block[i - begin]!
      const error = new Float64Array(rows)
      for (let row = 0; row < rows; row++) {
        const q = snap(column[row]!, grids[row]!)
        out[row * columns + order[i]!] = q
        error[row] = (column[row]! - q) / factor[i * columns + i]!
      }
      for (let j = i; j < end; j++) subtract(block[j - begin]!, error, factor[i * columns + j]!)
      errors.push(error)
    }
    for (let j = end; j < columns; j++)
      for (const [e, error] of errors.entries()) subtract(weights[j]!, error, factor[(begin + e) * columns + j]!)
  }
  return out
}

function subtract(column: Float64Array, error: Float64Array, by: number): void {
  for (let row = 0; row < column.length; row++) column[row]! -= error[row]! * by
}

/**
 * The upper triangular U with UᵀU = H⁻¹ (its Cholesky factor): H = R Rᵀ with R upper triangular, found from the last column
 * back, gives U = R⁻¹.
 */
function inverseFactor(h: Float64Array, n: number): Float64Array {
  const r = new Float64Array(n * n)
  for (let j = n - 1; j >= 0; j--) {
    for (let i = j; i >= 0; i--) {
      let sum = h[i * n + j]!
      for (let k = j + 1; k < n; k++) sum -= r[i * n + k]! * r[j * n + k]!
      r[i * n + j] = i === j ? Math.sqrt(sum) : sum / r[j * n + j]!
    }
  }
  const u = new Float64Array(n * n)
  for (let j = 0; j < n; j++) {
    u[j * n + j] = 1 / r[j * n + j]!
    for (let i = j - 1; i >= 0; i--) {
      let sum = 0
      for (let k = i + 1; k <= j; k++) sum += r[i * n + k]! * u[k * n + j]!
      u[i * n + j] = -sum / r[i * n + i]!
    }
  }
  return u
}
