// Adapters of tied matrices, by hand-worked numbers: which of them stays tied, and whose change is last. peft 0.21.0 and 0.21.2 (transformers
// 5.18.0, 5.24.0) give the same of models of these types.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openAdapter, openCheckpoint } from '../../src/checkpoint/index.js'
import { safetensors, type Tensors, writeModel } from './adapters.js'
import { temporary } from './files.js'

const root = temporary()
let count = 0

type Config = Record<string, unknown>
/** A base of tensors of rows [1, 1]; what the adapter makes of each. */
async function merged(base: Config & { names: string[] }, config: Config, tensors: Tensors) {
  const { names, ...said } = base
  const zeros: Tensors = Object.fromEntries(
    names.map((name) => [
      name,
      [
        [2, 1],
        [0, 0],
      ],
    ]),
  )
  const below = await openCheckpoint(writeModel(join(root, `base-${count}`), zeros, said))
  const path = join(root, `adapter-${count++}`)
  mkdirSync(path)
  writeFileSync(
    join(path, 'adapter_config.json'),
    JSON.stringify({ peft_type: 'LORA', r: 1, lora_alpha: 1, ...config }),
  )
  writeFileSync(
    join(path, 'adapter_model.safetensors'),
    safetensors(Object.fromEntries(Object.entries(tensors).map(([name, own]) => [`base_model.model.${name}`, own]))),
  )
  try {
    const view = await openAdapter(path, below)
    const values: Record<string, number[]> = {}
    for (const name of view.tensors.keys()) values[name] = [...(await view.read(name))]
    await view.close()
    return { values, tied: view.config?.tie_word_embeddings }
  } finally {
    await below.close()
  }
}
const saved = (...values: number[]): [number[], number[]] => [[2, 1], values]

test('an embedding that is saved whole leaves the output as it was, whatever the class calls that', async () => {
  for (const [model_type, architecture, embedding, output, config] of [
    ['xlnet', 'XLNetLMHeadModel', 'transformer.word_embedding', 'lm_loss', {}],
    ['xlm', 'XLMWithLMHeadModel', 'transformer.embeddings', 'pred_layer.proj', {}],
    ['ctrl', 'CTRLLMHeadModel', 'transformer.w', 'lm_head', {}],
    ['gpt2', 'GPT2DoubleHeadsModel', 'transformer.wte', 'lm_head', {}],
    ['biogpt', 'BioGptForCausalLM', 'biogpt.embed_tokens', 'output_projection', {}],
    ['modernbert-decoder', 'ModernBertDecoderForCausalLM', 'model.embeddings.tok_embeddings', 'decoder', {}],
    [
      'blip-2',
      'Blip2ForConditionalGeneration',
      'language_model.model.decoder.embed_tokens',
      'language_model.lm_head',
      { text_config: { tie_word_embeddings: true } },
    ],
    [
      'gemma3',
      'Gemma3ForConditionalGeneration',
      'language_model.model.embed_tokens',
      'lm_head',
      { text_config: { tie_word_embeddings: true } },
    ],
  ] as const) {
    const said = { model_type, architectures: [architecture], ...config, names: [`${embedding}.weight`] }
    const { values, tied } = await merged(
      said,
      { modules_to_save: [embedding] },
      { [`${embedding}.weight`]: saved(3, 4) },
    )
    assert.deepEqual(values, { [`${embedding}.weight`]: [3, 4], [`${output}.weight`]: [0, 0] }, model_type)
    assert.equal(tied, false)
  }
})

// peft.utils.constants.EMBEDDING_LAYER_NAMES
test('ensure_weight_tying ties modules named embed_tokens and lm_head, and no others', async () => {
  const ensured = { ensure_weight_tying: true }
  const gpt2 = { model_type: 'gpt2', architectures: ['GPT2LMHeadModel'], names: ['transformer.wte.weight'] }
  const one = await merged(gpt2, { ...ensured, modules_to_save: ['wte'] }, { 'transformer.wte.weight': saved(3, 4) })
  assert.deepEqual(one.values, { 'transformer.wte.weight': [3, 4], 'lm_head.weight': [0, 0] })
  const llama = {
    model_type: 'llama',
    tie_word_embeddings: true,
    architectures: ['LlamaForCausalLM'],
    names: ['model.embed_tokens.weight'],
  }
  const both = { 'model.embed_tokens.weight': saved(3, 4), 'lm_head.weight': saved(3, 4) }
  const two = await merged(llama, { ...ensured, modules_to_save: ['embed_tokens'] }, both)
  assert.deepEqual(two.values, { 'model.embed_tokens.weight': [3, 4] })
})

const SIDES = ['model.encoder.embed_tokens', 'model.decoder.embed_tokens'] as const
const marian = (model_type: string, architecture: string) => ({
  model_type,
  architectures: [architecture],
  names: ['model.shared.weight'],
})

test('a side of an encoder-decoder that is saved whole is a tensor of its own, and the other and the output stay', async () => {
  for (const side of SIDES) {
    const { values } = await merged(
      marian('marian', 'MarianMTModel'),
      { modules_to_save: [side] },
      { [`${side}.weight`]: saved(3, 4) },
    )
    assert.deepEqual(values, { 'model.shared.weight': [0, 0], [`${side}.weight`]: [3, 4] })
  }
})

test('of trained rows of tied tables those of the last module in the class stay', async () => {
  const rows = (value: number): [number[], number[]] => [[1, 1], [value]]
  const [encoder, decoder] = SIDES
  const delta = 'token_adapter.trainable_tokens_delta'
  const given = {
    [`${decoder}.${delta}`]: rows(5),
    [`${encoder}.${delta}`]: rows(7),
    [`lm_head.${delta}`]: rows(9),
  }
  const bart = marian('bart', 'BartForConditionalGeneration')
  const config = { trainable_token_indices: { embed_tokens: [1], lm_head: [0] } }
  const { values } = await merged(bart, config, given)
  assert.deepEqual(values, { 'model.shared.weight': [9, 5] })
  // The input embeddings of Marian are its encoder's.
  const sides = { [`${decoder}.${delta}`]: rows(5), [`${encoder}.${delta}`]: rows(7) }
  const ofMarian = await merged(marian('marian', 'MarianMTModel'), config, sides)
  assert.deepEqual(ofMarian.values, { 'model.shared.weight': [0, 7] })
})

test('rows that a tied module repeats within are the same rows', async () => {
  const given = Object.fromEntries(
    ['lm_head', `${SIDES[0]}.base_layer`, ...SIDES].map((name): [string, [number[], number[]]] => [
      `${name}.trainable_tokens_delta`,
      [[1, 1], [6]],
    ]),
  )
  const config = { peft_type: 'TRAINABLE_TOKENS', target_modules: SIDES[0], token_indices: [1] }
  const { values } = await merged(marian('marian', 'MarianMTModel'), config, given)
  assert.deepEqual(values, { 'model.shared.weight': [0, 6] })
})

// The embedding of OPT lies in `decoder`: its columns get their lengths before the rows of the output get theirs.
test('DoRA of a tied embedding comes before that of the output, also where the embedding is called that of a decoder', async () => {
  const [embedding, head] = ['model.decoder.embed_tokens', 'lm_head']
  const zero: [number[], number[]] = [
    [1, 2],
    [0, 0],
  ]
  const one: [number[], number[]] = [[1, 1], [0]]
  const given = {
    [`${head}.lora_A.weight`]: one,
    [`${head}.lora_B.weight`]: saved(0, 0),
    [`${head}.lora_magnitude_vector`]: [[2], [2, 1]],
    [`${embedding}.base_layer.weight`]: saved(3, 4),
    [`${embedding}.lora_embedding_A`]: zero,
    [`${embedding}.lora_embedding_B`]: one,
    [`${embedding}.lora_magnitude_vector`]: [[1], [10]],
  } as const
  const opt = { model_type: 'opt', architectures: ['OPTForCausalLM'], names: [`${embedding}.weight`] }
  const { values } = await merged(opt, { use_dora: true, target_modules: [embedding, head] }, given)
  // The column (3, 4) of length 5 gets 10; then the rows get 2 and 1.
  assert.deepEqual(values, { [`${embedding}.weight`]: [2, 1] })
})
