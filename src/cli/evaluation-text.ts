// What `deltalab eval` prints of a model: score and loss, each further metric, and how far it is from the post-trained model.
import { describeMetric } from '../naming/index.js'
import type { Evaluation } from '../run/index.js'
import { confusionLines, isOfConfusion } from './confusion-text.js'

/** A number in words: a share in per cent, a correlation with three digits, any other with four that count. */
function valueWords(name: string, value: number, error: number | null): string {
  const { unit } = describeMetric(name)
  const write = (x: number) =>
    unit === 'share' ? (100 * x).toFixed(1) : unit === 'correlation' ? x.toFixed(3) : number(x)
  const after = unit === 'share' ? ' %' : unit === 'nats' || unit === 'bits' ? ` ${unit}` : ''
  return `${write(value)}${after}${error === null ? '' : ` (± ${write(error)})`}`
}

/** Four digits that count, and at most five zeros in front of them. */
const number = (x: number): string =>
  x !== 0 && Math.abs(x) < 1e-5 ? x.toExponential(3) : String(Number(x.toPrecision(4)))

/** Lines of what divergenceScores tells; none without it. */
function divergenceLines(scores: Readonly<Record<string, number>>, post: string): string[] {
  const { kl, kl_se: error = null, kl_median: median } = scores
  if (kl === undefined || median === undefined) return []
  const changed = scores.right_change!
  const flips = Object.entries(scores).filter(([name]) => name.startsWith('flips.'))
  const ratioError = scores.perplexity_ratio_se ?? null
  return [
    `beside ${post}: KL ${valueWords('kl', kl, error)} a position`,
    `  median ${number(median)}, 90 % ${number(scores.kl_p90!)}, 99 % ${number(scores.kl_p99!)}, 99.9 % ${number(scores.kl_p999!)}, largest ${number(scores.kl_max!)}`,
    `  ${flips.length ? 'same class' : 'same likeliest token'} at ${valueWords('same_top', scores.same_top!, null)} of them; the probability of the right one changes by ${number(100 * changed)} percentage points on average`,
    ...(scores.perplexity_ratio === undefined
      ? []
      : [
          `  perplexity ${number(scores.perplexity!)} after ${number(scores.perplexity_post!)}: times ${scores.perplexity_ratio.toFixed(5)}${ratioError === null ? '' : ` (± ${number(ratioError)})`}`,
        ]),
    ...(flips.length
      ? [
          `  given another class, by class of ${post}: ${flips.map(([name, share]) => `${name.slice(6)}: ${(100 * share).toFixed(1)} %`).join(', ')}`,
        ]
      : []),
  ]
}

const OF_DIVERGENCE = /^(kl(_.*)?|same_top|right_change|perplexity(_post|_ratio|_ratio_se)?|flips\..*)$/

/** Score and loss in words, with a line for each setting of the answers and each further metric. */
export function evaluationText(
  model: string,
  measured: Evaluation,
  { chat, post }: { chat: boolean; post?: string | undefined },
): string {
  const { task, metric, score, stderr, loss, unit, tokens, others = {}, others_stderr: errors = {} } = measured
  const compared = post === undefined ? [] : divergenceLines({ ...others, [metric]: score }, post)
  const told = (name: string) => isOfConfusion(name) || (compared.length > 0 && OF_DIVERGENCE.test(name))
  const of = describeMetric(metric).unit === 'share' ? `the ${tokens} tokens of the answers` : `${tokens} tokens`
  const over = unit === 'nats per token' ? ` over ${of}` : ''
  const losses =
    loss === null
      ? metric === 'cosine'
        ? 'no head, so no loss'
        : 'no reference answers, so no loss'
      : `loss ${loss.toFixed(4)} ${unit}${over}`
  return [
    `${model} on ${task}${chat ? ', as a chat' : ''}: ${metric} ${valueWords(metric, score, stderr)} on ${measured.items} items, ${losses}`,
    ...Object.entries(measured.generation ?? {}).map(
      ([name, value]) => `  generated with ${name} ${JSON.stringify(value)}, as generation_config.json says`,
    ),
    ...Object.entries(others)
      .filter(([name]) => !told(name))
      .map(([name, value]) => `  ${name} ${valueWords(name, value, errors[name] ?? null)}`),
    ...confusionLines(others).map((line) => `  ${line}`),
    ...compared.map((line) => `  ${line}`),
  ]
    .map((line) => `${line}\n`)
    .join('')
}
