// Losses, gradients, Riemann sums and answers of models that come again on TensorFlow's library, as graphs: the bits of the first calls.
// Skipped where no binding is installed (`deltalab native install`).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cosineScores, pooledModel } from '../../src/divergence/index.js'
import { generate } from '../../src/evaluate/generate.js'
import { gradientOf, lossOf, pullDivergence } from '../../src/loss/index.js'
import { loadModel, sourceOf } from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { type Fixture, openFixture } from './fixture.js'

const absent = await setBackend('tensorflow').then(
  () => false as const,
  (error: Error) => error.message,
)

/** How many graphs are open. */
const countGraphs = (): number =>
  (tf.backend() as unknown as { binding: { getNumOfSavedModels(): number } }).binding.getNumOfSavedModels()

/** What is done with one weight or the other. */
const WORK: Record<string, (fixture: Fixture, which: 'base' | 'post') => Promise<unknown>> = {
  loss: async ({ model, batch, ...weights }, which) => (await lossOf(model, weights[which], [batch('main')])).itemSums,
  gradient: async ({ model, batch, ...weights }, which) => {
    const { loss, gradient } = await gradientOf(model, weights[which], [batch('main')])
    return [loss.itemSums, ...gradient.values()]
  },
  divergence: async ({ model, batch, post, ...weights }, which) => {
    const gradient: [string, Float32Array][] = []
    const sink = (name: string, values: Float32Array) => void gradient.push([name, values])
    const points = [{ source: sourceOf(model, { post, ...weights }[which]), sink }]
    await pullDivergence(
      model,
      { still: sourceOf(model, post), points },
      [batch('main')],
      new Set(Object.keys(model.shapes)),
    )
    return gradient
  },
  answers: async ({ model, expected, ...weights }, which) => {
    const prompts = (expected.generation ?? []).map(({ prompt }) => prompt)
    return generate(model, weights[which], prompts, { maxNewTokens: 6 })
  },
}

/** The work that has graphs. Experts read which of them a token goes to; others have a part of which tfjs-node brings values: a step, or zeros. */
const GRAPHS: Record<string, string[]> = {
  llama3: ['loss', 'gradient', 'divergence', 'answers'],
  gpt2: ['loss', 'gradient', 'divergence', 'answers'],
  gemma2: ['loss', 'gradient', 'divergence', 'answers'],
  qwen3_moe: [],
  t5: [],
  't5-gated': ['loss', 'answers'],
  'bert-mlm': ['loss', 'gradient', 'divergence'],
  'modernbert-classes': ['loss', 'gradient', 'divergence'],
  vit: ['loss', 'gradient', 'divergence'],
}

test('what comes again gives the same bits, whichever weights it comes with', { skip: absent }, async (t) => {
  for (const [name, expected] of Object.entries(GRAPHS))
    await t.test(name, async () => {
      const fixture = await openFixture(name, 'tensorflow')
      const before = tf.memory().numTensors
      const found: string[] = []
      for (const [kind, work] of Object.entries(WORK)) {
        const graphs = countGraphs()
        const results: unknown[] = []
        for (const which of ['base', 'post', 'base', 'post', 'base'] as const) results.push(await work(fixture, which))
        assert.deepEqual(results.slice(2), [...results.slice(0, 2), results[0]], kind)
        if (countGraphs() > graphs) found.push(kind)
      }
      assert.deepEqual(found, expected)
      assert.equal(tf.memory().numTensors, before, 'no tensor is left')
      tf.dispose([fixture.base, fixture.post])
    })
})

test('the mean over the real positions of a model without a head is part of its graph', { skip: absent }, async () => {
  const { config, shapes, batch, base, post } = await openFixture('distilbert', 'tensorflow')
  const body = Object.entries(shapes).filter(([name]) => !/^(classifier|pre_class|vocab_)/.test(name))
  const bare = loadModel({ ...config, architectures: ['DistilBertModel'] }, Object.fromEntries(body))
  const model = pooledModel(bare, new Map(body))
  const graphs = countGraphs()
  const found: unknown[] = []
  for (let call = 0; call < 4; call++) found.push(await cosineScores(model, { post, edited: base }, [batch('main')]))
  assert.deepEqual(found, Array(4).fill(found[0]))
  assert.equal(countGraphs(), graphs + 1)
  tf.dispose([base, post])
})
