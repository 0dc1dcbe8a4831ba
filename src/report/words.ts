// What each column of a row is called in words, its unit, and how its numbers are written, in tables and on axes.

import { describeMetric } from '../naming/index.js'
import { otherScore } from '../record/index.js'

export type ColumnKind = 'key' | 'share' | 'loss' | 'number' | 'count' | 'mixed'

export interface Words {
  /** Heading of a table column. */
  heading: string
  /** Title of an axis, with the unit. */
  axis: string
  /** `key` names a run and is never averaged; a `share` is stored as 0…1 and shown in percent; `mixed` are scores in several units. */
  kind: ColumnKind
  /** The same for every seed, so that it has no standard error. */
  fixed?: true
}

const key = (heading: string, axis = heading): Words => ({ heading, axis, kind: 'key' })
const measure = (kind: ColumnKind, heading: string, axis: string): Words => ({ heading, axis, kind })

const fixed = (words: Words): Words => ({ ...words, fixed: true })

const WORDS: Readonly<Record<string, Words>> = {
  label: key('method'),
  merger: key('merger'),
  merged: key('merged'),
  lambda: key('λ', 'factor λ of the merged delta'),
  drop_rate: key('p', 'drop rate p'),
  rank: key('rank'),
  bits: key('bits', 'bits per delta entry (sign and magnitude)'),
  blocks: key('blocks', 'magnitude blocks'),
  multiplier: key('multiplier', 'multiple of the mean magnitude'),
  alpha: key('α', 'α (negative: interpolation, positive: extrapolation)'),
  k: key('k', 'factor k of the dropped entries'),
  riemann_rule: key('rule', 'rule of the Riemann sum'),
  riemann_steps: key('steps', 'steps of the Riemann sum'),
  tensors: fixed(measure('count', 'tensors', 'edited tensors')),
  parameters: fixed(measure('count', 'parameters', 'entries of the edited tensors')),
  kept: measure('count', 'kept', 'non-zero entries kept'),
  bits_per_parameter: fixed(measure('number', 'bits/parameter', 'estimated bits per parameter')),
  delta_norm: fixed(measure('loss', '‖Δ‖', 'norm of the delta')),
  edit_norm: measure('loss', '‖F(Δ)−Δ‖', 'norm of the change F(Δ) − Δ'),
  loss_pre: fixed(measure('loss', 'loss, base', 'loss of the base model (nats per token)')),
  loss_post: fixed(measure('loss', 'loss, post', 'loss of the post-trained model (nats per token)')),
  loss_edited: measure('loss', 'loss, edited', 'loss of the edited model (nats per token)'),
  loss_change: measure('loss', 'loss change', 'loss change (nats per token)'),
  loss_change_se: measure('loss', 'SE over items', 'standard error of the loss change over items (nats per token)'),
  loss_items: fixed(measure('count', 'loss items', 'items of the loss')),
  loss_tokens: fixed(measure('count', 'loss tokens', 'tokens of the loss')),
  riemann_sum: measure('loss', 'Riemann sum', 'Riemann sum of the loss change (nats per token)'),
  taylor1: measure('loss', 'Taylor 1', 'first-order estimate of the loss change (nats per token)'),
  taylor2: measure('loss', 'Taylor 2', 'second-order estimate of the loss change (nats per token)'),
  score_pre: fixed(measure('share', 'base (%)', 'score of the base model (%)')),
  score_post: fixed(measure('share', 'post (%)', 'score of the post-trained model (%)')),
  score_edited: measure('share', 'score (%)', 'score (%)'),
  score_validation: measure('share', 'validation (%)', 'score on the validation items (%)'),
  n: fixed(measure('count', 'items', 'items of the score')),
  seconds: measure('number', 'seconds', 'time of one run (s)'),
  term: measure('loss', 'term', 'term of the Riemann sum (nats per token)'),
  relative_error: measure('loss', 'error', 'relative error of the delta (‖F(Δ) − Δ‖ / ‖Δ‖)'),
  relative_error_rest: measure(
    'loss',
    'error of the rest',
    'relative error of the delta (without the tensors that dominate it)',
  ),
  kl: measure('loss', 'KL', 'KL divergence from the post-trained model (nats)'),
  cosine: measure('loss', 'cosine', 'cosine to the features of the post-trained model'),
  same_top: measure('share', 'same top (%)', 'positions with the top token of the post-trained model (%)'),
  perplexity_ratio: measure('loss', 'perplexity ratio', 'perplexity ÷ that of the post-trained model'),
  gap: measure('share', 'gap (points)', 'score − score of the post-trained model (points)'),
}

/** Further scores that have a name of their own in words. */
const SCORES: Readonly<Record<string, string>> = {
  first: 'first answer',
  right_right: 'right → right',
  wrong_right: 'wrong → right',
  right_wrong: 'right → wrong',
  wrong_wrong: 'wrong → wrong',
  judged: 'judged',
  judged_well: 'judged truly',
  kl: 'KL',
  kl_se: 'standard error of KL',
  kl_median: 'KL, median',
  kl_p90: 'KL, 90 %',
  kl_p99: 'KL, 99 %',
  kl_p999: 'KL, 99.9 %',
  kl_max: 'KL, largest',
  same_top: 'same top',
}

/** Whose score it is, where it is not that of the edited model. */
const OF = { others_edited: '', others_post: ', post', others_pre: ', base' }

/** Whose the scores of a column are, where they are not those of the edited model. */
const SCORED: Readonly<Record<string, string>> = {
  score_edited: '',
  score_post: ', post',
  score_pre: ', base',
  score_validation: ', validation',
  gap: ' − post',
}

/** Whether a column has scores of the metric of its row. */
export const hasMetric = (name: string): boolean => Object.hasOwn(SCORED, name)

/** The heading of a column whose scores are in several units. */
export const mixedHeading = (name: string): string => wordsOf(name, [null, 'perplexity']).heading

/**
 * The words for a column; a name without an entry (an option of an editor) is its own heading.
 * @param metrics of the rows whose scores are shown: they may be other numbers than shares
 */
export function wordsOf(name: string, metrics: readonly (string | null)[] = []): Words {
  const other = otherScore(name)
  if (other) return scoreWords(other.score, OF[other.column], other.column !== 'others_edited')
  const words = WORDS[name] ?? key(name.replaceAll('_', ' '))
  const whose = SCORED[name]
  if (whose === undefined || unitOf(metrics) === 'share') return words
  const [metric, ...more] = new Set(metrics)
  return scoreWords(metric && !more.length ? metric : null, whose, words.fixed === true, unitOf(metrics))
}

/** A score in words: a share in per cent, another number as it is. @param metric null for several */
function scoreWords(metric: string | null, whose: string, same: boolean, unit = unitOf([metric])): Words {
  const name = `${metricWords(metric)}${whose}`
  const [heading, axis, kind] =
    unit === 'share'
      ? ([`${name} (%)`, `${name} (%)`, 'share'] as const)
      : ([
          name,
          unit === 'nats' || unit === 'bits' ? `${name} (${unit})` : name,
          unit === null ? 'mixed' : 'loss',
        ] as const)
  const words = measure(kind, heading, axis)
  return same ? fixed(words) : words
}

const unitWord = (unit: string) => (unit === 'correlation' ? 'share' : unit)

/** The unit that the metrics share; null where they have several. Correlations are written in per cent, as GLUE's tables do. */
export function unitOf(metrics: readonly (string | null)[]): string | null {
  const units = new Set(metrics.map((metric) => unitWord(metric === null ? 'share' : describeMetric(metric).unit)))
  return units.size > 1 ? null : ([...units][0] ?? 'share')
}

/** A metric's name as people write it: `exact_match` → `exact match`, `kl` → `KL`. */
export const metricWords = (metric: string | null): string =>
  SCORES[metric ?? ''] ?? (metric ?? 'score').replaceAll('_', ' ')

/** A true minus sign, and none on a rounded zero. */
function signed(text: string): string {
  return /^-[0.]*$/.test(text) ? text.slice(1) : text.replaceAll('-', '−')
}

/** Significant digits: 0.001234, 2.346, 12346; below 1e-4 and from 1e6 on with an exponent, 1.234e−7. */
export function significant(value: number, digits = 4): string {
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size < 1e-4 || size >= 1e6) return signed(value.toExponential(digits - 1).replace('+', ''))
  return signed(size >= 10 ** (digits - 1) ? value.toFixed(0) : value.toPrecision(digits))
}

/** A number for people: shares in percent with one decimal, losses with four significant digits. */
export function formatNumber(kind: ColumnKind, value: number): string {
  if (!Number.isFinite(value)) return signed(String(value))
  if (kind === 'share') return signed((100 * value).toFixed(1))
  if (kind === 'loss') return significant(value)
  if (kind === 'count') return String(Math.round(value))
  return kind === 'key' ? signed(String(value)) : signed(value.toFixed(2))
}

/**
 * A mean with its standard error, both to the same decimal place: `0.1234 ± 0.0056`. Losses keep two significant digits of the
 * error, and at most four of the mean.
 */
export function formatMean({ kind, fixed }: Words, mean: number, error: number | null): string {
  const shown = formatNumber(kind, mean)
  if (fixed || error === null || !Number.isFinite(error)) return shown
  if (kind === 'count') return `${formatNumber('number', mean)} ± ${formatNumber('number', error)}`
  if (kind !== 'loss') return `${shown} ± ${formatNumber(kind, error)}`
  if (error === 0 || shown === '0' || shown.includes('e')) return `${shown} ± ${significant(error, 2)}`
  const decimals = (shown.split('.')[1] ?? '').length
  const places = Math.max(0, Math.min(decimals, 1 - Math.floor(Math.log10(error))))
  return `${signed(mean.toFixed(places))} ± ${error.toFixed(places)}`
}
