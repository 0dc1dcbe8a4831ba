// Which modules of an adapter count: what peft 0.21.0 and 0.21.2 (transformers 5.18.0, 5.24.0) merge of the same small files, by hand-worked numbers.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openAdapter, openCheckpoint } from '../../src/checkpoint/index.js'
import { safetensors, type Tensors, writeModel } from './adapters.js'
import { temporary } from './files.js'

const root = temporary()
let count = 0

/** Tensors of the merged model that are no longer zero, and what a user is told. */
async function merged(base: string, config: object, tensors: Tensors) {
  const path = join(root, `adapter-${count++}`)
  mkdirSync(path)
  writeFileSync(
    join(path, 'adapter_config.json'),
    JSON.stringify({ peft_type: 'LORA', r: 1, lora_alpha: 1, ...config }),
  )
  writeFileSync(join(path, 'adapter_model.safetensors'), safetensors(tensors))
  const below = await openCheckpoint(base)
  try {
    const view = await openAdapter(path, below)
    const changed: Record<string, number[]> = {}
    for (const name of view.tensors.keys()) {
      const values = [...(await view.read(name))]
      if (values.some((value) => value !== 0)) changed[name] = values
    }
    await view.close()
    return { changed, notes: view.notes.join('\n'), names: [...view.tensors.keys()] }
  } finally {
    await below.close()
  }
}

const zero = (...shape: number[]): [number[], number[]] => [shape, new Array(shape.reduce((a, b) => a * b, 1)).fill(0)]
/** Factors of rank 1 whose product is `value` everywhere, of matrices [2, 2]. */
const factors = (value: number, ...modules: string[]): Tensors =>
  Object.fromEntries(
    modules.flatMap((module) => [
      [
        `base_model.model.${module}.lora_A.weight`,
        [
          [1, 2],
          [1, 1],
        ],
      ],
      [
        `base_model.model.${module}.lora_B.weight`,
        [
          [2, 1],
          [value, value],
        ],
      ],
    ]),
  )
const weights = (modules: readonly string[]) =>
  Object.fromEntries(modules.map((name) => [`${name}.weight`, zero(2, 2)]))

const [Q, K, V, O] = ['q', 'k', 'v', 'o'].map((name) => `model.layers.0.self_attn.${name}_proj`) as [
  string,
  string,
  string,
  string,
]
const model = (type: string, modules: readonly string[], more: object = {}) =>
  writeModel(join(root, `base-${count++}`), weights(modules), { model_type: type, tie_word_embeddings: false, ...more })
const changedOf = async (...given: Parameters<typeof merged>) => Object.keys((await merged(...given)).changed)

test('where target_modules is not set, the modules of peft’s list for the kind and the type of the model count, and no others', async () => {
  const llama = model('llama', [Q, K, V, O])
  const own = factors(3, Q, K, V, O)
  for (const config of [{ target_modules: null }, {}]) {
    const { changed, notes } = await merged(llama, config, own)
    assert.deepEqual(changed, { [`${Q}.weight`]: [3, 3, 3, 3], [`${V}.weight`]: [3, 3, 3, 3] })
    assert.match(
      notes,
      /2 of 4 modules, the first .*k_proj, are not among q_proj, v_proj, which peft takes for model_type llama because target_modules of .* is not set/,
    )
  }
  // What else chooses modules still does.
  const layers = { target_modules: null, layers_to_transform: [1] }
  await assert.rejects(merged(llama, layers, own), /all other modules are not among q_proj, v_proj/)
  assert.deepEqual(await changedOf(llama, { target_modules: null, exclude_modules: ['v_proj'] }, own), [`${Q}.weight`])
  // nemotron_h: all four. Nothing is left out, and nothing said.
  const all = await merged(model('nemotron_h', [Q, K, V, O]), {}, own)
  assert.equal(Object.keys(all.changed).length, 4)
  assert.equal(all.notes, '')
})

test('lists of other kinds than LoRA, a pattern, and none', async () => {
  const of = (part: string, shape: number[], ...modules: string[]): Tensors =>
    Object.fromEntries(
      modules.map((module) => [`base_model.model.${module}.${part}`, [shape, shape.length > 1 ? [5, 5] : [5]]]),
    )
  const c = 'transformer.h.0.'
  const gpt2 = model('gpt2', [`${c}attn.c_attn`, `${c}attn.c_proj`, `${c}mlp.c_proj`])
  const spectrum = of('fourierft_spectrum', [1], `${c}attn.c_attn`, `${c}attn.c_proj`, `${c}mlp.c_proj`)
  assert.deepEqual(await changedOf(gpt2, { peft_type: 'FOURIERFT' }, spectrum), [`${c}mlp.c_proj.weight`])
  const gemma = model('gemma4', [`model.language_model.layers.0.self_attn.q_proj`, Q])
  const both = factors(2, 'model.language_model.layers.0.self_attn.q_proj', Q)
  assert.deepEqual(await changedOf(gemma, {}, both), ['model.language_model.layers.0.self_attn.q_proj.weight'])
  // No list: peft refuses; all is taken, and a note says so.
  const { changed, notes } = await merged(model('smollm3', [Q, K]), {}, factors(1, Q, K))
  assert.equal(Object.keys(changed).length, 2)
  assert.match(notes, /peft, which has no list of its own for model_type smollm3, refuses the adapter; all 2 modules/)
  // Numbers that are dealt out over modules need their names.
  const theta: Tensors = { 'base_model.unilora_theta_d': [[2], [1, 2]] }
  await assert.rejects(
    merged(model('smollm3', [Q, K]), { peft_type: 'UNILORA', theta_d_length: 2 }, theta),
    /target_modules is not set, the file names no module, and peft has no list of its own for model_type smollm3/,
  )
  assert.deepEqual(
    await changedOf(model('llama', [Q, K, V]), { peft_type: 'UNILORA', r: 1, theta_d_length: 2 }, theta),
    [`${Q}.weight`, `${V}.weight`],
  )
  // Parameters alone name no module.
  const parameter = factors(1, Q, K)
  const config = { target_parameters: ['k_proj.weight'] }
  assert.deepEqual(await changedOf(model('smollm3', [Q, K]), config, parameter), [`${K}.weight`])
})

test('all-linear is neither the output matrix nor an embedding', async () => {
  const base = model('llama', [Q, 'lm_head', 'model.embed_tokens'])
  const tensors = {
    ...factors(1, Q, 'lm_head'),
    'base_model.model.model.embed_tokens.lora_embedding_A': [
      [1, 2],
      [1, 1],
    ],
    'base_model.model.model.embed_tokens.lora_embedding_B': [
      [2, 1],
      [1, 1],
    ],
  } as const
  for (const target_modules of ['all-linear', 'All-Linear'])
    assert.deepEqual(await changedOf(base, { target_modules }, tensors), [`${Q}.weight`])
})

// peft tries the patterns in their order: T5's blocks are numbered behind `block`, and their parts behind `layer`.
test('of several layers_pattern the first that the module is in tells its layer', async () => {
  const [one, two] = ['encoder.block.1.layer.0.SelfAttention.q', 'encoder.block.0.layer.1.SelfAttention.q'] as const
  const base = model('t5', [one, two], { tie_word_embeddings: true })
  const layer = (layers_pattern: string[]) => ({ target_modules: ['q'], layers_to_transform: [1], layers_pattern })
  assert.deepEqual(await changedOf(base, layer(['layers', 'layer', 'block']), factors(1, one, two)), [`${two}.weight`])
  assert.deepEqual(await changedOf(base, layer(['block', 'layer']), factors(1, one, two)), [`${one}.weight`])
})

test('a rank in the file other than that of the configuration is refused, as by peft', async () => {
  const base = model('llama', [Q])
  const part = (name: string, shape: number[], at = Q): Tensors => ({
    [`base_model.model.${at}.${name}`]: [shape, new Array(shape.reduce((a, b) => a * b, 1)).fill(1)],
  })
  const loha = {
    ...part('hada_w1_a', [2, 1]),
    ...part('hada_w1_b', [1, 2]),
    ...part('hada_w2_a', [2, 1]),
    ...part('hada_w2_b', [1, 2]),
  }
  const target_modules = ['q_proj']
  const read = (config: object, tensors: Tensors) => merged(base, { target_modules, ...config }, tensors)
  // 8 / 1 · (1·1)∘(1·1)
  assert.deepEqual((await read({ peft_type: 'LOHA', alpha: 8 }, loha)).changed[`${Q}.weight`], [8, 8, 8, 8])
  const wrong = /hada_w1_b \[1, 2\] is not of the rank 2 that adapter_config\.json says/
  await assert.rejects(read({ peft_type: 'LOHA', rank_pattern: { q_proj: 2 } }, loha), wrong)
  const lokr = { ...part('lokr_w1', [1, 1]), ...part('lokr_w2_a', [2, 1]), ...part('lokr_w2_b', [1, 2]) }
  await assert.rejects(read({ peft_type: 'LOKR', r: 2 }, lokr), /lokr_w2_b \[1, 2\] is not of the rank 2/)
  const random = { ...part('randlora_lambda', [1, 2]), ...part('randlora_gamma', [2, 2]) }
  await assert.rejects(read({ peft_type: 'RANDLORA', r: 2 }, random), /randlora_lambda \[1, 2\] is not of the rank 2/)
  const blocks = { ...part('gralora_A', [1, 2, 1]), ...part('gralora_B', [1, 1, 2]) }
  await assert.rejects(read({ peft_type: 'GRALORA', r: 2 }, blocks), /gralora_A \[1, 2, 1\] is not of the rank 2/)
})
