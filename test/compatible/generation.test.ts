// Greedy answers as lm-evaluation-harness 0.4.13 takes them from transformers 5.18.0 (4.57.6 gives the same): where they end, and
// what generation_config.json changes. Made by test/fixtures/harness/make.py.
import assert from 'node:assert/strict'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { UserError } from '../../src/errors/index.js'
import { checkItems, checkTask, loadReader, replyTo } from '../../src/evaluate/index.js'
import { loadModel, type Weights } from '../../src/models/index.js'
import type { Task } from '../../src/tasks/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { temporary } from '../checkpoint/files.js'
import { compatible } from './row.js'

interface Case {
  prompt: string
  generation?: Record<string, unknown> | undefined
  config?: Record<string, unknown>
  until?: string[]
  max?: number
  foreign?: string
  text?: string
  error?: string
}

const HARNESS = join('test', 'fixtures', 'harness')
const expected = JSON.parse(readFileSync(join(HARNESS, 'expected.json'), 'utf8')) as Record<string, { answers: Case[] }>
const LIKE = 'lm-eval 0.4.13 with transformers 5.18.0 and 4.57.6'

async function answer(name: string, { prompt, generation, config, until, max = 8 }: Case): Promise<string> {
  await setBackend(BACKEND)
  const folder = temporary()
  cpSync(join(HARNESS, name), folder, { recursive: true })
  if (generation) writeFileSync(join(folder, 'generation_config.json'), JSON.stringify(generation))
  const own = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as object
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...own, ...config }))
  const checkpoint = await openCheckpoint(folder)
  const weights: Weights = {}
  try {
    const model = loadModel(checkpoint.config!)
    const item = { id: '1', prompt, target: 'none', fields: {} }
    const task: Task = {
      name: 'case',
      version: 1,
      description: '',
      kind: 'generate',
      metric: 'exact_match',
      maxNewTokens: max,
      ...(until && { stop: until }),
      items: [item],
    }
    checkTask(task, model)
    const reader = await loadReader(folder, model)
    await checkItems(task, reader, model)
    for (const [key, shape] of Object.entries(model.shapes)) weights[key] = tf.tensor(await checkpoint.read(key), shape)
    const [text] = await replyTo({ model, weights, reader }, task)
    return text as string
  } finally {
    tf.dispose(weights)
    await checkpoint.close()
  }
}

const takes = (choose: (each: Case) => boolean) => async () => {
  let count = 0
  for (const [name, { answers }] of Object.entries(expected)) {
    for (const each of answers.filter((one) => choose(one) && !one.foreign && one.text !== undefined)) {
      assert.equal(await answer(name, each), each.text, `${name} ${JSON.stringify(each)}`)
      count++
    }
  }
  assert.ok(count > 0)
}
const sets =
  (...words: string[]) =>
  ({ generation, config }: Case) =>
    words.some((word) => [generation, config].some((part) => part && Object.hasOwn(part, word)))
const words = [
  'max_new_tokens',
  'min_length',
  'min_new_tokens',
  'repetition_penalty',
  'no_repeat_ngram_size',
  'suppress_tokens',
  'begin_suppress_tokens',
  'bad_words_ids',
]

compatible(
  {
    what: 'eos_token_id of generation_config.json, a number or a list',
    outcome: 'read',
    like: LIKE,
    note: "the tokenizer's own end of text ends an answer too",
  },
  takes(({ generation, config }) => generation?.eos_token_id != null && !config),
)
compatible(
  {
    what: 'eos_token_id of config.json',
    outcome: 'read',
    like: LIKE,
    note: 'only where there is no generation_config.json',
  },
  takes((each) => sets('eos_token_id')({ ...each, generation: undefined })),
)
for (const word of words)
  compatible({ what: `${word} of generation_config.json`, outcome: 'read', like: LIKE }, takes(sets(word)))
compatible(
  {
    what: 'sampling and beam settings (temperature, top_k, top_p, length_penalty …)',
    outcome: 'read',
    like: LIKE,
    note: 'answers are greedy, and these change none',
  },
  takes(sets('do_sample', 'length_penalty', 'renormalize_logits', 'num_beams', 'max_length')),
)
compatible(
  { what: 'stop texts, special tokens among them', outcome: 'read', like: LIKE },
  takes(({ until }) => until !== undefined),
)
compatible(
  {
    what: 'a prompt that begins with the begin-of-text token, or has it inside',
    outcome: 'read',
    like: LIKE,
    note: 'no second one is put before it',
  },
  takes(({ prompt }) => prompt.includes('<s>') || prompt === ''),
)
compatible(
  { what: 'a prompt longer than the positions leave room for', outcome: 'read', like: LIKE, note: 'cut from the left' },
  takes(({ prompt, max = 8 }) => prompt.startsWith('abc') && max < 32),
)

compatible(
  {
    what: 'max_new_tokens of a card at or above the positions',
    outcome: 'refused',
    like: 'lower max_new_tokens of the card',
  },
  async () => {
    for (const [name, { answers }] of Object.entries(expected)) {
      for (const each of answers.filter(({ error, foreign }) => error === 'AssertionError' && !foreign)) {
        await assert.rejects(
          answer(name, each),
          (error) =>
            error instanceof UserError &&
            /generates up to 3[23] tokens, and the model has 32 positions/.test(error.message),
        )
      }
    }
  },
)
compatible(
  {
    what: 'num_beams, guidance_scale, forced_eos_token_id and other words that change greedy answers',
    outcome: 'refused',
    like: 'remove them from generation_config.json',
  },
  async () => {
    for (const [name, { answers }] of Object.entries(expected)) {
      for (const each of answers.filter(({ foreign }) => foreign)) {
        await assert.rejects(
          answer(name, each),
          (error) =>
            error instanceof UserError && error.message.includes(`generation_config.json sets ${each.foreign}`),
        )
      }
    }
    for (const generation of [{ cache_implementation: 'quantized' }, { is_assistant: true }, { use_mtp: true }]) {
      await assert.rejects(
        answer('llama', { prompt: 'x', generation }),
        (error) => error instanceof UserError && error.message.includes(`sets ${Object.keys(generation)[0]}`),
      )
    }
    await answer('llama', {
      prompt: 'x',
      generation: {
        encoder_repetition_penalty: 1,
        encoder_no_repeat_ngram_size: 0,
        is_assistant: false,
        use_mtp: false,
        cache_implementation: 'static',
      },
    })
  },
)
compatible(
  {
    what: 'a token id of generation_config.json that is a text, a fraction or negative',
    outcome: 'refused',
    like: 'a token id or a list of them',
  },
  async () => {
    for (const wrong of [
      { eos_token_id: '1' },
      { eos_token_id: 1.5 },
      { eos_token_id: -1 },
      { eos_token_id: [1, null] },
      { repetition_penalty: 0 },
      { repetition_penalty: 'x' },
      { max_new_tokens: 0 },
      { suppress_tokens: 3 },
      { bad_words_ids: [[]] },
    ]) {
      const word = Object.keys(wrong)[0]
      await assert.rejects(
        answer('llama', { prompt: 'x', generation: wrong }),
        (error) => error instanceof UserError && error.message.includes(`generation_config.json: ${word}`),
        JSON.stringify(wrong),
      )
    }
  },
)
