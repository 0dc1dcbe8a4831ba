// Texts whose tokens are scored one by one, in windows.
import { UserError } from '../../errors/index.js'
import { batchesOf } from '../../models/index.js'
import { replyMetrics, TEXT_METRICS, type TextItem, type TextTask, wordCount } from '../../tasks/index.js'
import { likelihoodsOf } from '../likelihood.js'
import { BATCH_TOKENS } from '../options.js'
import { textFor } from '../reader.js'
import { gatherScores, type MetricScore, measureEach } from '../scores.js'
import { batchesOfTexts, beginnings, sizeOf, wholeText, windowsOfOne } from '../texts.js'
import type { KindMethods } from './kind.js'

export const textMethods: KindMethods<TextTask, number[]> = {
  classifies: false,
  masks: true,

  /** The windows of a text that stands alone are the items. A model for masked tokens has a pseudo-perplexity. */
  async fit(task, reader, reach, most) {
    const fitted = reach.objective === 'masked' ? asMasked(task) : asCausal(task)
    const [only] = fitted.items
    if (fitted.whole || fitted.rolling || fitted.items.length > 1) return fitted
    checkWindows(fitted)
    const windows = await windowsOfOne(fitted, reader, reach, most)
    const items = windows.map((window, i): TextItem => ({ ...only!, id: String(i + 1), target: '', window }))
    return items.length ? { ...fitted, whole: only!, items } : fitted
  },

  encode: batchesOfTexts,

  /** The beginning of each text. */
  async encodePrompts(task, reader, model, batchTokens) {
    const prompts = await beginnings(task, reader, model)
    return batchesOf(
      prompts.map((prompt) => ({ prompt, target: [] })),
      textFor(reader, task, model).pad,
      batchTokens,
    )
  },

  /** Of each item: −ln p of its scored tokens, nats, and their number. */
  async reply({ model, weights, reader }, task, batchTokens = BATCH_TOKENS) {
    const batches = await batchesOfTexts(task, reader, model, batchTokens)
    const { sums, tokens } = await likelihoodsOf(model, weights, batches, task.items.length)
    return task.items.map((_, i) => [-sums[i]!, tokens[i]!])
  },

  notes(task, { positions }) {
    const [only, ...more] = task.items
    const { length } = sizeOf(task, positions)
    const short =
      task.whole && !more.length && only?.window && only.window.ids.length < length ? only.window : undefined
    return short ? [`the text of ${task.name} has ${short.ids.length} tokens, fewer than a window of ${length}`] : []
  },

  repliesOf: ({ items }, { itemSums, itemTokens }) => items.map((_, i) => [itemSums[i] ?? 0, itemTokens[i] ?? 0]),

  score(task, replies) {
    return gatherScores(
      task,
      measureEach(task, (name) => textScore(name, task, replies)),
    )
  },

  checkModel(task, { objective, positions, start, prompt }) {
    if (start !== undefined)
      throw new UserError(
        `task ${task.name}: a text has a likelihood under a model that reads it from left to right, and this one reads it in an encoder and writes another`,
      )
    if (prompt)
      throw new UserError(
        `task ${task.name}: the model has trained tokens around a text or pair, and a text alone is read without`,
      )
    if (objective === 'masked') asMasked(task)
    else asCausal(task)
    sizeOf(task, positions)
  },

  async checkItems(task, reader, reach) {
    await batchesOfTexts(task, reader, reach, BATCH_TOKENS)
  },
}

const metricsOf = ({ metric, others = [] }: TextTask) => [metric, ...others]

/** @throws UserError for a metric that only models for masked tokens have */
function asCausal(task: TextTask): TextTask {
  if (metricsOf(task).includes('pseudo_perplexity'))
    throw new UserError(
      `task ${task.name}: pseudo_perplexity is of models for masked tokens, and this one predicts the next token: its metric is perplexity`,
    )
  return task
}

/** @throws UserError for what only causal models have */
function asMasked(task: TextTask): TextTask {
  const wrong = task.rolling ? 'rolling' : metricsOf(task).find((name) => /^(word|byte|bits)_/.test(name))
  if (wrong)
    throw new UserError(
      `task ${task.name}: ${wrong} is of models that predict the next token, and this one fills in masked tokens: its metric is pseudo_perplexity`,
    )
  const named = (name: string) => (name === 'perplexity' ? 'pseudo_perplexity' : name)
  const { metric, others } = task
  return { ...task, metric: named(metric), ...(others && { others: others.map(named) }) }
}

/** @throws UserError for a metric that windows of a text cannot have */
function checkWindows(task: TextTask): void {
  const name = replyMetrics(task).find((each) => TEXT_METRICS[each]!.per !== 'tokens')
  if (name !== undefined)
    throw new UserError(
      `task ${task.name}: ${name} counts the ${TEXT_METRICS[name]!.per} of whole texts, and the items are windows of one: give rolling, which keeps it whole`,
    )
}

/** A metric over all items: a function of the sum of −ln p by the sum of what is counted. */
function textScore(name: string, { items }: TextTask, replies: readonly (readonly number[])[]): MetricScore {
  const { per, score } = TEXT_METRICS[name]!
  const nats = replies.map(([sum]) => sum!)
  const counts = items.map((item, i) =>
    per === 'tokens' ? replies[i]![1]! : COUNT[per](item.counted ?? wholeText(item)),
  )
  const total = counts.reduce((sum, count) => sum + count, 0)
  const mean = nats.reduce((sum, each) => sum + each, 0) / total
  return {
    score: score(mean),
    items: Float64Array.from(nats, (each, i) => (counts[i] ? score(each / counts[i]!) : 0)),
    // lm-evaluation-harness has no standard error of those per word and byte.
    error: () => (per === 'tokens' ? ratioError(nats, counts, mean, total) : null),
  }
}

const COUNT = { words: wordCount, bytes: (text: string) => Buffer.byteLength(text) }

/** Standard error of exp of a ratio of sums over items; null for a single one. */
function ratioError(nats: readonly number[], counts: readonly number[], mean: number, total: number): number | null {
  const scored = nats.flatMap((each, i) => (counts[i] ? [each - mean * counts[i]!] : []))
  const n = scored.length
  if (n < 2) return null
  const squares = scored.reduce((sum, each) => sum + each ** 2, 0)
  return (Math.exp(mean) * Math.sqrt((squares * n) / (n - 1))) / total
}
