// Parameters of a merge file: gradients over layers, filters, and which level wins.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import type { Checkpoint } from '../../src/checkpoint/index.js'
import { checkPlaces } from '../../src/merge/layer-places.js'
import { atLayer, layerCount, listSlots } from '../../src/merge/layers.js'
import { gradientAt, type Level, resolveParameters } from '../../src/merge/parameters.js'

test('gradients are piecewise linear, ends included', () => {
  assert.deepEqual(
    [0, 0.25, 0.5, 0.75, 1].map((t) => gradientAt([0, 1, 0.5], t)),
    [0, 0.5, 1, 0.75, 0.5],
  )
  assert.equal(gradientAt([0.3], 0.7), 0.3)
})

test('the first filter that fits counts; a list that fits nowhere leaves it to the next level', () => {
  const level = (name: string, parameters: Level['parameters']): Level => ({ path: [name], parameters })
  const levels = [
    level('source', {
      weight: [
        { filter: 'self_attn', value: [0, 1] },
        { filter: 'q_proj', value: 9 },
      ],
    }),
    level('slice', { density: 0.5 }),
    level('top', { weight: [{ filter: 'norm', value: 3 }, { value: 4 }], density: 0.1 }),
  ]
  const at = (name: string, t: number) =>
    Object.fromEntries(
      [...resolveParameters(levels, { weight: z.number(), density: z.number(), lambda: z.number() }, { name, t })].map(
        ([key, { value }]) => [key, value],
      ),
    )
  assert.deepEqual(at('layers.1.self_attn.q_proj', 0.25), { weight: 0.25, density: 0.5 })
  assert.deepEqual(at('layers.1.mlp.q_proj', 0), { weight: 9, density: 0.5 })
  assert.deepEqual(at('model.norm', 0), { weight: 3, density: 0.5 })
  assert.deepEqual(at('lm_head', 0), { weight: 4, density: 0.5 })
  assert.deepEqual(resolveParameters(levels, { weight: z.number() }, { name: 'lm_head', t: 0 }).get('weight')!.path, [
    'top',
    'weight',
  ])
})

test('layers are renumbered and spaced; embeddings come from the first run, norm and head from the last', () => {
  assert.equal(atLayer('model.layers.3.mlp.up.weight', 12), 'model.layers.12.mlp.up.weight')
  assert.equal(atLayer('transformer.h.0.attn.weight', 1), 'transformer.h.1.attn.weight')
  const names = [
    'model.embed_tokens.weight',
    'model.layers.0.a',
    'model.layers.1.a',
    'model.norm.weight',
    'lm_head.weight',
  ]
  const range = (first: number, end: number) => [first, end] as const
  const slots = listSlots([
    { names, config: null, reference: range(0, 2), sources: [range(0, 2)] },
    { names, config: null, reference: range(1, 2), sources: [range(0, 1)] },
  ])
  assert.deepEqual(
    slots.map(({ name, run, sources, t }) => [name, run, sources[0], t]),
    [
      ['model.embed_tokens.weight', 0, 'model.embed_tokens.weight', 0],
      ['model.layers.0.a', 0, 'model.layers.0.a', 0],
      ['model.layers.1.a', 0, 'model.layers.1.a', 1],
      ['model.layers.2.a', 1, 'model.layers.0.a', 1],
      ['model.norm.weight', 1, 'model.norm.weight', 0],
      ['lm_head.weight', 1, 'lm_head.weight', 0],
    ],
  )
  assert.equal(slots[3]!.reference, 'model.layers.1.a')
})

test('the norm of the embeddings comes from the first run too', () => {
  const inputs = [
    'bert.embeddings.word_embeddings.weight',
    'bert.embeddings.LayerNorm.weight',
    'embeddings.LayerNorm.bias',
    'transformer.word_embeddings_layernorm.weight',
    'model.embedding_norm.weight',
  ]
  const others = ['cls.predictions.bias', 'roberta.encoder.layer_norm.weight', 'embed_out.weight', 'vit.layernorm.bias']
  const run = { names: [...inputs, ...others], config: null, reference: [0, 0], sources: [[0, 0]] } as const
  const runOf = new Map(listSlots([run, run]).map((slot) => [slot.name, slot.run]))
  assert.deepEqual([...runOf], [...inputs.map((name) => [name, 0]), ...others.map((name) => [name, 1])])
})

test('what the first layer holds for all of them stays with the first place', () => {
  const [bias, norm] = ['relative_attention_bias.weight', 'norm.weight'].map(
    (leaf) => `encoder.block.0.layer.0.SelfAttention.${leaf}`,
  )
  const names = [bias!, norm!, norm!.replace('0', '1'), 'shared.weight']
  const run = (config: object, first: number) =>
    ({ names, config: { ...config }, reference: [first, first + 1], sources: [] }) as const
  const found = (config: object) =>
    listSlots([run(config, 1), run(config, 0)]).map(({ name, reference, run: of }) => [name, reference, of])
  assert.deepEqual(found({ model_type: 't5' }), [
    [bias, bias, 0],
    ['shared.weight', 'shared.weight', 0],
    [norm, norm!.replace('0', '1'), 0],
    [norm!.replace('0', '1'), norm, 1],
  ])
  // Each layer of UMT5 has its own.
  assert.deepEqual(
    found({ model_type: 'umt5' }).filter(([name]) => name!.toString().includes('bias')),
    [[bias!.replace('0', '1'), bias, 1]],
  )
})

test('a first layer that lacks what all others have stays the first', () => {
  const names = [0, 1, 2].flatMap((layer) =>
    ['attn.Wqkv', ...(layer ? ['attn_norm'] : [])].map((leaf) => `model.layers.${layer}.${leaf}.weight`),
  )
  const check = (order: number[], stored = names) =>
    checkPlaces(
      { tensors: new Map(stored.map((name) => [name, null])) } as unknown as Checkpoint,
      order.map((layer) => ({ layer, label: 'one', config: null })),
    )
  for (const order of [[0, 1, 2, 1, 2], [0, 2], [0]]) check(order)
  assert.throws(
    () => check([0, 1, 0, 1]),
    /^UserError: layer 2 of the result is layer 0 of one; the first layer of such a model has no attn_norm\.weight, which/,
  )
  assert.throws(() => check([1, 2]), /layer 0 of the result is layer 1 of one/)
  // A first layer of another kind (dense before mixtures of experts) is what config.json says of it; two layers say nothing.
  check([1, 0], [...names, 'model.layers.0.mlp.up_proj.weight'])
  check(
    [1, 0],
    names.filter((name) => !name.includes('.2.')),
  )
})

test('a model may have more tensors than a call takes arguments', () => {
  const names = Array.from({ length: 150_000 }, (_, i) => `model.layers.${i % 2}.mlp.experts.${i}.up_proj.weight`)
  const tensors = new Map(names.map((name) => [name, null as never]))
  assert.equal(layerCount({ tensors, config: null }), 2)
  const slots = listSlots([{ names, config: null, reference: [0, 2], sources: [[0, 2]] }])
  assert.equal(slots.length, names.length)
})
