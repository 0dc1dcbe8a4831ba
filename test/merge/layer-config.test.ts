// config.json of rearranged layers, by hand: lists with an entry for each layer, lists of numbers of layers, numbers that divide
// or count them, parts of composed models, and what cannot be said.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UserError } from '../../src/errors/index.js'
import { followLayers } from '../../src/merge/layer-config.js'

/** The config after its layers were taken in this order; `said` gets what is warned of. */
function follow(
  config: Record<string, unknown>,
  order: number[],
  said: string[] = [],
  layers = Number(config.num_hidden_layers ?? 4),
) {
  return followLayers(
    config,
    layers,
    order.map((layer) => ({ config, label: 'one', layer })),
    (text) => said.push(text),
  )
}
const STACK = [0, 1, 2, 1, 2, 3]
const four = { num_hidden_layers: 4, hidden_size: 8 }

test('lists with an entry for each layer, whatever their name; others stay', () => {
  const config = {
    ...four,
    layer_types: ['a', 'b', 'c', 'd'],
    no_rope_layers: [1, 1, 1, 0],
    intermediate_size: [1, 2, 3, 4],
    layer_rope_theta: [1e4, 1e4, 1e4, 0],
    unheard_of: [[1], [2], [3], [4]],
    attn_layers: ['local', 'lsh', 'local', 'lsh'],
    hybrid_override_pattern: 'M-M*',
    eos_token_id: [1, 2, 3, 4],
    architectures: ['a', 'b', 'c', 'd'],
    three: [1, 2, 3],
    rope_scaling: { short_factor: [1, 2, 3, 4] },
  }
  assert.deepEqual(follow(config, STACK), {
    ...config,
    num_hidden_layers: 6,
    layer_types: ['a', 'b', 'c', 'b', 'c', 'd'],
    no_rope_layers: [1, 1, 1, 1, 1, 0],
    intermediate_size: [1, 2, 3, 2, 3, 4],
    layer_rope_theta: [1e4, 1e4, 1e4, 1e4, 1e4, 0],
    unheard_of: [[1], [2], [3], [2], [3], [4]],
    attn_layers: ['local', 'lsh', 'local', 'lsh', 'local', 'lsh'],
    hybrid_override_pattern: 'M-M-M*',
  })
  assert.deepEqual(follow({ ...four, layer_types: ['a', 'b', 'c', 'd'] }, [3, 2, 1, 0]), {
    ...four,
    layer_types: ['d', 'c', 'b', 'a'],
  })
  assert.deepEqual(follow(config, [0, 1, 2, 3]), config)
  assert.deepEqual(follow({ ...four, layer_types: ['a', 'b', 'c', 'd', 'mtp'] }, [0, 3]), {
    num_hidden_layers: 2,
    hidden_size: 8,
    layer_types: ['a', 'd', 'mtp'],
  })
})

// NemotronHConfig of transformers 5.18 writes `layers_block_type` without a number of layers; that of xLSTM both numbers.
test('a config that counts its layers by the list of their kinds, or twice', () => {
  const listed = { layers_block_type: ['a', 'b', 'c', 'd'], mtp_layers_block_type: ['a', 'b'] }
  const said: string[] = []
  assert.deepEqual(follow(listed, STACK, said), { ...listed, layers_block_type: ['a', 'b', 'c', 'b', 'c', 'd'] })
  assert.deepEqual(said, [])
  const twice = { num_hidden_layers: 4, num_blocks: 4 }
  assert.deepEqual(follow(twice, STACK), { num_hidden_layers: 6, num_blocks: 6 })
  const tower = { ...listed, num_hidden_layers: 9 }
  assert.deepEqual(follow({ ...four, vision_config: tower }, STACK).vision_config, tower)
})

test('lists of the numbers of layers', () => {
  const config = {
    ...four,
    mlp_only_layers: [0, 3],
    cross_attention_layers: [1],
    full_attn_idxs: [0, 1, 2, 3],
    moe_layers_enum: '2,3',
    moe_layers: [],
    linear_attn_config: { kda_layers: [1, 2, 3], full_attn_layers: [4] },
  }
  assert.deepEqual(follow(config, STACK), {
    ...four,
    num_hidden_layers: 6,
    mlp_only_layers: [0, 5],
    cross_attention_layers: [1, 3],
    full_attn_idxs: [0, 1, 2, 3, 4, 5],
    moe_layers_enum: '2,4,5',
    moe_layers: [],
    linear_attn_config: { kda_layers: [1, 2, 3, 4, 5], full_attn_layers: [6] },
  })
  assert.throws(
    () => follow({ ...four, some_layers: [2, 9] }, STACK),
    (error) => error instanceof UserError && /some_layers lists layers by numbers/.test(error.message),
  )
})

test('numbers that divide the layers in two runs move with the border, or are refused', () => {
  const window = { ...four, use_sliding_window: true, max_window_layers: 2 }
  assert.equal(follow(window, [0, 1, 0, 1, 2, 3]).max_window_layers, 4)
  assert.equal(follow(window, [2, 3]).max_window_layers, 0)
  assert.equal(follow({ ...four, first_k_dense_replace: 1 }, [0, 0, 1, 2, 3]).first_k_dense_replace, 2)
  assert.equal(follow({ ...four, num_kv_shared_layers: 2 }, [0, 1, 2, 3, 2, 3]).num_kv_shared_layers, 4)
  assert.throws(
    () => follow(window, STACK),
    /max_window_layers \(2\) divides the layers in two runs, and cannot describe/,
  )
  assert.throws(() => follow({ ...four, first_k_dense_replace: 1 }, [0, 1, 0, 1]), /first_k_dense_replace/)
  assert.throws(
    () => follow({ ...four, hidden_size_per_layer_input: 8 }, STACK),
    /gives the embeddings a part for each layer/,
  )
  // Said by a list, or without effect.
  assert.deepEqual(follow({ ...window, layer_types: ['f', 'f', 's', 's'] }, STACK).layer_types, [
    'f',
    'f',
    's',
    'f',
    's',
    's',
  ])
  assert.equal(follow({ ...window, use_sliding_window: false }, STACK).max_window_layers, 2)
})

test('numbers that count layers hold where every layer keeps its place in the count', () => {
  const config = { ...four, sliding_window_pattern: 2 }
  assert.equal(follow(config, [0, 1, 2, 3, 2, 3]).sliding_window_pattern, 2)
  assert.throws(() => follow(config, [0, 1, 1, 2, 3]), /sliding_window_pattern \(2\) counts layers from the first/)
  assert.deepEqual(follow({ ...config, layer_types: ['s', 'f', 's', 'f'] }, [0, 1, 1, 2, 3]).layer_types, [
    's',
    'f',
    'f',
    's',
    'f',
  ])
  assert.equal(follow({ ...four, decoder_sparse_step: 1 }, STACK).decoder_sparse_step, 1)
  assert.deepEqual(follow({ ...four, block_types: ['r', 'a'] }, [0, 1, 2, 3, 0, 1]).block_types, ['r', 'a'])
  assert.deepEqual(follow({ ...four, block_types: ['r', 'a'] }, [0, 2, 1]).block_types, ['r', 'r', 'a'])
  assert.deepEqual(
    follow({ num_layers: 4, attention_layers: ['g', 'l', 'g', 'l'], attention_types: [[['g', 'l'], 2]] }, STACK),
    {
      num_layers: 6,
      attention_layers: ['g', 'l', 'g', 'l', 'g', 'l'],
      attention_types: [[['g', 'l', 'g', 'l', 'g', 'l'], 1]],
    },
  )
})

test('the parts of a composed model: those that count as many layers; a config without a count is said', () => {
  const config = {
    text_config: { ...four, layer_types: ['a', 'b', 'c', 'd'] },
    vision_config: { num_hidden_layers: 3, list: [1, 2, 3] },
  }
  assert.deepEqual(follow(config, [0, 3]), {
    text_config: { num_hidden_layers: 2, hidden_size: 8, layer_types: ['a', 'd'] },
    vision_config: config.vision_config,
  })
  assert.deepEqual(follow({ encoder_layers: 4, decoder_layers: 4, num_hidden_layers: 4 }, [0, 1]), {
    encoder_layers: 2,
    decoder_layers: 2,
    num_hidden_layers: 2,
  })
  const said: string[] = []
  assert.deepEqual(follow({ height: 4 }, [0, 3], said), { height: 4 })
  assert.match(
    said[0]!,
    /does not say under a known name .* that there are 4 layers; the result has 2: set the number by hand/,
  )
  // The towers of Qwen2-VL and GLM-4V, ViTMAE, Moonshine, V-JEPA 2.
  const towers = { depth: 4, encoder_num_hidden_layers: 4, decoder_num_hidden_layers: 4, pred_num_hidden_layers: 4 }
  assert.deepEqual(
    Object.values(follow({ num_hidden_layers: 4, vision_config: towers }, [0, 3]).vision_config as object),
    [2, 2, 2, 2],
  )
})

test('a layer has the entry that its own model gives it', () => {
  const [one, two] = [
    { ...four, layer_types: ['a', 'b', 'c', 'd'] },
    { ...four, layer_types: ['w', 'x', 'y', 'z'] },
  ]
  const said: string[] = []
  const from = (other: Record<string, unknown>) =>
    followLayers(
      one,
      4,
      [
        { config: one, label: 'one', layer: 0 },
        { config: other, label: 'two', layer: 3 },
      ],
      (text) => said.push(text),
    ).layer_types
  assert.deepEqual(from(two), ['a', 'z'])
  assert.deepEqual(said, [])
  assert.deepEqual(from(four), ['a', 'd'])
  assert.match(said[0]!, /config\.json of two has no layer_types: the entry of layer 3 is that of the first model/)
})

test('layers that compute with their number, at another place', () => {
  for (const config of [{ model_type: 'diffllama' }, { model_type: 'gpt2', scale_attn_by_inverse_layer_idx: true }])
    for (const [order, count] of [
      [[0, 1, 2, 3], 0],
      [[0, 2], 1],
    ] as const) {
      const said: string[] = []
      follow({ ...four, ...config }, [...order], said)
      assert.equal(said.filter((text) => text.includes('computes with its number')).length, count)
    }
})
