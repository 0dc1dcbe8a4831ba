// Texts whose tokens are scored one by one, in windows.
import { UserError } from '../../errors/index.js'
import { type Batch, batchesOf } from '../../models/index.js'
import { TEXT_METRICS, type TextItem, type TextTask, type TextWindow, wordCount } from '../../tasks/index.js'
import { likelihoodsOf } from '../likelihood.js'
import { BATCH_TOKENS, type Reach } from '../options.js'
import { type Reader, type TextReader, textFor } from '../reader.js'
import { gatherScores, type MetricScore, measureEach } from '../scores.js'
import { rollingWindows, slidingWindows } from '../windows.js'
import type { KindMethods } from './kind.js'

/** Longest window, unless a task asks for longer ones. */
const LENGTH = 1024

export const textMethods: KindMethods<TextTask, number[]> = {
  classifies: false,

  async fit(task, reader, reach) {
    checkWindows(task, reach)
    const [only] = task.items
    if (task.whole || task.rolling || task.items.length > 1) return task
    const windows = await windowsOf(task, [only!], reader, reach)
    const items = windows[0]!.map((window, i): TextItem => ({ ...only!, id: String(i + 1), target: '', window }))
    return { ...task, whole: only!, items }
  },

  async encode(task, reader, reach, batchTokens) {
    return (await batchesOfTexts(task, reader, reach, batchTokens)).batches
  },

  /** The first window of each text. */
  async encodePrompts(task, reader, model, batchTokens) {
    const windows = await windowsOf(task, task.items, reader, model)
    return batchesOf(
      windows.map(([first], i) => ({ prompt: (first ?? fail(task, task.items[i]!)).ids, target: [] })),
      textFor(reader, task, model).pad,
      batchTokens,
    )
  },

  /** Of each item: −ln p of its scored tokens, and their number. */
  async reply({ model, weights, reader }, task, batchTokens = BATCH_TOKENS) {
    const { batches } = await batchesOfTexts(task, reader, model, batchTokens)
    const { sums, tokens } = await likelihoodsOf(model, weights, batches, task.items.length)
    return task.items.map((_, i) => [-sums[i]!, tokens[i]!])
  },

  score(task, replies) {
    return gatherScores(
      task,
      measureEach(task, (name) => textScore(name, task, replies)),
    )
  },

  checkModel: checkWindows,

  async checkItems(task, reader, reach) {
    await batchesOfTexts(task, reader, reach, BATCH_TOKENS)
  },
}

/** @throws UserError for windows that the model cannot read */
function checkWindows(
  { name, length, stride }: TextTask,
  { positions, start }: Pick<Reach, 'positions' | 'start'>,
): void {
  if (start !== undefined)
    throw new UserError(`task ${name} scores a text token by token, and this model reads it in an encoder`)
  if (length !== undefined && length > positions)
    throw new UserError(`task ${name}: windows of ${length} tokens; the model has ${positions} positions`)
  const longest = length ?? Math.min(positions, LENGTH)
  if (stride !== undefined && stride > longest)
    throw new UserError(
      `task ${name}: a stride of ${stride} tokens leaves some out between windows of ${longest}; it must be at most that`,
    )
}

/** The windows of each item. */
async function windowsOf(
  task: TextTask,
  items: readonly TextItem[],
  reader: Reader,
  reach: Pick<Reach, 'positions' | 'vocabulary' | 'prompt'>,
): Promise<TextWindow[][]> {
  const tokenizer = textFor(reader, task, reach)
  const open = items.filter(({ window }) => !window)
  const encoded = open.length
    ? await tokenizer.encode(
        open.map(({ target }) => target),
        { special: true },
      )
    : []
  const { rolling, length = Math.min(reach.positions, rolling ? Infinity : LENGTH), stride = length } = task
  const cut = rolling
    ? (
        (first) => (ids: readonly number[]) =>
          rollingWindows(ids, length, first)
      )(firstToken(task, tokenizer))
    : (ids: readonly number[]) => slidingWindows(ids, length, stride)
  let at = 0
  return items.map(({ window }) => (window ? [window] : cut(encoded[at++]!)))
}

function firstToken({ name }: TextTask, { bos, eos }: TextReader): number {
  const first = bos ?? eos
  if (first !== undefined) return first
  throw new UserError(
    `task ${name}: the tokenizer has no begin-of-text and no end-of-text token to put in front of a text`,
  )
}

/** The windows as batches whose items are those of the task. */
async function batchesOfTexts(
  task: TextTask,
  reader: Reader,
  reach: Reach,
  batchTokens: number,
): Promise<{ batches: Batch[] }> {
  const windows = (await windowsOf(task, task.items, reader, reach)).flatMap((list, item) =>
    list.map((window) => ({ ...window, item })),
  )
  if (!windows.length) fail(task, task.items[0]!)
  const sequences = windows.map(({ ids, unscored }) => ({
    prompt: ids.slice(0, unscored),
    target: ids.slice(unscored),
  }))
  const batches = batchesOf(sequences, textFor(reader, task, reach).pad, batchTokens, reach)
  return { batches: batches.map((batch) => ({ ...batch, items: batch.items.map((row) => windows[row]!.item) })) }
}

function fail({ name }: TextTask, { id }: TextItem): never {
  throw new UserError(`task ${name}, text ${id}: fewer than two tokens, so that none can be scored after another`)
}

/** A metric over all items: exp (or another function) of the sum of −ln p by the sum of what is counted. */
function textScore(
  name: string,
  { items, name: task, whole }: TextTask,
  replies: readonly (readonly number[])[],
): MetricScore {
  const { per, score } = TEXT_METRICS[name]!
  if (per !== 'tokens' && whole)
    throw new UserError(
      `task ${task}: ${name} counts the ${per} of whole texts, and the items are windows of one text: give rolling, which keeps it whole`,
    )
  const counts = items.map((item, i) => (per === 'tokens' ? replies[i]![1]! : COUNT[per](item.counted ?? item.target)))
  const total = counts.reduce((sum, count) => sum + count, 0)
  const mean = replies.reduce((sum, [nats]) => sum + nats!, 0) / total
  return {
    score: score(mean),
    items: Float64Array.from(replies, ([nats], i) => (counts[i] ? score(nats! / counts[i]!) : 0)),
    // lm-evaluation-harness has no standard error of those per word and byte.
    error: () => null,
  }
}

const COUNT = { words: wordCount, bytes: (text: string) => Buffer.byteLength(text) }
