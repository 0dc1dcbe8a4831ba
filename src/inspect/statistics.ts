// Statistics of one delta, and of many together. Sums are float64.

/** Quantiles that are reported. */
export const QUANTILES = [0.5, 0.9, 0.99] as const

/** What is known about a delta Δ = post − base. */
export interface Statistics {
  /** Number of entries. */
  parameters: number
  /** Euclidean norms of base and delta. */
  base_norm: number
  /** Euclidean norm of the delta. */
  delta_norm: number
  /** delta_norm / base_norm; null for a base of zeros. */
  relative_norm: number | null
  /** Mean and standard deviation of the entries of Δ. */
  mean: number
  /** Standard deviation of the entries of Δ. */
  std: number
  /** Quantiles and maximum of |Δ|. */
  p50: number
  /** 90 % quantile of |Δ|. */
  p90: number
  /** 99 % quantile of |Δ|. */
  p99: number
  /** Largest |Δ|. */
  max: number
  /** Share of entries that are exactly 0 in Δ. */
  zeros: number
  /** Cosine between base and post; null when one of them is zero. */
  cosine: number | null
}

/** Sums that add up over tensors. */
export interface Sums {
  parameters: number
  /** Σbase², Σpost², Σbase·post, ΣΔ, ΣΔ². */
  base2: number
  post2: number
  cross: number
  delta: number
  delta2: number
  zeros: number
  max: number
}

/** Adds `more` into `total`. */
export function addSums(total: Sums, more: Sums): void {
  for (const key of ['parameters', 'base2', 'post2', 'cross', 'delta', 'delta2', 'zeros'] as const)
    total[key] += more[key]
  total.max = Math.max(total.max, more.max)
}

/** @param quantiles for each of QUANTILES */
export function statisticsOf(sums: Sums, quantiles: readonly number[]): Statistics {
  const { parameters: n, base2, post2, cross, delta: sum, delta2, zeros, max } = sums
  const [p50, p90, p99] = quantiles
  const mean = n ? sum / n : 0
  const base_norm = Math.sqrt(base2)
  const delta_norm = Math.sqrt(delta2)
  return {
    parameters: n,
    base_norm,
    delta_norm,
    relative_norm: base2 ? delta_norm / base_norm : null,
    mean,
    std: n ? Math.sqrt(Math.max(0, delta2 / n - mean * mean)) : 0,
    p50: p50!,
    p90: p90!,
    p99: p99!,
    max,
    zeros: n ? zeros / n : 0,
    cosine: base2 && post2 ? Math.max(-1, Math.min(1, cross / Math.sqrt(base2 * post2))) : null,
  }
}
