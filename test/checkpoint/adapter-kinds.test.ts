// Adapters whose modules share a tensor, or lie in an order, by hand-worked numbers; and what is no part of the model.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openAdapter, openCheckpoint } from '../../src/checkpoint/index.js'
import { orderModules } from '../../src/checkpoint/module-order.js'
import { safetensors, type Tensors } from './adapters.js'
import { folder, stored, temporary } from './files.js'

const root = temporary()
const E = 'model.embed_tokens.weight'
const EMBEDDING = 'base_model.model.model.embed_tokens'
const HEAD = 'base_model.model.lm_head'
const TIED = { model_type: 'llama', architectures: ['LlamaForCausalLM'], tie_word_embeddings: true }

let count = 0
async function open(base: string, config: object, tensors: Tensors, name = E) {
  const path = join(root, `adapter-${count++}`)
  mkdirSync(path)
  const given = { base_model_name_or_path: 'org/other', r: 1, lora_alpha: 1, ...config }
  writeFileSync(join(path, 'adapter_config.json'), JSON.stringify(given))
  writeFileSync(join(path, 'adapter_model.safetensors'), safetensors(tensors))
  const below = await openCheckpoint(base)
  try {
    const view = await openAdapter(path, below)
    const values = [...(await view.read(name))]
    await view.close()
    return { values, notes: view.notes, config: view.config! }
  } finally {
    await below.close()
  }
}

test('DoRA of a tied embedding and of its head: the embedding first, then the head, each from what it finds', async () => {
  const base = folder(
    join(root, 'dora'),
    {
      [E]: [
        [2, 2],
        [3, 0, 4, 6],
      ],
    },
    TIED,
  )
  const zero = {
    a: [
      [1, 2],
      [0, 0],
    ],
    b: [
      [2, 1],
      [0, 0],
    ],
  } as const
  const { values, notes } = await open(
    base,
    { peft_type: 'LORA', use_dora: true, target_modules: ['embed_tokens', 'lm_head'] },
    {
      [`${HEAD}.lora_A.weight`]: zero.a,
      [`${HEAD}.lora_B.weight`]: zero.b,
      // As the state of a model in memory calls it.
      [`${HEAD}.lora_magnitude_vector.default.weight`]: [[2], [6, 10]],
      [`${EMBEDDING}.lora_embedding_A`]: zero.a,
      [`${EMBEDDING}.lora_embedding_B`]: zero.b,
      [`${EMBEDDING}.lora_magnitude_vector`]: [[2], [5, 3]],
    },
  )
  // Columns of norm 5 and 6 get 5 and 3: [[3, 0], [4, 3]]. Then rows of norm 3 and 5 get 6 and 10.
  assert.deepEqual(values, [6, 0, 8, 6])
  assert.match(notes.join(), /are one tensor, and what the adapter does to either is done to both/)
})

test('LoRA of a tied embedding and of its head on a base in bfloat16: rounded after the embedding', async () => {
  const one = '\x80\x3f'
  const base = stored(join(root, 'bf16'), { [E]: ['BF16', [1, 1], one] }, TIED)
  const { values } = await open(
    base,
    { peft_type: 'LORA', target_modules: ['embed_tokens', 'lm_head'] },
    {
      [`${HEAD}.lora_A.weight`]: [[1, 1], [1]],
      [`${HEAD}.lora_B.weight`]: [[1, 1], [1.5 * 2 ** -8]],
      [`${EMBEDDING}.lora_embedding_A`]: [[1, 1], [1]],
      [`${EMBEDDING}.lora_embedding_B`]: [[1, 1], [2 ** -8]],
    },
  )
  // 1 + 2⁻⁸ is a tie, which goes to 1; the other way round it would be 1 + 2⁻⁷, and then 1 + 2⁻⁶.
  assert.deepEqual(values, [1 + 1.5 * 2 ** -8])
})

test('AdaLoRA on a base in bfloat16: factors are rounded where ranks of their module were pruned, and only there', async () => {
  const base = stored(join(root, 'pruned'), { [E]: ['BF16', [1, 1]] }, TIED)
  const config = { peft_type: 'ADALORA', init_r: 1, lora_alpha: 1 + 1e-5, target_modules: ['lm_head'] }
  const factors = {
    [`${HEAD}.lora_A`]: [[1, 1], [1 + 2 ** -9]],
    [`${HEAD}.lora_B`]: [[1, 1], [256]],
    // Of a state in memory: no part of the file that peft writes.
    [`${HEAD}.ranknum`]: [[1], [1]],
    [`${HEAD}.lora_E`]: [[1, 1], [1]],
  } as const
  for (const [patterns, value] of [
    [{}, 256.5],
    [{ 'model.q.lora_E': [true] }, 256.5],
    [{ 'lm_head.lora_E': [true, false] }, 256],
  ] as const)
    assert.deepEqual((await open(base, { ...config, rank_pattern: patterns }, factors)).values, [value])
})

test('the bias of a tied output: IA3 of the decoder of BERT scales it with the weight', async () => {
  const words = 'bert.embeddings.word_embeddings.weight'
  const base = folder(
    join(root, 'bert'),
    {
      [words]: [
        [2, 2],
        [1, 2, 3, 4],
      ],
      'cls.predictions.bias': [[2], [5, 6]],
      [E]: [[1], [0]],
    },
    { model_type: 'bert', architectures: ['BertForMaskedLM'] },
  )
  const given = { peft_type: 'IA3', target_modules: ['decoder'], feedforward_modules: [] }
  const factors = {
    'base_model.model.cls.predictions.decoder.ia3_l': [
      [2, 1],
      [2, 10],
    ],
  } as const
  assert.deepEqual((await open(base, given, factors, words)).values, [2, 4, 30, 40])
  assert.deepEqual((await open(base, given, factors, 'cls.predictions.bias')).values, [10, 60])
})

test('a value head is left out with a note; factors of another width name the base that they are of', async () => {
  const base = folder(
    join(root, 'value'),
    {
      [E]: [
        [2, 2],
        [1, 2, 3, 4],
      ],
    },
    TIED,
  )
  const factors = (width: number): Tensors => ({
    [`${EMBEDDING}.lora_embedding_A`]: [
      [1, 2],
      [1, 0],
    ],
    [`${EMBEDDING}.lora_embedding_B`]: [[width, 1], new Array<number>(width).fill(1)],
  })
  const config = { peft_type: 'LORA', target_modules: ['embed_tokens'] }
  const { values, notes } = await open(base, config, {
    ...factors(2),
    'v_head.summary.weight': [
      [1, 2],
      [1, 1],
    ],
    'base_model.model.v_head.summary.bias': [[1], [1]],
  })
  assert.deepEqual(values, [2, 3, 3, 4])
  assert.match(notes.join(), /v_head\.summary\.weight, v_head\.summary\.bias: a value head is no part of the model/)
  await assert.rejects(
    open(base, config, factors(3)),
    /does not fit .*; adapter_config\.json names org\/other as the base/,
  )
})

test('a weight that the file holds has what OLoRA took from it gone: nothing is taken again', async () => {
  const base = folder(
    join(root, 'olora'),
    {
      [E]: [
        [2, 2],
        [1, 2, 3, 4],
      ],
    },
    TIED,
  )
  const { values } = await open(
    base,
    { peft_type: 'LORA', init_lora_weights: 'olora', target_modules: ['lm_head'] },
    {
      [`${HEAD}.base_layer.weight`]: [
        [2, 2],
        [5, 6, 7, 8],
      ],
      [`${HEAD}.lora_A.weight`]: [
        [1, 2],
        [1, 0],
      ],
      [`${HEAD}.lora_B.weight`]: [
        [2, 1],
        [1, 1],
      ],
    },
  )
  assert.deepEqual(values, [6, 6, 8, 8])
})

test('a classifier of Gemma 3 is of the text class, though its language model is not called so', async () => {
  const config = { ...TIED, model_type: 'gemma3_text', architectures: ['Gemma3ForCausalLM'] }
  const base = folder(
    join(root, 'gemma'),
    {
      [E]: [
        [2, 2],
        [1, 2, 3, 4],
      ],
    },
    config,
  )
  const score = {
    'base_model.model.score.weight': [
      [3, 2],
      [1, 2, 3, 4, 5, 6],
    ],
  } as const
  const given = { peft_type: 'LORA', task_type: 'SEQ_CLS', modules_to_save: ['score'] }
  const { config: own } = await open(base, given, score)
  assert.deepEqual(own.architectures, ['Gemma3TextForSequenceClassification'])
})

test('factors of single experts: not with an alpha of their own, nor on experts that lie in one tensor', async () => {
  const experts = 'model.layers.0.mlp.experts'
  const config = { model_type: 'qwen3_moe', tie_word_embeddings: false }
  const embedding: [number[], number[]] = [
    [2, 2],
    [1, 2, 3, 4],
  ]
  const single = {
    [E]: embedding,
    [`${experts}.0.down_proj.weight`]: [
      [2, 2],
      [1, 2, 3, 4],
    ] as [number[], number[]],
  }
  const fused = {
    [E]: embedding,
    [`${experts}.down_proj`]: [
      [1, 2, 2],
      [1, 2, 3, 4],
    ] as [number[], number[]],
  }
  const factors = {
    [`base_model.model.${experts}.0.down_proj.lora_A.weight`]: [
      [1, 2],
      [1, 0],
    ],
    [`base_model.model.${experts}.0.down_proj.lora_B.weight`]: [
      [2, 1],
      [1, 1],
    ],
  } as const
  const given = { peft_type: 'LORA', target_modules: ['down_proj'] }
  await assert.rejects(
    open(folder(join(root, 'single'), single, config), { ...given, alpha_pattern: { down_proj: 7 } }, factors),
    /experts\.0\.down_proj: peft 0\.21 fuses such experts and passes over alpha_pattern/,
  )
  await assert.rejects(
    open(folder(join(root, 'fused'), fused, config), given, factors),
    /is of one expert, and .*fused has all experts of a layer in one tensor \(model\.layers\.0\.mlp\.experts\.down_proj\)/,
  )
})

test('a module that the base does not have: another base only where the adapter does not name this one', async () => {
  const factors = {
    'base_model.model.x.lora_A.weight': [
      [1, 2],
      [1, 0],
    ],
    'base_model.model.x.lora_B.weight': [
      [2, 1],
      [1, 1],
    ],
  } as const
  const make = (name: string, config: object) =>
    folder(
      join(root, name),
      {
        [E]: [
          [2, 2],
          [1, 2, 3, 4],
        ],
      },
      config,
    )
  const base = make('lacking', TIED)
  const given = { peft_type: 'LORA', target_modules: ['x'] }
  await assert.rejects(
    open(base, given, factors),
    /is not in .*lacking: the adapter is of another base \(.* names org\/other\)/,
  )
  await assert.rejects(
    open(base, { ...given, base_model_name_or_path: base }, factors),
    /is not in .*lacking, which adapter_config\.json names as the base: its files are others/,
  )
  await assert.rejects(
    open(make('beit', { model_type: 'beit' }), given, factors),
    /under this name: transformers 5 names modules of beit otherwise than its files do/,
  )
})

test('the order of modules in a class: the encoder, the decoder, and the head behind both', () => {
  const t5 = ['shared', 'encoder.block.0.layer.0.SelfAttention.q', 'encoder.block.0.layer.1.DenseReluDense.wo'].concat(
    ['encoder.block.1.layer.0.SelfAttention.o', 'decoder.block.0.layer.0.SelfAttention.v'],
    ['decoder.block.0.layer.1.EncDecAttention.q', 'decoder.block.0.layer.2.DenseReluDense.wi', 'lm_head'],
  )
  assert.deepEqual(orderModules([...t5].sort(), { model_type: 't5' }), t5)
  const phi3 = ['model.layers.0.self_attn.o_proj', 'model.layers.0.self_attn.qkv_proj', 'model.layers.0.mlp.down_proj']
  assert.deepEqual(orderModules([...phi3].sort(), { model_type: 'phi3' }), phi3)
  const opt = ['model.decoder.project_out', 'model.decoder.project_in', 'model.decoder.layers.10.fc1', 'lm_head']
  assert.deepEqual(orderModules([...opt].sort(), { model_type: 'opt' }), opt)
  assert.equal(orderModules(opt, { model_type: 'new' }), null)
})
