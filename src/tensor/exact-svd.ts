// Exact singular value decomposition in float64, through the Gram matrix of the smaller side. Needs no TensorFlow.js.
import { eigen, type Factor, gram, product } from './eigen.js'
import { dot } from './solve.js'
import { turnMatrices } from './turn.js'

export interface Svd {
  rows: number
  columns: number
  /** Singular values, descending. */
  s: Float64Array
  /** Left singular vectors as rows, [s.length, rows] row-major. */
  ut: Float32Array
  /** Right singular vectors as rows, [s.length, columns] row-major. The vector of a singular value of 0 is 0. */
  vt: Float32Array
}

/** Singular values below this share of the largest are found again by themselves; those below rounding are 0, their vectors being noise. */
const TAIL = 1e-2
const ROUNDING = 1e-14

/** The first `wanted` singular triplets of a finite matrix [rows, columns]. Cost: O(min² max) float64 operations. */
export function exactTriplets(values: Float32Array, [rows, columns]: [number, number], wanted: number): Svd {
  if (rows <= columns) return wide(values, rows, columns, wanted)
  const flipped = wide(turnMatrices(values, [rows, columns]), columns, rows, wanted)
  return { rows, columns, s: flipped.s, ut: flipped.vt, vt: flipped.ut }
}

/** rows <= columns. */
function wide(values: Float32Array, rows: number, columns: number, count: number): Svd {
  const wanted = Math.min(count, rows)
  const a = { values, down: columns, right: 1 }
  const { q, images, s } = rotated(a, [rows, columns], wanted)
  const order = Array.from(s.keys())
    .sort((i, j) => s[j]! - s[i]!)
    .slice(0, wanted)
  const out = {
    rows,
    columns,
    s: new Float64Array(wanted),
    ut: new Float32Array(wanted * rows),
    vt: new Float32Array(wanted * columns),
  }
  const floor = ROUNDING * (s[order[0]!] ?? 0)
  for (const [k, from] of order.entries()) {
    const sigma = (out.s[k] = s[from]! > floor ? s[from]! : 0)
    out.ut.set(q.subarray(from * rows, (from + 1) * rows), k * rows)
    if (sigma > 0) for (let j = 0; j < columns; j++) out.vt[k * columns + j] = images[from * columns + j]! / sigma
  }
  return out
}

/** Rows of an orthonormal Q, the images of A's rows by them, which are orthogonal, and the norms of these. */
interface Rotated {
  q: Float64Array
  images: Float64Array
  s: Float64Array
}

/**
 * Orthonormal Q [count, rows] such that the rows of Q A, `images`, are orthogonal; `s` are their norms. Q from A Aᵀ = Qᵀ Λ Q; a
 * norm of qᵀA is accurate to float64 rounding of the largest singular value σ (the root of λ to half the digits only), and two
 * rows are orthogonal to 1e-16 σ²/(σ_i σ_j). So the rows below TAIL × σ lose what they have of those above, and are rotated among
 * themselves by the same rule: the vectors of singular values down to ROUNDING are right, among them those that a delta of low
 * rank has because it was rounded to float32. `count` is `wanted` where none of these is below, else all rows.
 */
function rotated(a: Factor, [rows, columns]: [number, number], wanted: number, least?: number): Rotated {
  const inner = gram(a, rows, columns)
  const leading = (count: number): Rotated => {
    const { vectors: q } = eigen(inner, rows, count)
    const images = product({ values: q, down: rows, right: 1 }, a, [count, rows, columns])
    const s = Float64Array.from({ length: count }, (_, k) =>
      Math.sqrt(dot(images, images, { from: k * columns, count: columns })),
    )
    return { q, images, s }
  }
  // Half of them take nearly as long as all.
  const few = leading(wanted > rows / 2 ? rows : wanted)
  if (few.s.every((sigma) => sigma >= TAIL * few.s[0]!)) return few
  const { q, images, s } = few.s.length < rows ? leading(rows) : few
  const floor = least ?? ROUNDING * s[0]!
  const first = s.findIndex((sigma) => sigma < TAIL * s[0]!)
  if (first < 1 || s.subarray(first).every((sigma) => sigma <= floor)) return { q, images, s }
  const count = rows - first
  const rest = without(images.subarray(first * columns), images, { count, first, columns, s })
  const tail = rotated({ values: rest, down: columns, right: 1 }, [count, columns], count, floor)
  const turned = product(
    { values: tail.q, down: count, right: 1 },
    { values: q.subarray(first * rows), down: rows, right: 1 },
    [count, count, rows],
  )
  q.set(turned, first * rows)
  images.set(tail.images, first * columns)
  s.set(tail.s, first)
  return { q, images, s }
}

/** The rows less their parts along the first rows of `images`, whose norms are `s`: parts of the size of rounding. */
function without(
  rows: Float64Array,
  images: Float64Array,
  { count, first, columns, s }: { count: number; first: number; columns: number; s: Float64Array },
): Float64Array {
  const parts = product({ values: rows, down: columns, right: 1 }, { values: images, down: 1, right: columns }, [
    count,
    columns,
    first,
  ])
  const along = product(
    { values: parts.map((part, at) => part / s[at % first]! ** 2), down: first, right: 1 },
    { values: images, down: columns, right: 1 },
    [count, first, columns],
  )
  return rows.map((value, i) => value - along[i]!)
}
