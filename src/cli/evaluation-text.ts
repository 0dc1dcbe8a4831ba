// What `deltalab eval` prints of a model: score and loss, each further metric, and how far it is from the post-trained model.
import { fourDigits, scoreText } from '../naming/index.js'
import type { Evaluation } from '../run/index.js'
import { confusionLines, isOfConfusion } from './confusion-text.js'

/** Lines of what divergenceScores tells; none without it. */
function divergenceLines(scores: Readonly<Record<string, number>>, post: string): string[] {
  const { kl, kl_se: error = null, kl_median: median } = scores
  if (kl === undefined || median === undefined) return []
  const changed = scores.right_change!
  const flips = Object.entries(scores).filter(([name]) => name.startsWith('flips.'))
  const ratioError = scores.perplexity_ratio_se ?? null
  return [
    `beside ${post}: KL ${scoreText('kl', kl, error)} a position`,
    `  median ${fourDigits(median)}, 90 % ${fourDigits(scores.kl_p90!)}, 99 % ${fourDigits(scores.kl_p99!)}, 99.9 % ${fourDigits(scores.kl_p999!)}, largest ${fourDigits(scores.kl_max!)}`,
    `  ${flips.length ? 'same class' : 'same likeliest token'} at ${scoreText('same_top', scores.same_top!, null)} of the positions; the probability of the right one changes by ${fourDigits(100 * changed)} percentage points on average`,
    ...(scores.perplexity_ratio === undefined
      ? []
      : [
          `  perplexity ${fourDigits(scores.perplexity!)}, that of ${post} ${fourDigits(scores.perplexity_post!)}: ratio ${scores.perplexity_ratio.toFixed(5)}${ratioError === null ? '' : ` (± ${fourDigits(ratioError)})`}`,
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
  const of = measured.of === 'items' ? `the ${tokens} tokens of the answers` : `${tokens} tokens`
  const over = unit === 'nats per token' ? ` over ${of}` : ''
  const losses =
    loss === null
      ? metric === 'cosine'
        ? 'no head, so no loss'
        : 'no reference answers, so no loss'
      : `loss ${loss.toFixed(4)} ${unit}${over}`
  return [
    `${model} on ${task}${chat ? ', as a chat' : ''}: ${metric} ${scoreText(metric, score, stderr)} on ${measured.items} ${measured.items === 1 && measured.of !== 'items' ? measured.of.slice(0, -1) : measured.of}, ${losses}`,
    ...Object.entries(measured.generation ?? {}).map(
      ([name, value]) => `  generated with ${name} ${JSON.stringify(value)}, as generation_config.json says`,
    ),
    ...Object.entries(others)
      .filter(([name]) => !told(name))
      .map(([name, value]) => `  ${name} ${scoreText(name, value, errors[name] ?? null)}`),
    ...confusionLines(others).map((line) => `  ${line}`),
    ...compared.map((line) => `  ${line}`),
  ]
    .map((line) => `${line}\n`)
    .join('')
}
