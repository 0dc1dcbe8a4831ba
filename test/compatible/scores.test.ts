// Scores as lm-evaluation-harness 0.4.13 has them: log-likelihoods of continuations with transformers 5.18.0 (4.57.6 gives the
// same), made by test/fixtures/harness/make.py; standard errors by errors.py there.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { UserError } from '../../src/errors/index.js'
import { checkItems, encodeItems, loadReader, replyTo } from '../../src/evaluate/index.js'
import { lossOf } from '../../src/loss/index.js'
import { crossEntropies, loadModel, type Weights } from '../../src/models/index.js'
import { PREPARATIONS } from '../../src/tasks/cards/prepare.js'
import { type ChoiceTask, LABEL_METRICS, standardError } from '../../src/tasks/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { compatible } from './row.js'

interface Case {
  context: string
  continuation: string
  sum: number
}

const HARNESS = join('test', 'fixtures', 'harness')
const expected = JSON.parse(readFileSync(join(HARNESS, 'expected.json'), 'utf8')) as Record<
  string,
  { loglikelihoods: Case[] }
>
const LIKE = 'lm-eval 0.4.13 with transformers 5.18.0 and 4.57.6'

async function open(name: string) {
  await setBackend(BACKEND)
  const folder = join(HARNESS, name)
  const checkpoint = await openCheckpoint(folder)
  const model = loadModel(checkpoint.config!)
  const weights: Weights = {}
  for (const [key, shape] of Object.entries(model.shapes)) weights[key] = tf.tensor(await checkpoint.read(key), shape)
  await checkpoint.close()
  return { model, weights, reader: await loadReader(folder, model) }
}

const itemOf = ({ context: prompt, continuation: text }: Case, i: number): ChoiceTask['items'][number] => ({
  id: `item ${i}`,
  prompt,
  target: text,
  fields: {},
  choices: [{ prompt, text }],
  right: [0],
})
const taskOf = (items: ChoiceTask['items']): ChoiceTask => ({
  name: 'case',
  version: 1,
  description: '',
  kind: 'choices',
  metric: 'acc',
  maxNewTokens: 0,
  items,
})

/** Sums of the harness for the cases chosen, and the losses of the same as the right choice. */
const sums = (choose: (each: Case) => boolean) => async () => {
  for (const [name, { loglikelihoods }] of Object.entries(expected)) {
    const chosen = loglikelihoods.filter(choose)
    assert.ok(chosen.length > 0)
    const { model, weights, reader } = await open(name)
    const task = taskOf(chosen.map(itemOf))
    await checkItems(task, reader, model)
    const replies = (await replyTo({ model, weights, reader }, task)) as number[][]
    const losses = (await lossOf(model, weights, await encodeItems(task, reader, model))).itemSums
    chosen.forEach(({ sum, context, continuation }, i) => {
      // Sums of up to 300 nats in float32: a ten-thousandth, and what the digits of the sum allow.
      const near = 1e-4 + Math.abs(sum) * 2e-6
      assertClose(
        replies[i]![0]!,
        sum,
        { tolerance: near },
        `${name} ${JSON.stringify([context, continuation])}: ${replies[i]![0]}, wanted ${sum}`,
      )
      assertClose(
        losses[i]! + sum,
        0,
        { tolerance: near },
        `${name} ${JSON.stringify([context, continuation])}: loss ${losses[i]}, wanted ${-sum}`,
      )
    })
    tf.dispose(weights)
  }
}

const isLong = ({ context, continuation }: Case) => context.length + continuation.length > 30
compatible(
  {
    what: 'log-likelihood of a continuation: empty contexts, spaces at the end, begin-of-text in the text',
    outcome: 'read',
    like: LIKE,
  },
  sums((each) => !isLong(each)),
)
compatible(
  {
    what: 'log-likelihood where context and continuation are longer than the positions',
    outcome: 'read',
    like: LIKE,
    note: 'the context is cut from the left; the loss is that of the same tokens',
  },
  sums(isLong),
)
compatible(
  {
    what: 'a choice that adds no token to its prompt, or has more tokens than the model positions',
    outcome: 'refused',
    like: 'mend the item that is named',
  },
  async () => {
    const { model, weights, reader } = await open('gpt2')
    tf.dispose(weights)
    const refuse = (item: ChoiceTask['items'][number], pattern: RegExp) =>
      assert.rejects(
        checkItems(taskOf([item]), reader, model),
        (error) => error instanceof UserError && pattern.test(error.message),
      )
    const choices = (...texts: string[]) => ({
      ...itemOf({ context: 'one', continuation: ' two', sum: 0 }, 7),
      choices: texts.map((text) => ({ prompt: 'one', text })),
    })
    await refuse(choices(' two', ''), /^task case, item item 7: choice 2, "", adds no token to the prompt/)
    await refuse(
      choices('a'.repeat(33)),
      /^task case, item item 7: choice 1, "a+", has 33 tokens, and the model 32 positions/,
    )
    await checkItems(taskOf([choices('a'.repeat(32))]), reader, model)
  },
)

interface Spread {
  metric: 'acc' | 'mc2' | 'f1' | 'matthews'
  stderr: number
  values?: number[]
  right?: number[]
  predicted?: number[]
  score?: number
  resamples?: number
}

const spreads = JSON.parse(readFileSync(join(HARNESS, 'errors.json'), 'utf8')) as Spread[]
const near = (value: number | null, wanted: number) => assertClose(value ?? Number.NaN, wanted, { relative: 1e-9 })
compatible(
  {
    what: 'standard error of a mean over items',
    outcome: 'read',
    like: 'lm-eval 0.4.13',
    note: 'a group of tasks is one task here, so its error is that of all items together',
  },
  () => {
    for (const { metric, stderr, values } of spreads) if (values) near(standardError(metric, values), stderr)
    assert.equal(standardError('acc', [1]), null)
    assert.equal(standardError('inst_level_strict_acc', [1, 0]), null)
  },
)
compatible(
  {
    what: "standard error of F1 and of Matthews' correlation",
    outcome: 'read',
    like: 'lm-eval 0.4.13',
    note: '100,000 resamples with its seeds; fewer above 5,000 items',
  },
  () => {
    for (const { metric, stderr, score, right, predicted, resamples } of spreads) {
      if (!right || !predicted) continue
      near(LABEL_METRICS[metric as 'f1'].measure(predicted, right), score!)
      near(
        standardError(
          metric,
          right.map((label, i) => Number(label === predicted[i])),
          { predicted, right },
          resamples,
        ),
        stderr,
      )
    }
  },
)

compatible(
  {
    what: 'loss over a vocabulary of 32,000',
    outcome: 'read',
    like: 'float64; torch 2.13.0 in float32 is 1.4e-7 nats per token below it',
    note: 'below 3e-7 nats off in the mean',
  },
  async () => {
    await setBackend(BACKEND)
    const [rows, classes] = [24, 32_000]
    const logits = Float32Array.from(
      { length: rows * classes },
      (_, i) => 6 * Math.sin(i * 12.9898) * Math.cos(i * 0.78233),
    )
    const labels = Int32Array.from({ length: rows }, (_, row) => row * 997)
    const losses = tf.tidy(() => crossEntropies(tf.tensor2d(logits, [rows, classes]), tf.tensor1d(labels, 'int32')))
    const values = await losses.data()
    losses.dispose()
    const off = Array.from(labels, (label, row) => {
      const own = logits.subarray(row * classes, (row + 1) * classes)
      return values[row]! - (Math.log(own.reduce((sum, x) => sum + Math.exp(x), 0)) - own[label]!)
    })
    const bias = off.reduce((sum, each) => sum + each, 0) / rows
    assertClose(bias, 0, { tolerance: 3e-7 })
  },
)
compatible(
  {
    what: "HellaSwag's first letter: a title as Python's str.capitalize has it",
    outcome: 'read',
    like: 'CPython 3.11',
    note: 'letters that Unicode has had only since version 15 are capitalised too',
  },
  () => {
    const query = (ctx_b: string) =>
      PREPARATIONS.hellaswag!({ activity_label: 'A', ctx_a: 'b', ctx_b, endings: [] }).query
    const said = ['ßa', 'ﬁSH', 'ǆX', 'ᾳΣ', 'აბ', 'éCOLE', 'ŉ', 'ẞ', '1A'].map(query)
    assert.deepEqual(
      said,
      ['Ssa', 'Fish', 'ǅx', 'ᾼς', 'აბ', 'École', 'ʼN', 'ẞ', '1a'].map((text) => `A: b ${text}`),
    )
  },
)
