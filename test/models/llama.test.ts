// Llama against transformers: logits and hidden masks, on wasm and on the plain cpu backend; errors of config.json.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { disposeInputs, forward, loadModel, makeInputs } from '../../src/models/index.js'
import { tf, type BackendName } from '../../src/tensor/index.js'
import { caseBatch, openFixture, worst } from './fixture.js'

for (const backend of ['wasm', 'cpu'] as BackendName[]) {
  test(`llama3 logits equal PyTorch's on ${backend}, right-padded, left-padded and unpadded`, async () => {
    const { model, base, post, expected, reference } = await openFixture('llama3', backend)
    for (const name of ['main', 'left', 'single']) {
      const batch = caseBatch(expected.cases[name])
      for (const [which, weights] of Object.entries({ base, post })) {
        const before = tf.memory().numTensors
        const inputs = makeInputs(model, batch)
        const logits = tf.tidy(() => forward(model, weights, inputs))
        const values = (await logits.data()).map((x, i) => x * batch.mask[Math.floor(i / model.vocabulary)])
        logits.dispose()
        disposeInputs(inputs)
        assert.equal(tf.memory().numTensors, before, 'no tensor is left')
        const error = worst(values, reference(`cases.${name}.${which}.logits`))
        assert.ok(error < 5e-5, `${name} ${which}: ${error}`)
      }
    }
    tf.dispose([base, post])
  })
}

const config = {
  model_type: 'llama', hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, vocab_size: 11,
}

test('an unknown architecture, rope type and activation are named', () => {
  assert.throws(() => loadModel({ ...config, model_type: 'lama' }), /unknown model_type in config.json "lama"; did you mean "llama"/)
  assert.throws(() => loadModel({ ...config, rope_scaling: { rope_type: 'yarn' } }), /rope type "yarn" is not supported; known: default, linear, llama3/)
  assert.throws(() => loadModel({ ...config, hidden_act: 'gelu' }), /hidden_act "gelu"/)
  assert.throws(() => loadModel({ ...config, hidden_size: '8' }), /hidden_size must be a positive integer, got "8"/)
})

test('missing and misshapen tensors are all listed', () => {
  const { shapes } = loadModel(config)
  const { 'model.norm.weight': _, ...rest } = shapes
  assert.throws(
    () => loadModel(config, { ...rest, 'lm_head.weight': [11, 9] }),
    /model\.norm\.weight is missing; lm_head\.weight is \[11,9\], config\.json says \[11,8\]/,
  )
})

test('tied embeddings need no lm_head, and both styles of rope configuration mean the same', () => {
  assert.equal(loadModel({ ...config, tie_word_embeddings: true }).shapes['lm_head.weight'], undefined)
  const batch = { rows: 1, columns: 3, ids: new Int32Array(3), mask: new Int32Array(3), positions: Int32Array.of(0, 1, 5), labels: new Int32Array(3), items: new Int32Array(1) }
  const cos = (extra: object) => {
    const { cosK, ...others } = loadModel({ ...config, ...extra }).tables(batch)
    const values = cosK.arraySync()
    tf.dispose([cosK, others])
    return values
  }
  assert.deepEqual(cos({ rope_theta: 500 }), cos({ rope_parameters: { rope_theta: 500, rope_type: 'default' } }))
})
