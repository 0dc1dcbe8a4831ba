// How far the leading Ritz values of a positive semidefinite matrix M may lie below its eigenvalues: a bound from what an iteration
// has computed anyway.
import { eigenvalues } from './eigen.js'

/**
 * What is known of M [n, n] in an orthonormal basis V of some of its directions. P is the projection onto all others.
 */
export interface RitzPairs {
  /** Eigenvalues of VᵀMV, descending. */
  values: Float64Array
  /** GᵀG [count, count] of their residuals G = P M V, in the basis of Ritz vectors. */
  residuals: Float64Array
  /** The trace of PMP. */
  trace: number
  /** The p-norm of the eigenvalues of PMP, at most: (Σ λ^p)^(1/p). */
  norm: { p: number; value: number }
}

/**
 * An upper bound on how much the sum of the `rank` largest eigenvalues of M exceeds that of the Ritz values.
 *
 * M is [[Θ, Gᵀ], [G, PMP]]. For any positive diagonal D, [[D, -Gᵀ], [-G, G D⁻¹ Gᵀ]] is positive semidefinite, so M is at most
 * diag(Θ + D, PMP + E) with E = G D⁻¹ Gᵀ, whose eigenvalues are those of D^(-1/2) GᵀG D^(-1/2). With D = `shift` for the first `rank`
 * values, and what lifts the others as high, that matrix has the first `rank` values on top, but for those s that values of PMP + E
 * replace. Σ of the s largest of these is at most that of PMP and that of E (Ky Fan); of PMP it is at most its trace, and s^(1-1/p) times
 * its p-norm (Hölder).
 * @param shift any positive number; the bound is at least rank × shift
 */
export function ritzExcess({ values, residuals, trace, norm }: RitzPairs, rank: number, shift: number): number {
  const count = values.length
  const least = values[rank - 1]!
  const scales = Float64Array.from({ length: count }, (_, i) => 1 / Math.sqrt(shift + Math.max(0, least - values[i]!)))
  const scaled = residuals.map((value, at) => value * scales[Math.floor(at / count)]! * scales[at % count]!)
  const lifts = eigenvalues(scaled, count).sort().reverse()
  let [most, replaced, lifted] = [0, 0, 0]
  for (let s = 1; s <= rank; s++) {
    replaced += values[rank - s]! + shift
    lifted += Math.max(0, lifts[s - 1]!)
    most = Math.max(most, Math.min(trace, s ** (1 - 1 / norm.p) * norm.value) + lifted - replaced)
  }
  return rank * shift + most
}
