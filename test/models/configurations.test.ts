// Configurations that no fixture of PyTorch has, against an independent forward pass in float64: scalings, biases, windows, heads.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { lossOf } from '../../src/loss/index.js'
import { type Batch, disposeInputs, forward, imageBatch, loadModel, makeInputs } from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { FIXTURES, textBatch, worst } from './fixture.js'
import { WAVE_TEXTS, waveLabels, waves } from './waves.js'

interface Configuration {
  name: string
  config: Record<string, unknown>
  loss: number
  /** Of the first row: at its last token, or of its classes. */
  logits: number[]
  types?: number[][]
}

const configurations = JSON.parse(readFileSync(`${FIXTURES}configurations.json`, 'utf8')) as Configuration[]

function batchFor({ config, types }: Configuration, images: boolean): Batch {
  if (images) {
    const pixels = Float32Array.from({ length: 2 * 3 * 10 * 10 }, (_, i) => Math.sin(i * 0.11))
    return imageBatch(pixels, config.model_type === 'vit' ? [2, 0] : [1, 0])
  }
  const labels = /SequenceClassification/.test(String(config.architectures)) ? [1, 0] : waveLabels()
  return textBatch({ ...WAVE_TEXTS, labels, ...(types && { token_type_ids: types }) } as never)
}

for (const each of configurations) {
  test(each.name, async () => {
    await setBackend(BACKEND)
    const model = loadModel(each.config)
    const weights = waves(model.shapes)
    const batch = batchFor(each, model.sequence !== undefined)
    const inputs = makeInputs(model, batch)
    const all = tf.tidy(() => forward(model, weights, inputs).dataSync())
    disposeInputs(inputs)
    const { length } = each.logits
    const first = model.objective === 'causal' || model.objective === 'masked' ? batch.columns - 1 : 0
    const from = (model.outputAt?.(batch)[0] ?? first) * length
    assert.ok(worst(all.slice(from, from + length), each.logits) < 5e-5)
    assertClose((await lossOf(model, weights, [batch])).mean, each.loss, { tolerance: 5e-5 })
    tf.dispose(weights)
  })
}

test('a text beyond the positions of a model is refused in a line', async () => {
  await setBackend(BACKEND)
  const long = (config: Record<string, unknown>) => () =>
    tf.dispose(loadModel(config).tables(batchFor(configurations[0]!, false)))
  const gpt2 = configurations.find(({ config }) => config.model_type === 'gpt2')!.config
  assert.throws(long({ ...gpt2, n_positions: 5 }), /a text of 8 tokens is too long: the model has 5 positions/)
  const dynamic = configurations.find(({ name }) => name.includes('dynamic'))!.config
  assert.throws(
    long({ ...dynamic, max_position_embeddings: 7 }),
    /a text of 8 tokens is too long: the model has 7 positions/,
  )
})
