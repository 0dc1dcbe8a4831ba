// The text that is scored is the text that the model wrote: through generation, spaces before signs and all.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { evaluateTask, replyTo } from '../../src/evaluate/index.js'
import type { Task } from '../../src/tasks/index.js'
import { loadTokenizer } from '../../src/tokenizer/index.js'
import { openFixture } from '../models/fixture.js'

const { model, post, expected } = await openFixture('llama3')
const { prompt, post: reference } = expected.generation[0]!
const { ids } = reference
const PIECES = [' return', " '", " '", '.', 'join', '(', 'words', ')', ' .', ' !', ' ,', " n't", " 's", ' ?']
const folder = mkdtempSync(join(tmpdir(), 'written-'))
after(() => rmSync(folder, { recursive: true }))

/** Every id a token of its own; those of the answer are pieces of code and of badly set text. A text is split at its bars. */
function writeTokenizer(settings: object): string[] {
  const tokens = Array.from({ length: model.vocabulary }, (_, id) => `w${id}`)
  const free = [...PIECES]
  for (const id of new Set(ids)) if (!prompt.includes(id)) tokens[id] = free.shift() ?? tokens[id]!
  tokens[2] = '</s>'
  // Two pieces are alike as text, and one of them is another token.
  const vocab = Object.fromEntries(
    tokens.map((token, id) => [(tokens.indexOf(token) < id ? `${token}${id}` : token).replaceAll(' ', 'Ġ'), id]),
  )
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  const split = { type: 'Split', pattern: { String: '|' }, behavior: 'Removed', invert: false }
  const level = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }
  writeFileSync(
    join(folder, 'tokenizer.json'),
    JSON.stringify({
      added_tokens: [{ id: 2, content: '</s>', ...flags }],
      normalizer: null,
      pre_tokenizer: { type: 'Sequence', pretokenizers: [split, level] },
      post_processor: null,
      decoder: level,
      model: { type: 'BPE', ignore_merges: true, vocab, merges: [] },
    }),
  )
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ eos_token: '</s>', ...settings }))
  return Object.entries(vocab)
    .sort(([, one], [, two]) => one - two)
    .map(([token]) => token.replaceAll('Ġ', ' '))
}

for (const settings of [{}, { clean_up_tokenization_spaces: true }, { clean_up_tokenization_spaces: false }]) {
  test(`an answer of ${JSON.stringify(settings)}`, async () => {
    const tokens = writeTokenizer(settings)
    const written = ids.map((id) => tokens[id]!).join('')
    assert.match(written, / [.!,?']/)
    const item = { id: '1', prompt: prompt.map((id) => tokens[id]!).join('|'), target: written, fields: {} }
    // With a stop every answer is generated.
    const task: Task = {
      name: 't',
      version: 1,
      description: '',
      kind: 'generate',
      metric: 'exact_match',
      maxNewTokens: ids.length,
      stop: ['<never>'],
      items: [item],
    }
    const tokenizer = await loadTokenizer(folder)
    assert.deepEqual(await replyTo({ model, weights: post, reader: tokenizer }, task), [written])
    assert.equal((await evaluateTask({ model, weights: post, reader: tokenizer }, task)).score, 1)
  })
}
