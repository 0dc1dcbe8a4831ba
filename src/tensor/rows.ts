// Rows of a matrix in memory as vectors: inner products, projections, orthonormal bases. Products in float32, Gram matrices in float64.
import { eigen } from './eigen.js'
import { type Dense, type MatrixMemory, rowsFrom } from './matrix-memory.js'

/** Squared norms, as a share of the largest, below which a direction is float32 rounding. */
const NOISE = 1e-12
/**
 * Turns rows into an orthonormal basis of what they span, in place: Λ^(-1/2) Qᵀ times the rows, from the eigenvectors of their Gram
 * matrix in float64 (Stathopoulos and Wu 2002), twice. Directions of a squared norm up to `least`, and rounding, are left out.
 * @returns their number
 */
export function orthonormalise(memory: MatrixMemory, rows: Dense, spare: Dense, least = 0): number {
  let kept = rows.rows
  // At a norm of 1, so that no factor below is too large for float32.
  const squares = memory.squares(rows)
  if (squares > 0) scaleValues(memory.values(rows), 1 / Math.sqrt(squares))
  for (let pass = 0; pass < 2 && kept > 0; pass++) {
    const part = rowsFrom(rows, 0, kept)
    const { values, vectors } = eigen(innerProducts(memory, part), kept)
    const floor = pass === 0 ? Math.max(least / squares, NOISE * values[0]!) : 0
    const found = values.filter((value) => value > floor).length
    const change = new Float32Array(found * kept)
    for (let i = 0; i < found; i++) {
      const scale = 1 / Math.sqrt(values[i]!)
      for (let j = 0; j < kept; j++) change[i * kept + j] = vectors[i * kept + j]! * scale
    }
    memory.within(() => {
      const left = memory.allocate(found, kept)
      memory.values(left).set(change)
      memory.multiply(left, part, rowsFrom(spare, 0, found))
    })
    memory.values(rowsFrom(rows, 0, found)).set(memory.values(rowsFrom(spare, 0, found)))
    kept = found
  }
  return kept
}

/** The lower triangle of the inner products of the rows, in float64. */
export function innerProducts(memory: MatrixMemory, rows: Dense): Float64Array {
  const out = new Float64Array(rows.rows ** 2)
  for (let i = 0; i < rows.rows; i++) out.set(memory.inner(rows, i, i + 1), i * rows.rows)
  return out
}

/**
 * The rows without their parts along the rows of an orthonormal basis, into `out`; `parts` holds these, [rows, vectors of the basis].
 */
export function projectOut(
  memory: MatrixMemory,
  rows: Dense,
  basis: Dense,
  { out, parts }: { out: Dense; parts: Dense },
): void {
  const along = { at: parts.at, rows: rows.rows, columns: basis.rows }
  const rest = rowsFrom(out, 0, rows.rows)
  memory.multiply(rows, basis, along, true)
  memory.multiply(along, basis, rest)
  const [from, to] = [memory.values(rows), memory.values(rest)]
  for (let i = 0; i < from.length; i++) to[i] = from[i]! - to[i]!
}

export function copyRows(memory: MatrixMemory, from: Dense, to: Dense): void {
  memory.values(to).set(memory.values(from))
}

export function scaleValues(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i]! *= factor
}
