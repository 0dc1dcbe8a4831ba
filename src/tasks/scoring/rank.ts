// Where the right candidate stands among all candidates: the metrics of link prediction in knowledge graphs.

/** Scores one item by the rank of its right candidate. */
export interface RankMetric {
  /** Name in task cards and tables. */
  name: string
  /** One line for `deltalab tasks`. */
  description: string
  /** From the rank, 1 for the first. */
  score(rank: number): number
}

/**
 * 1 for the highest score. Candidates of the same score share the mean of their ranks, which a constant score gives no advantage
 * (the realistic rank of Berrendorf et al. 2020, arXiv 2002.06914).
 */
export function rankAmong(scores: readonly number[], right: number): number {
  const own = scores[right]!
  const count = (holds: (score: number) => boolean) => scores.filter(holds).length
  return count((score) => score > own) + (count((score) => score === own) + 1) / 2
}

const hits = (most: number): RankMetric => ({
  name: `hits_at_${most}`,
  description: `share of items whose right candidate is among the first ${most}`,
  score: (rank) => Number(rank <= most),
})

const mrr: RankMetric = {
  name: 'mrr',
  description: 'mean of 1 / rank of the right candidate (MRR)',
  score: (rank) => 1 / rank,
}

const meanRank: RankMetric = {
  name: 'mean_rank',
  description: 'mean rank of the right candidate (MR); lower is better',
  score: (rank) => rank,
}

/** As Bordes et al. 2013 measure link prediction. */
export const RANK_METRICS: Readonly<Record<string, RankMetric>> = Object.fromEntries(
  [mrr, meanRank, hits(1), hits(3), hits(10)].map((metric) => [metric.name, metric]),
)
