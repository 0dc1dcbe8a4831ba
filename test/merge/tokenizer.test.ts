// Tokenizers of merged models: whose tokens, and which rows of the embeddings, by hand-worked numbers and mergekit's rules; chat templates.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { CHAT_TEMPLATES, loadChat, loadTokenizer, type Message } from '../../src/tokenizer/index.js'
import { folder as writeFolder } from '../checkpoint/files.js'
import { merge, readWords, scratch, yaml } from './fixtures.js'

/** A model of two numbers a token: tokens in the order of their ids, `<…>` an added one. */
function model(name: string, tokens: string[], rows: number[][], template?: string): string {
  const folder = join(scratch, name)
  const own = tokens.map((token, id): [string, number] => [token, id])
  const shape = [rows.length, 2]
  writeFolder(
    folder,
    { 'model.embed_tokens.weight': [shape, rows.flat()], 'lm_head.weight': [shape, rows.flat().map((x) => -x)] },
    { model_type: 'llama', vocab_size: rows.length, eos_token_id: tokens.indexOf('<eos>'), tie_word_embeddings: false },
  )
  const added_tokens = own
    .filter(([token]) => token.startsWith('<'))
    .map(([content, id]) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    }))
  const vocab = Object.fromEntries(own.filter(([token]) => !token.startsWith('<')))
  const wordPiece = {
    type: 'WordPiece',
    unk_token: '<eos>',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 9,
    vocab,
  }
  writeFileSync(
    join(folder, 'tokenizer.json'),
    JSON.stringify({
      added_tokens,
      normalizer: null,
      pre_tokenizer: { type: 'Whitespace' },
      post_processor: null,
      decoder: null,
      model: wordPiece,
    }),
  )
  writeFileSync(
    join(folder, 'tokenizer_config.json'),
    JSON.stringify({ eos_token: '<eos>', ...(template && { chat_template: template }) }),
  )
  writeFileSync(join(folder, 'vocab.txt'), tokens.join('\n'))
  return folder
}

const one = model(
  'one',
  ['a', 'c', '<eos>'],
  [
    [1, 2],
    [3, 4],
    [0, 1],
  ],
  'one',
)
const two = model(
  'two',
  ['c', 'a', 'd', '<im>', '<eos>'],
  [
    [10, 20],
    [5, 6],
    [7, 8],
    [9, 9],
    [0, 3],
  ],
  'many',
)
const three = model(
  'three',
  ['a', '<eos>'],
  [
    [100, 200],
    [0, 5],
  ],
  'many',
)

let outputs = 0
async function merged(text: string) {
  const out = join(scratch, `words-${++outputs}`)
  await merge(yaml(text), out)
  const rowsOf = (name: string): number[][] => {
    const { shape, values } = readWords(join(out, 'model.safetensors')).get(name)!
    return Array.from({ length: shape[0]! }, (_, row) =>
      [...values.subarray(row * 2, row * 2 + 2)].map((x) => Number(x.toFixed(4))),
    )
  }
  const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')) as {
    vocab_size: number
    eos_token_id: number
  }
  const { encode } = await loadTokenizer(out)
  return {
    out,
    rows: rowsOf('model.embed_tokens.weight'),
    head: rowsOf('lm_head.weight'),
    config,
    idsOf: async (text: string) => (await encode([text]))[0],
  }
}

const linear = (...models: [string, number][]) =>
  `merge_method: linear\nmodels:\n${models.map(([folder, weight]) => `  - {model: ${folder}, parameters: {weight: ${weight}}}\n`).join('')}`

test('a union has the tokens of all: a token takes the row of the one model that has it', async () => {
  const { out, rows, head, config, idsOf } = await merged(
    `${linear([one, 1], [two, 3])}tokenizer: {source: union, pad_to_multiple_of: 4}\n`,
  )
  // a, c, <eos> as in one; then d, a word, and <im>, an added token; [6] and [7] fill up.
  assert.deepEqual(rows.slice(0, 5), [
    [4, 5],
    [8.25, 16],
    [0, 2.5],
    [7, 8],
    [9, 9],
  ])
  const mean = [0, 1].map((i) => Number((rows.slice(0, 5).reduce((sum, row) => sum + row[i]!, 0) / 5).toFixed(4)))
  assert.deepEqual(rows.slice(5), [mean, mean, mean])
  assert.deepEqual(
    head,
    rows.map((row) => row.map((x) => (x === 0 ? x : -x))),
  )
  assert.deepEqual([config.vocab_size, config.eos_token_id], [8, 2])
  assert.deepEqual(await idsOf('a c d<im><eos>'), [0, 1, 3, 4, 2])
  assert.ok(!existsSync(join(out, 'vocab.txt')), 'the list of the slow tokenizer is no longer right')
  const { added_tokens_decoder: added } = JSON.parse(readFileSync(join(out, 'tokenizer_config.json'), 'utf8')) as {
    added_tokens_decoder: Record<string, { content: string }>
  }
  assert.deepEqual(
    Object.entries(added).map(([id, { content }]) => [id, content]),
    [
      ['2', '<eos>'],
      ['4', '<im>'],
    ],
  )
})

test("a token of several models is their mean where there is no base, and the base's where it has it", async () => {
  const free = await merged(`${linear([one, 1], [two, 1], [three, 2])}tokenizer_source: union\n`)
  assert.deepEqual(free.rows[1], [6.5, 12], 'three has the mean of 3 4 and 10 20, and so has their merge')
  const base = (folder: string) =>
    `merge_method: task_arithmetic\nbase_model: ${folder}\nmodels:\n  - {model: ${three}, parameters: {weight: 1}}\n  - {model: ${two}, parameters: {weight: 0}}\ntokenizer_source: union\n`
  const based = await merged(base(one))
  assert.deepEqual(
    based.rows.slice(0, 2),
    [
      [100, 200],
      [3, 4],
    ],
    'three moves a; it has no c, takes that of the base, and does not move it',
  )
})

test("the base's tokens, or those of one model: the others' rows are put in its order", async () => {
  const base = await merged(`${linear([one, 1], [two, 1])}tokenizer_source: base\n`)
  assert.deepEqual(base.rows, [
    [3, 4],
    [6.5, 12],
    [0, 2],
  ])
  assert.ok(existsSync(join(base.out, 'vocab.txt')))
  const other = await merged(`${linear([one, 1], [two, 1])}tokenizer: {source: ${two}}\n`)
  assert.deepEqual(other.rows, [
    [6.5, 12],
    [3, 4],
    [7, 8],
    [9, 9],
    [0, 2],
  ])
  assert.deepEqual(
    [other.config.vocab_size, other.config.eos_token_id],
    [5, 4],
    'the token ids of the config are those of its tokenizer',
  )
  assert.deepEqual(await other.idsOf('c<eos>'), [0, 4])
})

test('rows of single tokens: zeros, a row of a model, by force; a token that nobody has is added', async () => {
  const tokens = `{d: {source: {kind: zero}}, a: {source: ${two}, force: true}, c: {source: ${one}}, "<new>": {source: {kind: model_token, model: ${two}, token: "<im>"}}}`
  const { rows, idsOf } = await merged(`${linear([one, 1], [two, 1])}tokenizer: {tokens: ${tokens}}\n`)
  assert.deepEqual(rows[(await idsOf('d'))![0]!], [3.5, 4], 'two keeps its own d; one has zeros')
  assert.deepEqual(rows[(await idsOf('a'))![0]!], [5, 6], 'by force also in one')
  assert.deepEqual(rows[(await idsOf('c'))![0]!], [6.5, 12], 'both have c, and without force both keep it')
  assert.deepEqual([await idsOf('<new>'), rows[5]], [[5], [9, 9]])
  const byId = await merged(
    `${linear([one, 1], [two, 1])}tokenizer: {tokens: {d: {source: {kind: model_token, model: ${one}, token_id: 1}, force: true}}}\n`,
  )
  assert.deepEqual(byId.rows[3], [3, 4])
})

test('an added token beyond the embedding has no row and is left out; identical models merge to themselves', async () => {
  const short = model(
    'short',
    ['a', 'c', '<eos>', '<pad>'],
    [
      [1, 2],
      [3, 4],
      [0, 1],
    ],
  )
  const { rows, idsOf } = await merged(`${linear([short, 1], [one, 1])}tokenizer_source: union\n`)
  assert.deepEqual(
    [rows, await idsOf('c<eos>')],
    [
      [
        [1, 2],
        [3, 4],
        [0, 1],
      ],
      [1, 2],
    ],
  )
})

test("tokens of a union may be as many as the base's and not the same ones", async () => {
  // <p> and <q> of the base have no row, and are left out; two others come.
  const cut = model(
    'cut',
    ['a', '<eos>', '<p>', '<q>'],
    [
      [1, 2],
      [3, 4],
    ],
  )
  const other = model(
    'other',
    ['a', '<eos>', '<x>', '<y>'],
    [
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ],
  )
  const { rows, idsOf } = await merged(`${linear([cut, 1], [other, 1])}tokenizer_source: union\n`)
  assert.deepEqual(
    [rows, await idsOf('a<x><y>')],
    [
      [
        [1, 2],
        [3, 4],
        [5, 6],
        [7, 8],
      ],
      [0, 2, 3],
    ],
  )
})

test('special tokens that special_tokens_map.json names are not lost beside the added tokens that are written', async () => {
  const named = model(
    'named',
    ['a', 'c', '<eos>', '<s>'],
    [
      [1, 2],
      [3, 4],
      [0, 1],
      [2, 2],
    ],
  )
  writeFileSync(join(named, 'special_tokens_map.json'), '{"bos_token": {"content": "<s>"}, "eos_token": "<eos>"}')
  const { out } = await merged(`${linear([named, 1], [two, 1])}tokenizer_source: union\n`)
  const config = JSON.parse(readFileSync(join(out, 'tokenizer_config.json'), 'utf8')) as Record<string, unknown>
  assert.deepEqual(
    [config.bos_token, config.eos_token],
    [{ __type: 'AddedToken', content: '<s>', special: true }, '<eos>'],
  )
})

test('chat templates: what most models have, one by name, a text', async () => {
  const two_of_three = `${linear([one, 1], [two, 1], [three, 1])}tokenizer_source: base\n`
  const said = async (text: string) =>
    (await loadChat((await merged(text)).out))([{ role: 'user', content: 'hi' }], { answer: true })
  assert.equal(await said(two_of_three), 'one', 'without the key it is that of the base')
  assert.equal(await said(`${two_of_three}chat_template: auto\n`), 'many')
  assert.equal(
    await said(`${two_of_three}chat_template: chatml\n`),
    '<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n',
  )
  assert.equal(await said(`${two_of_three}chat_template: "{{ messages[0].content }}!"\n`), 'hi!')
  // transformers 5.18.0 takes these files first, and beside them no template of tokenizer_config.json.
  const several = join(one, 'additional_chat_templates')
  mkdirSync(several)
  for (const name of ['default', 'tool_use']) writeFileSync(join(several, `${name}.jinja`), name)
  const { out } = await merged(`${two_of_three}chat_template: "{{ messages[0].content }}!"\n`)
  rmSync(several, { recursive: true })
  assert.match(readFileSync(join(out, 'chat_template.jinja'), 'utf8'), /!$/)
  assert.deepEqual(readdirSync(join(out, 'additional_chat_templates')), ['tool_use.jinja'])
})

// mergekit 0.1.5 (transformers 5.18.0) writes chat_template.jinja.
test('a chat template beside a lone tokenizer.json has a file of its own; without a tokenizer it is refused', async () => {
  const lone = model(
    'lone',
    ['a', '<eos>'],
    [
      [1, 2],
      [3, 4],
    ],
  )
  rmSync(join(lone, 'tokenizer_config.json'))
  const { out } = await merged(`${linear([lone, 1])}chat_template: chatml\n`)
  assert.match(readFileSync(join(out, 'chat_template.jinja'), 'utf8'), /im_start/)
  rmSync(join(lone, 'tokenizer.json'))
  await assert.rejects(
    merged(`${linear([lone, 1])}chat_template: chatml\n`),
    /chat_template: .*lone has no tokenizer\.json/,
  )
})

test('the named templates make the text of their format', async () => {
  const turns: Message[] = [
    { role: 'system', content: 'S' },
    { role: 'user', content: 'U' },
    { role: 'assistant', content: 'A' },
    { role: 'user', content: 'V' },
  ]
  const wanted: Record<string, string> = {
    alpaca: '<s>S\n\n### Instruction:\nU\n\n### Response:\nA\n\n### Instruction:\nV\n\n### Response:\n',
    chatml:
      '<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n<|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n',
    exaone: '[|system|]S[|endofturn|]\n[|user|]U\n[|assistant|]A[|endofturn|]\n[|user|]V\n[|assistant|]',
    llama3:
      '<s><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nV<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
    mistral: '<s>[INST] S\n\nU [/INST] A</s>[INST] V [/INST]',
  }
  assert.deepEqual(Object.keys(CHAT_TEMPLATES), Object.keys(wanted))
  for (const [name, text] of Object.entries(wanted)) {
    const folder = writeFolder(join(scratch, `chat-${name}`), {})
    writeFileSync(
      join(folder, 'tokenizer_config.json'),
      JSON.stringify({ bos_token: '<s>', eos_token: '</s>', chat_template: CHAT_TEMPLATES[name] }),
    )
    const chat = await loadChat(folder)
    assert.equal(chat(turns, { answer: true }), text, name)
    if (name === 'mistral')
      assert.throws(() => chat([...turns, { role: 'tool', content: 'T' }], { answer: true }), /has the roles user/)
  }
})

const wrong: [what: string, text: string, message: RegExp][] = [
  [
    'both keys',
    'tokenizer: {source: union}\ntokenizer_source: union\n',
    /^5:1: tokenizer: cannot stand beside tokenizer_source/,
  ],
  [
    'a source that is not there',
    'tokenizer: {source: ./nobody}\n',
    /tokenizer\.source: \.\/nobody: no such folder; base, union or a model is wanted/,
  ],
  [
    'a row of a model that takes no part',
    'tokenizer: {tokens: {d: {source: nobody}}}\n',
    /tokenizer\.tokens\.d\.source: unknown model of this file "nobody"; known: /,
  ],
  [
    'a token that the model lacks',
    `tokenizer: {tokens: {d: {source: ${one}}}}\n`,
    /tokens\.d\.source: one has no token "d"/,
  ],
  [
    'a row beyond the embedding',
    `tokenizer: {tokens: {d: {source: {kind: model_token, model: ${one}, token_id: 3}}}}\n`,
    /token_id: 3 is beyond the 3 rows of one/,
  ],
  [
    'neither token nor row: the model alone, as in mergekit',
    `tokenizer: {tokens: {d: {source: {kind: model_token, model: ${one}}}}}\n`,
    /tokens\.d\.source: one has no token "d"/,
  ],
  ['another kind', 'tokenizer: {tokens: {d: {source: {kind: zeros}}}}\n', /tokens\.d\.source/],
  [
    'an unknown template',
    'chat_template: chatlm\n',
    /chat_template: unknown chat_template "chatlm"; did you mean "chatml"/,
  ],
  ['a broken template', 'chat_template: "{% if %}"\n', /chat_template: .*is not jinja/],
]
for (const [what, text, message] of wrong) {
  test(`refused: ${what}`, async () => {
    const file = yaml(`${linear([one, 1], [two, 1])}${text}`)
    const error = await merge(file, join(scratch, 'never')).then(
      () => assert.fail('was accepted'),
      (e: Error) => e,
    )
    assert.equal(error.name, 'UserError', error.stack)
    assert.match(error.message.replace(file, basename(file)).replace(/^\d+\.yml:/, ''), message)
  })
}
