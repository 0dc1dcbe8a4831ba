// Encoder–decoders of the T5 family: buckets of distances, batches of prompts and answers, heads by the file, and what is refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layerInputs } from '../../src/loss/index.js'
import { bucketTable } from '../../src/models/buckets.js'
import { batchesOf, loadModel, padBatch } from '../../src/models/index.js'
import { tf } from '../../src/tensor/index.js'
import { openFixture } from './fixture.js'

const CONFIG = {
  model_type: 't5',
  vocab_size: 20,
  d_model: 8,
  d_kv: 4,
  num_heads: 2,
  d_ff: 12,
  num_layers: 1,
  decoder_start_token_id: 0,
}
const shapesOf = (config: Record<string, unknown>) => Object.keys(loadModel(config).shapes)

test('distances have the buckets of transformers, in both directions and in one', () => {
  // T5Attention._relative_position_bucket(torch.arange(-9, 10), both, 8, 12) of transformers 5.24.0.
  const around = [3, 3, 3, 3, 3, 2, 2, 2, 1, 0, 5, 6, 6, 6, 7, 7, 7, 7, 7]
  const before = [6, 6, 6, 5, 4, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  const table = (both: boolean) => [...bucketTable(1, 19, 9, { count: 8, furthest: 12, both })]
  assert.deepEqual(table(true), around)
  assert.deepEqual(table(false), before)
  const square = bucketTable(3, 3, 0, { count: 8, furthest: 12, both: false })
  assert.deepEqual([...square], [0, 0, 0, 1, 0, 0, 2, 1, 0], 'a row for each query')
})

test('the prompt goes to the encoder, and the start and the answer to the decoder', () => {
  const sequences = [
    { prompt: [5, 6, 7], target: [8, 1] },
    { prompt: [9], target: [4, 4, 1] },
  ]
  const batch = padBatch(sequences, [1, 0], 0, { start: 3 })
  assert.deepEqual([...batch.encoder!.ids], [9, 0, 0, 5, 6, 7])
  assert.deepEqual([...batch.encoder!.mask], [1, 0, 0, 1, 1, 1])
  assert.deepEqual([...batch.ids], [3, 4, 4, 1, 3, 8, 1, 0])
  assert.deepEqual([...batch.labels], [-100, 4, 4, 1, -100, 8, 1, -100])
  // Two rows of 3 + 4 padded tokens are 14.
  assert.equal(batchesOf(sequences, 0, 14, { start: 3 }).length, 1)
  assert.equal(batchesOf(sequences, 0, 13, { start: 3 }).length, 2)
})

test('the head is of its own where the file has one; without a file where the config ties none', () => {
  const has = (config: Record<string, unknown>, shapes?: Record<string, number[]>) =>
    'lm_head.weight' in loadModel({ ...CONFIG, ...config }, shapes).shapes
  assert.ok(!has({}))
  assert.ok(has({ tie_word_embeddings: false }))
  const { shapes } = loadModel({ ...CONFIG, tie_word_embeddings: false })
  assert.ok(has({ tie_word_embeddings: true, scale_decoder_outputs: false }, shapes), 'as version 5 writes it')
  const { 'lm_head.weight': _, ...tied } = shapes
  assert.ok(!has({ tie_word_embeddings: false }, tied))
  const scaled = (config: Record<string, unknown>) =>
    loadModel({ ...CONFIG, ...config }).blocks.some(({ name }) => name === 'scale')
  assert.ok(scaled({}))
  assert.ok(!scaled({ tie_word_embeddings: false }))
  assert.ok(!scaled({ model_type: 'mt5', tie_word_embeddings: true }), 'mT5 never scales')
})

test('gates by feed_forward_proj, which is_gated_act goes before', () => {
  const gate = (config: Record<string, unknown>) =>
    shapesOf({ ...CONFIG, ...config }).includes('encoder.block.0.layer.1.DenseReluDense.wi_0.weight')
  assert.ok(!gate({}))
  assert.ok(gate({ feed_forward_proj: 'gated-gelu' }))
  assert.ok(!gate({ feed_forward_proj: 'gated-gelu', is_gated_act: false }))
  assert.ok(gate({ model_type: 'umt5' }))
})

test('what cannot be computed is refused by its key', () => {
  const make = (change: Record<string, unknown>) => () => loadModel({ ...CONFIG, ...change })
  assert.throws(make({ tie_encoder_decoder: true }), /tie_encoder_decoder true is not supported/)
  assert.throws(make({ decoder_start_token_id: null }), /decoder_start_token_id is missing/)
  assert.throws(make({ feed_forward_proj: 'double-gelu' }), /feed_forward_proj "double-gelu" must be/)
  assert.throws(make({ relative_attention_num_buckets: 3 }), /relative_attention_num_buckets 3/)
  assert.throws(make({ relative_attention_max_distance: 16 }), /relative_attention_max_distance 16 must be more/)
  const { shapes } = loadModel(CONFIG)
  const apart = { ...shapes, 'decoder.embed_tokens.weight': [20, 8] }
  assert.throws(() => loadModel(CONFIG, apart), /decoder\.embed_tokens\.weight differs from shared\.weight/)
})

test('layers of the encoder are fed the real tokens of the prompts, and those of the decoder its own', async () => {
  const { model, base, post } = await openFixture('t5')
  const sequences = [
    { prompt: [5, 6, 7, 8], target: [9, 1] },
    { prompt: [5], target: [9, 10, 1] },
  ]
  const at = ['encoder.block.0.layer.0.SelfAttention.q.weight', 'decoder.block.0.layer.1.EncDecAttention.k.weight']
  const own = 'decoder.block.0.layer.0.SelfAttention.q.weight'
  const found = await layerInputs(model, post, [padBatch(sequences, [0, 1], 0, model)], [...at, own])
  assert.deepEqual(
    [...at, own].map((name) => found.get(name)!.tokens),
    [5, 5, 7],
  )
  tf.dispose([base, post])
})
