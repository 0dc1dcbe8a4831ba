// Singular triplets of a big matrix from a few vectors that span about the range of the leading ones.
import { exactTriplets, type Svd } from './exact-svd.js'
import { type Dense, type MatrixMemory, rowsFrom } from './matrix-memory.js'
import { orthonormalise } from './rows.js'

/** What `projectedTriplets` allocates for `count` vectors. */
export function projectedShapes(rows: number, columns: number, count: number): [rows: number, columns: number][] {
  const [small, large] = [Math.min(rows, columns), Math.max(rows, columns)]
  return [
    [count, large],
    [count, small],
    [count, count],
    [count, count],
  ]
}

/**
 * The first `rank` triplets of Q Qᵀ A (of its transpose, where A has more columns than rows) with Q an orthonormal basis of the rows of
 * `range` [count, larger side], which are used up (Halko, Martinsson, Tropp 2011, algorithm 5.1).
 */
export const projectedTriplets = (memory: MatrixMemory, a: Dense, range: Dense, rank: number): Svd =>
  memory.within(() => {
    const [spare, onto, change] = projectedShapes(a.rows, a.columns, range.rows).map(([rows, columns]) =>
      memory.allocate(rows, columns),
    ) as [Dense, Dense, Dense]
    const flat = a.rows < a.columns
    const count = orthonormalise(memory, range, spare)
    const basis = rowsFrom(range, 0, count)
    memory.multiply(basis, a, rowsFrom(onto, 0, count), flat)
    const inner = exactTriplets(memory.values(rowsFrom(onto, 0, count)), [count, onto.columns], rank)
    const kept = inner.s.length
    const left = { ...change, rows: kept, columns: count }
    memory.values(left).set(inner.ut)
    memory.multiply(left, basis, rowsFrom(spare, 0, kept))
    const long = memory.values(rowsFrom(spare, 0, kept)).slice()
    const { rows, columns } = a
    const { s, vt: short } = inner
    return flat ? { rows, columns, s, ut: short, vt: long } : { rows, columns, s, ut: long, vt: short }
  })
