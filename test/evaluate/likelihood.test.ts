// Log-likelihoods of continuations against transformers (1e-4, absolute), and what the scores of choice tasks make of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluateTask, logLikelihoods } from '../../src/evaluate/index.js'
import { CHOICE_METRICS, type ChoiceTask } from '../../src/tasks/index.js'
import { tf } from '../../src/tensor/index.js'
import { assertClose } from '../close.js'
import { DECODERS, openFixture } from '../models/fixture.js'
import { idTokenizer as tokenizer } from '../tokenizer/ids.js'

for (const name of DECODERS) {
  test(`${name}: sums of token log-probabilities are those of transformers`, async () => {
    const { model, expected, base, post } = await openFixture(name)
    const pairs = expected.loglikelihood.flatMap(({ prompt, candidates }) =>
      candidates.map((each) => ({ prompt, target: each.ids, ...each })),
    )
    const before = tf.memory().numTensors
    for (const [which, weights] of [
      ['base', base],
      ['post', post],
    ] as const) {
      const sums = await logLikelihoods(model, weights, pairs, 0)
      pairs.forEach((pair, i) => {
        const wanted = pair[which].logprob
        assertClose(sums[i]!, wanted, { tolerance: 1e-4 }, `${which} ${i}: ${sums[i]}, wanted ${wanted}`)
      })
    }
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
    tf.dispose([base, post])
  })
}

test('a choice task scores the likeliest choice; per character another one may win', async () => {
  const { model, expected, post } = await openFixture('llama3')
  const items = expected.loglikelihood.map(({ prompt, candidates }, i): ChoiceTask['items'][number] => {
    const choices = candidates.map(({ ids }) => ({ prompt: prompt.join(' '), text: ids.join(' ') }))
    return { id: String(i), prompt: choices[0]!.prompt, target: choices[1]!.text, fields: {}, choices, right: [1] }
  })
  const task: ChoiceTask = {
    name: 't',
    version: 1,
    description: '',
    kind: 'choices',
    metric: 'acc',
    others: ['acc_norm', 'mc2'],
    delimiter: ' ',
    maxNewTokens: 0,
    items,
  }
  const { score, items: each, others } = await evaluateTask({ model, weights: post, reader: tokenizer }, task)
  const likelier = expected.loglikelihood.map(({ candidates: [one, two] }) =>
    Number(two!.post.logprob > one!.post.logprob),
  )
  assert.deepEqual([...each], likelier)
  assert.equal(score, likelier.reduce((a, b) => a + b, 0) / likelier.length)
  const shares = expected.loglikelihood.map(
    ({ candidates: [one, two] }) => 1 / (1 + Math.exp(one!.post.logprob - two!.post.logprob)),
  )
  assertClose(others!.mc2!, shares.reduce((a, b) => a + b, 0) / shares.length, { tolerance: 1e-5 })
  const { name, version, description, maxNewTokens } = task
  const before = { name, version, description, maxNewTokens, items }
  await assert.rejects(
    evaluateTask(
      { model, weights: post, reader: tokenizer },
      { ...before, kind: 'generate', metric: 'exact_match', others: ['humaneval_pass1'] },
    ),
    /runs the programs that the model writes; give --allow-code-execution/,
  )
  await assert.rejects(
    evaluateTask(
      { model, weights: post, reader: tokenizer },
      { ...before, kind: 'classify', metric: 'acc', items: items.map((item) => ({ ...item, label: 0 })) },
    ),
    /needs a model that classifies, and this one generates text/,
  )
})

test('norms by characters and by bytes, and the mass of several right choices', () => {
  const item: ChoiceTask['items'][number] = {
    id: '',
    prompt: '',
    target: '',
    fields: {},
    right: [0],
    choices: [
      { prompt: '', text: 'éé' },
      { prompt: '', text: 'abc' },
    ],
  }
  // −4 / 2 characters = −2 against −5 / 3; −4 / 4 bytes = −1 against −5 / 3.
  assert.equal(CHOICE_METRICS.acc_norm.score([-4, -5], item), 0)
  assert.equal(CHOICE_METRICS.acc_bytes.score([-4, -5], item), 1)
  // A character beyond 16 bits is one: −4 / 2 against −5 / 3, and not −4 / 4.
  const faces = { ...item, choices: [{ prompt: '', text: '😀😀' }, item.choices[1]!] }
  assert.equal(CHOICE_METRICS.acc_norm.score([-4, -5], faces), 0)
  const three = { ...item, right: [0, 2], choices: [...item.choices, { prompt: '', text: 'x' }] }
  assertClose(CHOICE_METRICS.mc2.score([Math.log(0.1), Math.log(0.2), Math.log(0.1)], three), 0.5, { tolerance: 1e-12 })
  assertClose(
    CHOICE_METRICS.mc2.score([-2000, -2000, -2000], three),
    2 / 3,
    { tolerance: 1e-12 },
    'far below the smallest number',
  )
})
