// What is told of many divergences: means with their standard errors over texts, percentiles, and shares.
import type { Positions } from './positions.js'

/** Sums of a quantity over the positions of each item, as a `Loss` of room `loss` has them. */
export interface ItemSums {
  /** Mean over all positions. */
  mean: number
  /** Number of positions. */
  tokens: number
  /** Index = item of the batches. */
  itemSums: Float64Array
  itemTokens: Int32Array
}

interface Ratio {
  value: number
  /** Standard error; NaN where there is one sequence alone. */
  se: number
}

/** All numbers are float64; divergences and losses are in nats. */
export interface Divergence {
  /** KL(post ‖ edited) of the positions, by item. */
  kl: ItemSums
  /** Standard error of its mean: over items, or over sequences where there is one item. */
  se: number
  median: number
  p90: number
  p99: number
  p999: number
  max: number
  /** Share of the positions whose likeliest outcome is the same. */
  sameTop: number
  /** Mean of p(right) under the edited model − under post. */
  rightChange: number
  /** Mean −ln p(right). */
  lossPost: number
  lossEdited: number
  /** exp of the mean loss; edited / post. */
  perplexityRatio: Ratio
  /** Of each likeliest outcome of post that occurs, the share of its positions where that of the edited model is another. */
  flips: ReadonlyMap<number, number>
}

/** Sums of values by group; groups are numbered from 0. */
export function sumBy(groups: Int32Array, values: Float64Array): ItemSums {
  const count = 1 + groups.reduce((most, group) => Math.max(most, group), -1)
  const [itemSums, itemTokens] = [new Float64Array(count), new Int32Array(count)]
  groups.forEach((group, i) => {
    itemSums[group]! += values[i]!
    itemTokens[group]!++
  })
  const tokens = groups.length
  return { mean: itemSums.reduce((a, b) => a + b, 0) / tokens, tokens, itemSums, itemTokens }
}

/** The standard error of a ratio of sums over groups, each of which counts as one draw; NaN of fewer than two. */
export function errorOf({ mean, tokens, itemSums, itemTokens }: ItemSums): number {
  const residuals = [...itemTokens.keys()].flatMap((i) => (itemTokens[i] ? [itemSums[i]! - mean * itemTokens[i]!] : []))
  const n = residuals.length
  return n > 1 ? Math.sqrt((residuals.reduce((sum, r) => sum + r * r, 0) * n) / (n - 1)) / tokens : NaN
}

/** The quantile of sorted values, linear between neighbours (numpy's default). */
export function quantileOf(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1)
  const low = Math.floor(at)
  const [a, b] = [sorted[low]!, sorted[Math.min(low + 1, sorted.length - 1)]!]
  return a + (b - a) * (at - low)
}

const meanOf = (values: Float64Array): number => values.reduce((a, b) => a + b, 0) / values.length

function flipsOf({ topPost, topEdited }: Positions): Map<number, number> {
  const counts = new Map<number, [all: number, other: number]>()
  topPost.forEach((top, i) => {
    const [all, other] = counts.get(top) ?? [0, 0]
    counts.set(top, [all + 1, other + Number(topEdited[i] !== top)])
  })
  return new Map([...counts].sort(([a], [b]) => a - b).map(([top, [all, other]]) => [top, other / all]))
}

/** e^−to − e^−from. No factor is above 1, so that none is infinite. */
const changeOf = (from: number, to: number): number =>
  from < to ? Math.exp(-from) * Math.expm1(from - to) : -Math.exp(-to) * Math.expm1(to - from)

/** What is told of positions, of which there must be one at least. */
export function summarise(positions: Positions): Divergence {
  const { items, sequences, kl, lossPost, lossEdited, topPost, topEdited } = positions
  const byItem = sumBy(items, kl)
  const groups = byItem.itemTokens.filter((count) => count > 0).length > 1 ? items : sequences
  const sorted = kl.slice().sort()
  const change = sumBy(
    groups,
    lossEdited.map((loss, i) => loss - lossPost[i]!),
  )
  const ratio = Math.exp(change.mean)
  const right = lossPost.map((loss, i) => changeOf(loss, lossEdited[i]!))
  return {
    kl: byItem,
    se: errorOf(sumBy(groups, kl)),
    median: quantileOf(sorted, 0.5),
    p90: quantileOf(sorted, 0.9),
    p99: quantileOf(sorted, 0.99),
    p999: quantileOf(sorted, 0.999),
    max: sorted.at(-1)!,
    sameTop: topPost.reduce((sum, top, i) => sum + Number(top === topEdited[i]), 0) / kl.length,
    rightChange: meanOf(right),
    lossPost: meanOf(lossPost),
    lossEdited: meanOf(lossEdited),
    perplexityRatio: { value: ratio, se: ratio * errorOf(change) },
    flips: flipsOf(positions),
  }
}
