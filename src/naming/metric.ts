// What the name of a metric says of its numbers: how they are written, and which of two is the better one.

export interface MetricFacts {
  /** `share`: from 0 to 1, shown in per cent; `correlation`: from −1 to 1; `nats` and `bits`: of information; '' for another number. */
  unit: 'share' | 'correlation' | 'nats' | 'bits' | ''
  /** Whether a lower number is the better one. */
  lowerIsBetter: boolean
  /** It is of a text, and there are no answers that could be right. */
  ofText: boolean
  /** It compares a model with the post-trained one, and is no score of a model alone. */
  ofPost: boolean
}

const number = (unit: MetricFacts['unit'], facts: Partial<MetricFacts> = {}): MetricFacts => ({
  unit,
  lowerIsBetter: false,
  ofText: false,
  ofPost: false,
  ...facts,
})
const lower = number('', { lowerIsBetter: true })
const perplexity = number('', { lowerIsBetter: true, ofText: true })
const nats = number('nats', { lowerIsBetter: true })
const divergence = number('nats', { lowerIsBetter: true, ofPost: true })

/** Metrics whose numbers are no shares. */
const FACTS: Readonly<Record<string, MetricFacts>> = {
  matthews: number('correlation'),
  pearson: number('correlation'),
  spearman: number('correlation'),
  mean_rank: lower,
  perplexity,
  pseudo_perplexity: perplexity,
  word_perplexity: perplexity,
  byte_perplexity: perplexity,
  bits_per_byte: number('bits', { lowerIsBetter: true, ofText: true }),
  kl: divergence,
  cosine: number('correlation', { ofPost: true }),
  ...Object.fromEntries(['cosine_se', 'cosine_median', 'cosine_min'].map((name) => [name, number('correlation')])),
  ...Object.fromEntries(['kl_se', 'kl_median', 'kl_p90', 'kl_p99', 'kl_p999', 'kl_max'].map((name) => [name, nats])),
  perplexity_post: lower,
  perplexity_ratio: lower,
  perplexity_ratio_se: lower,
}

/** What a metric, or a further score such as `exact_match,flexible`, is a number of: a share unless it is known to be another. */
export const describeMetric = (name: string): MetricFacts => FACTS[name] ?? number('share')

/** Metrics that compare a model with the post-trained one; every kind of task can have them. */
export const DIVERGENCES: readonly string[] = Object.keys(FACTS).filter((name) => FACTS[name]!.ofPost)

/** A score in words: a share in per cent, a correlation with three digits, any other with four that count. @param error standard error */
export function scoreText(name: string, value: number, error: number | null = null): string {
  const { unit } = describeMetric(name)
  const write = (x: number) =>
    unit === 'share' ? (100 * x).toFixed(1) : unit === 'correlation' ? x.toFixed(3) : fourDigits(x)
  const after = unit === 'share' ? ' %' : unit === 'nats' || unit === 'bits' ? ` ${unit}` : ''
  return `${write(value)}${after}${error === null ? '' : ` (± ${write(error)})`}`
}

/** Four digits that count, and at most five zeros in front of them. */
export const fourDigits = (x: number): string =>
  x !== 0 && Math.abs(x) < 1e-5 ? x.toExponential(3) : String(Number(x.toPrecision(4)))
