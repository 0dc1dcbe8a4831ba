// SigLIP's image tower without a classifier: the pooling head against transformers, and the tower without it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { disposeInputs, forward, imageBatch, loadModel, makeInputs } from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { worst } from './fixture.js'

const CONFIG = {
  model_type: 'siglip_vision_model',
  architectures: ['SiglipVisionModel'],
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  image_size: 10,
  patch_size: 4,
}

test('one query attends to all patches: pooler_output of SiglipVisionModel', async () => {
  await setBackend('wasm')
  const model = loadModel(CONFIG)
  // The weights of configurations.test.ts: tensor k of the sorted names.
  const weights = Object.fromEntries(
    Object.entries(model.shapes)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, shape], k) => {
        const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => {
          const wave = Math.sin(0.37 * (i + 1) * (k + 1))
          return shape.length === 1 ? 1 + 0.3 * wave : 0.4 * wave
        })
        return [name, tf.tensor(values, shape)]
      }),
  )
  const pixels = Float32Array.from({ length: 2 * 3 * 10 * 10 }, (_, i) => Math.sin(i * 0.11))
  const inputs = makeInputs(model, imageBatch(pixels, [0, 0]))
  const pooled = tf.tidy(() => forward(model, weights, inputs).dataSync())
  disposeInputs(inputs)
  tf.dispose(weights)
  // transformers 5.24.0 in float64.
  const right = [3.65673, 0.29427, 4.046298, 0.605692, 4.076379, -0.695325, 3.399602, 0.899843]
  assert.ok(worst(pooled.slice(0, 8), right) < 2e-5)
})

test('without a head the tower gives its patches, and no class token stands before them', () => {
  const model = loadModel({ ...CONFIG, vision_use_head: false })
  assert.equal(model.sequence, 4)
  assert.equal(model.objective, 'features')
  assert.ok(!Object.keys(model.shapes).some((name) => name.includes('head')))
})
