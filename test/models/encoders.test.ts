// DistilBERT, ELECTRA, DeBERTa and ModernBERT: what of a config.json is refused by name, buckets of distances by hand, and laws of
// windows, segments and padding.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { disposeInputs, forward, loadModel, type Model, makeInputs, type Weights } from '../../src/models/index.js'
import { bucketOf } from '../../src/models/relative.js'
import { tf } from '../../src/tensor/index.js'
import { openFixture, textBatch, worst } from './fixture.js'

const sizes = { hidden_size: 8, intermediate_size: 12, num_hidden_layers: 2, num_attention_heads: 2, vocab_size: 11 }
const [deberta, modernbert] = [
  { model_type: 'deberta-v2', architectures: ['DebertaV2ForMaskedLM'], ...sizes },
  { model_type: 'modernbert', architectures: ['ModernBertForSequenceClassification'], ...sizes },
]

test('what changes the arithmetic and is not computed is refused by its name', () => {
  const refused: [config: object, message: RegExp][] = [
    [{ ...deberta, pos_att_type: 'p2c|p2p' }, /pos_att_type "p2p" is not supported; known: c2p, p2c/],
    [{ ...deberta, norm_rel_ebd: ['group'] }, /norm_rel_ebd "group" is not supported; known: none, layer_norm/],
    [{ ...deberta, position_buckets: 1 }, /position_buckets must be at least 2, or −1 for none; got 1/],
    [{ ...deberta, conv_kernel_size: 4 }, /conv_kernel_size must be odd; got 4/],
    [{ ...deberta, conv_kernel_size: 3, conv_groups: 3 }, /hidden_size 8 does not divide into conv_groups 3/],
    [{ ...deberta, attention_head_size: 8 }, /attention_head_size 8 is not supported by deberta-v2; known: 4/],
    [{ ...deberta, pooler_hidden_size: 4 }, /pooler_hidden_size 4 is not supported by deberta-v2; known: 8/],
    [{ ...deberta, legacy: false, embedding_size: 4 }, /embedding_size 4 beside hidden_size 8 .* with legacy false/],
    [{ ...modernbert, classifier_pooling: 'max' }, /unknown classifier_pooling in config.json "max".* cls, mean/],
    [{ ...modernbert, sliding_window: 10 }, /sliding_window 10 is not supported by modernbert; known: 64/],
    [{ ...modernbert, partial_rotary_factor: 0.5 }, /partial_rotary_factor 0.5 is not supported by modernbert/],
    [{ ...modernbert, head_dim: 8 }, /head_dim 8 is not supported by modernbert; known: 4/],
    [
      { ...modernbert, layer_types: ['full_attention'] },
      /layer_types must say .* for each of the 2 layers; got \["full_attention"\]/,
    ],
    [{ ...modernbert, layer_types: ['full_attention', 'chunked'] }, /layer_types/],
    [{ ...modernbert, rope_parameters: { rope_theta: 7 } }, /kind of layers in rope_parameters .* "rope_theta"/],
    [{ ...modernbert, rope_scaling: { type: 'linear', factor: 2 } }, /rope_scaling .* write rope_type/],
    [{ ...modernbert, sparse_prediction: true, sparse_pred_ignore_index: 3 }, /sparse_pred_ignore_index 3/],
    [
      { model_type: 'electra', architectures: ['ElectraForMaskedLM'], position_embedding_type: 'relative_key' },
      /position_embedding_type "relative_key" is not supported by electra; known: "absolute"/,
    ],
    [
      { model_type: 'distilbert', architectures: ['DistilBertForQuestionAnswering'] },
      /DistilBertForQuestionAnswering in config.json, of distilbert, cannot be run/,
    ],
    [
      { model_type: 'distilbert', architectures: ['DistilBertModel'], dim: 'wide' },
      /config.json: dim must be a number; got "wide"/,
    ],
  ]
  for (const [config, message] of refused) assert.throws(() => loadModel(config as never), message)
})

test('sizes that config.json leaves out are those of the classes', () => {
  const shapesOf = (type: string, style: string) => loadModel({ model_type: type, architectures: [style] }).shapes
  assert.deepEqual(shapesOf('electra', 'ElectraModel')['electra.embeddings_project.weight'], [256, 128])
  assert.deepEqual(
    shapesOf('distilbert', 'DistilBertModel')['distilbert.transformer.layer.5.ffn.lin1.weight'],
    [3072, 768],
  )
  assert.deepEqual(
    shapesOf('deberta-v2', 'DebertaV2Model')['deberta.encoder.layer.23.output.dense.weight'],
    [1536, 6144],
  )
  assert.deepEqual(shapesOf('modernbert', 'ModernBertModel')['model.layers.21.mlp.Wi.weight'], [2304, 768])
})

test('distances up to half of the buckets have one each, and further ones share, the more the further', () => {
  const distances = { buckets: 8, furthest: 32, span: 8 }
  // Beyond 4: 4 + ceil(3 · ln(d / 4) / ln(31 / 4)).
  const expected = { 0: 0, 3: 3, 4: 4, 5: 5, 7: 5, 8: 6, 15: 6, 16: 7, 31: 7, 32: 8, [-4]: -4, [-5]: -5, [-40]: -8 }
  for (const [distance, bucket] of Object.entries(expected))
    assert.equal(bucketOf(Number(distance), distances), bucket, distance)
  assert.equal(bucketOf(700, { buckets: 0, furthest: 12, span: 12 }), 700, 'without buckets each has its own')
  assert.throws(
    () => bucketOf(9, { buckets: 8, furthest: 5, span: 8 }),
    /position_buckets 8 has no bucket for a distance of 9 with max_relative_positions 5/,
  )
})

const run = async (model: Model, weights: Weights, batch: Parameters<typeof makeInputs>[1]) => {
  const inputs = makeInputs(model, batch)
  const outputs = tf.tidy(() => forward(model, weights, inputs))
  const values = (await outputs.data()) as Float32Array
  outputs.dispose()
  disposeInputs(inputs)
  return values
}

test('the other texts of a batch change nothing, whatever pads a text', async () => {
  for (const name of ['deberta-v2', 'modernbert', 'modernbert-classes'] as const) {
    const { model, post, batch, base } = await openFixture(name)
    const all = batch('main')
    const outputs = await run(model, post, all)
    const row = all.rows - 1
    const length = all.mask.subarray(row * all.columns).reduce((sum, real) => sum + real, 0)
    const ids = [...all.ids.subarray(row * all.columns, row * all.columns + length)]
    const types = all.types && [[...all.types.subarray(row * all.columns, row * all.columns + length)]]
    const alone = await run(model, post, textBatch({ input_ids: [ids], ...(types && { token_type_ids: types }) }))
    const from = (outputs.length / all.rows) * row
    assert.ok(worst(alone, outputs.subarray(from, from + alone.length)) < 1e-5, name)
    tf.dispose([post, base])
  }
})

test('a window that reaches over the text is none, and a text may go beyond the positions where they are relative', async () => {
  const { config, post, base, batch } = await openFixture('modernbert')
  const under = (extra: object) => run(loadModel({ ...config, ...extra }), post, batch('main'))
  const open = { local_rope_theta: 160000 }
  const full = await under({ ...open, global_attn_every_n_layers: 1 })
  assert.deepEqual(await under({ ...open, local_attention: 30 }), full)
  assert.ok(worst(await under({ ...open, local_attention: 28 }), full) > 0)
  // null was version 4's word for the base of the full layers.
  assert.deepEqual(await under({ local_rope_theta: null, local_attention: 30 }), full)
  tf.dispose([post, base])

  const v3 = await openFixture('deberta-v3')
  const long = textBatch({ input_ids: [Array.from({ length: 40 }, (_, i) => 5 + (i % 50))] })
  assert.ok((await run(v3.model, v3.post, long)).every(Number.isFinite))
  const bound = loadModel({ ...v3.config, position_biased_input: true })
  assert.throws(() => tf.dispose(bound.tables(long)), /a text of 40 tokens is too long: the model has 12 positions/)
  // Segments that a tokenizer numbers are passed over by a model without any.
  const batches = v3.batch('main')
  const typed = { ...batches, types: batches.ids.map((_, i) => i % 2) }
  assert.deepEqual(await run(v3.model, v3.post, typed), await run(v3.model, v3.post, batches))
  tf.dispose([v3.post, v3.base])
})
