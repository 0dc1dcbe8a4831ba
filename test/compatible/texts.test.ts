// Likelihoods of texts as other tools have them: transformers' guide on perplexity, loglikelihood_rolling of lm-evaluation-harness
// 0.4.13, and the pseudo-log-likelihood of masked models; all float64, made by test/fixtures/text/make.py.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import {
  encodeItems,
  evaluateTask,
  fitTask,
  loadReader,
  repliesOfLoss,
  replyTo,
  type Subject,
  scoreReplies,
} from '../../src/evaluate/index.js'
import { lossOf } from '../../src/loss/index.js'
import { modelOf, type Weights } from '../../src/models/index.js'
import { PREPARATIONS } from '../../src/tasks/cards/prepare.js'
import { loadTask, type Task, type TaskSection } from '../../src/tasks/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { compatible } from './row.js'

const FOLDER = join('test', 'fixtures', 'text')
const FILE = join(FOLDER, 'text.txt')
const PAGES = join(FOLDER, 'pages.jsonl')

interface Expected {
  guide: { model: string; length: number; stride: number; guide: number | null; sum: number; scored: number }[]
  rolling: {
    model: string
    task: 'whole' | 'wikitext'
    length: number | null
    word_perplexity: number
    byte_perplexity: number
    bits_per_byte: number
    sums: number[]
  }[]
  detokenized: { page: string; text: string }[]
  pseudo: { model: string; text: string; nats: number[] }[]
}
const expected = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8')) as Expected

const MODELS: Record<string, string> = {
  llama: 'test/fixtures/harness/llama',
  gpt2: 'test/fixtures/harness/gpt2',
  math: 'checkpoints/small/math',
  bert: 'checkpoints/encoder/base',
  roberta: 'checkpoints/roberta/base',
}

/** Calls `check` with each model that the cases are of, and its cases. */
async function each<C extends { model: string }>(
  cases: readonly C[],
  check: (subject: Held, own: C[]) => Promise<void>,
) {
  await setBackend(BACKEND)
  for (const name of new Set(cases.map(({ model }) => model))) {
    const checkpoint = await openCheckpoint(MODELS[name]!)
    const model = modelOf(checkpoint, name)
    const weights: Weights = {}
    for (const [key, shape] of Object.entries(model.shapes)) weights[key] = tf.tensor(await checkpoint.read(key), shape)
    await checkpoint.close()
    const reader = await loadReader(MODELS[name]!, model)
    await check(
      { model, weights, reader },
      cases.filter((own) => own.model === name),
    )
    tf.dispose(weights)
  }
}

interface Held extends Subject {
  weights: Weights
}

const fitted = async ({ model, reader }: Held, section: TaskSection, most?: number): Promise<Task> =>
  fitTask(await loadTask(section), reader, model, most)

/** Losses in float32 of up to thousands of nats. */
const near = (found: number, wanted: number, what: string) =>
  assertClose(found, wanted, { tolerance: 1e-5 * Math.abs(wanted) }, `${what}: ${found}, wanted ${wanted}`)

compatible(
  {
    what: 'perplexity of a text in windows of any length and stride, with and without a begin-of-text token',
    outcome: 'read',
    like: "transformers' guide on perplexity, 5.18.0",
    note: "the mean is over the tokens that are scored; the guide's weighs a window that overlaps by one token less than it scores, and is NaN where the last window has one token",
  },
  () =>
    each(expected.guide, async (subject, cases) => {
      for (const { model, length, stride, guide, sum, scored } of cases) {
        const what = `${model}, length ${length}, stride ${stride}`
        const task = await fitted(subject, { text: FILE, length, stride })
        const batches = await encodeItems(task, subject.reader, subject.model)
        const { mean, tokens, itemSums, itemTokens } = await lossOf(subject.model, subject.weights, batches)
        assert.equal(tokens, scored, what)
        near(mean, sum / scored, what)
        const { score } = await scoreReplies(task, repliesOfLoss(task, { itemSums, itemTokens })!)
        near(score, Math.exp(sum / scored), what)
        if (guide === null) continue
        // The guide's own number, in the guide's own way: its labels are one more in the first window, and in all that do not overlap.
        const weights = [...itemTokens].map((count, i) => (i === 0 || stride === length ? count : count - 1))
        const total = weights.reduce((a, b) => a + b, 0)
        near(Math.exp(weights.reduce((a, w, i) => a + (w * itemSums[i]!) / itemTokens[i]!, 0) / total), guide, what)
      }
    }),
)

compatible(
  {
    what: 'a text that begins with the begin-of-text token itself: the guide has it twice, the harness does not add another',
    outcome: 'read',
    like: 'transformers 5.18.0 and lm-eval 0.4.13',
  },
  () =>
    each([{ model: 'llama' }], async (subject) => {
      const text = '<s>begins with it and goes on'
      const task = { ...(await loadTask({ text: FILE })), items: [textItem(text), textItem('<s>the old')] } as Task
      const [[sum, scored]] = (await replyTo(subject, task)) as [number[]]
      assert.equal(scored, 24)
      near(sum!, 216.54836398223986, 'sliding')
      const [, [rolled]] = (await replyTo(subject, { ...task, rolling: true } as Task)) as [number[], number[]]
      near(rolled!, 88.26424367566906, 'rolling')
    }),
)

compatible(
  {
    what: 'loglikelihood_rolling of documents, empty ones among them: word and byte perplexity, bits per byte',
    outcome: 'read',
    like: 'lm-eval 0.4.13 with transformers 5.18.0',
  },
  () =>
    each(expected.rolling, async (subject, cases) => {
      for (const { model, task: name, length, sums, ...wanted } of cases) {
        const what = `${model}, ${name}, length ${length}`
        const given = await fitted(subject, {
          text: PAGES,
          column: 'page',
          rolling: true,
          metric: ['word_perplexity', 'byte_perplexity', 'bits_per_byte'],
          ...(length !== null && { length }),
        })
        const items = given.items.map((item) =>
          name === 'whole'
            ? item
            : { ...item, counted: item.target, target: String(PREPARATIONS.wikitext!({ page: item.target }).text) },
        )
        const task = { ...given, items } as Task
        const replies = (await replyTo(subject, task)) as number[][]
        sums.forEach((sum, i) => near(replies[i]![0]!, -sum, `${what}, page ${i + 1}`))
        const { score, others, errors } = await evaluateTask(subject, task)
        // An exponential of 30 nats and more multiplies the error.
        near(Math.log(score), Math.log(wanted.word_perplexity), what)
        near(others!.byte_perplexity!, wanted.byte_perplexity, what)
        near(others!.bits_per_byte!, wanted.bits_per_byte, what)
        assert.deepEqual(Object.values(errors()), [null, null, null])
      }
    }),
)

compatible(
  { what: 'pages of WikiText put together again from their tokens', outcome: 'read', like: 'lm-eval 0.4.13' },
  () => {
    for (const { page, text } of expected.detokenized) assert.equal(PREPARATIONS.wikitext!({ page }).text, text)
  },
)

compatible(
  {
    what: 'pseudo-perplexity of a model for masked tokens: each token masked by itself (Salazar et al. 2020)',
    outcome: 'read',
    like: 'transformers 5.18.0',
  },
  () =>
    each(expected.pseudo, async (subject, cases) => {
      for (const { model, text, nats } of cases) {
        const task = { ...(await loadTask({ text: FILE })), items: [textItem(text), textItem('a')] } as Task
        const fit = await fitTask(task, subject.reader, subject.model)
        assert.equal(fit.metric, 'pseudo_perplexity')
        const [[sum, count]] = (await replyTo(subject, fit)) as [number[]]
        assert.equal(count, nats.length)
        near(
          sum!,
          nats.reduce((a, b) => a + b, 0),
          `${model} on ${text}`,
        )
      }
    }),
)

const textItem = (target: string) => ({ id: target, prompt: '', target, fields: {} })
