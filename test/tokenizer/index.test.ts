// The tokenizer door against what the Rust library gives, and its errors.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UserError } from '../../src/errors/index.js'
import { type AddedToken, completeFile, type TokenizerConfig, type TokenizerFile } from '../../src/tokenizer/file.js'
import { loadTokenizer, readVocabulary } from '../../src/tokenizer/index.js'

const fixtures = join('test', 'fixtures', 'tokenizers')

interface Expected {
  vocab_size: number
  strings: { text: string; ids: number[]; ids_with_special: number[]; decoded_skip_special: string }[]
}

for (const name of readdirSync(fixtures).filter((entry) => !entry.includes('.'))) {
  test(`${name}: ids and texts are those of the Rust library`, async () => {
    const tokenizer = await loadTokenizer(join(fixtures, name))
    const expected = JSON.parse(readFileSync(join(fixtures, name, 'expected.json'), 'utf8')) as Expected
    assert.equal(tokenizer.vocabulary, expected.vocab_size)
    const texts = expected.strings.map(({ text }) => text)
    assert.deepEqual(
      await tokenizer.encode(texts),
      expected.strings.map(({ ids }) => ids),
    )
    assert.deepEqual(
      await tokenizer.encode(texts, { special: true }),
      expected.strings.map(({ ids_with_special: ids }) => ids),
    )
    for (const { ids_with_special: ids, decoded_skip_special: text } of expected.strings)
      assert.equal(tokenizer.decode(Int32Array.from(ids)), text)
  })
}

test('end-of-text and padding come from tokenizer_config.json', async () => {
  const llama3 = await loadTokenizer(join(fixtures, 'llama3-bpe'))
  assert.deepEqual([llama3.eos, llama3.pad], [907, 907]) // <|eot_id|>, and no pad_token
  const bert = await loadTokenizer(join(fixtures, 'bert-wordpiece'))
  assert.deepEqual([bert.eos, bert.pad], [3, 0]) // [SEP] for want of an eos_token, [PAD]
})

test('an empty answer decodes to the empty text', async () => {
  const tokenizer = await loadTokenizer(join(fixtures, 'llama3-bpe'))
  assert.equal(tokenizer.decode([]), '')
  assert.equal(tokenizer.decode([tokenizer.eos!]), '')
})

const folder = mkdtempSync(join(tmpdir(), 'tokenizer-'))
after(() => rmSync(folder, { recursive: true }))

function write(json: string | undefined, config: string | undefined): void {
  for (const [file, text] of Object.entries({ 'tokenizer.json': json, 'tokenizer_config.json': config })) {
    rmSync(join(folder, file), { force: true })
    if (text !== undefined) writeFileSync(join(folder, file), text)
  }
}

const good = readFileSync(join(fixtures, 'llama3-bpe', 'tokenizer.json'), 'utf8')

for (const [name, json, config, message] of [
  ['no tokenizer.json', undefined, '{}', /tokenizer\.json: is missing/],
  ['broken JSON', good.slice(0, 500), '{}', /tokenizer\.json: not valid JSON/],
  ['JSON of another kind', '[1, 2]', '{}', /tokenizer\.json: not a JSON object/],
  [
    'an unknown model',
    '{"model": {"type": "Runes"}}',
    '{}',
    /tokenizer\.json: model\.type must be one of BPE, Unigram, WordLevel, WordPiece; got "Runes"/,
  ],
  ['a token that is a number', good, '{"eos_token": 2}', /tokenizer_config\.json: eos_token must be/],
] as const) {
  test(`refused in one line: ${name}`, async () => {
    write(json, config)
    await assert.rejects(
      loadTokenizer(folder),
      (error) => error instanceof UserError && message.test(error.message) && !error.message.includes('\n'),
    )
  })
}

// Made with transformers 5.18: the ids of the tokens that AutoTokenizer says are special.
const plain = {
  id: 3,
  content: '<x>',
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: true,
  special: false,
}
const words: TokenizerFile = {
  model: {
    type: 'WordLevel',
    vocab: { '<unk>': 0, a: 1, b: 2, '<x>': 3, hi: 4, '<y>': 5, '</s>': 6 },
    unk_token: '<unk>',
  },
}

for (const [settings, own, special] of [
  [{ extra_special_tokens: { image_token: '<x>' } }, [], [3, 6]],
  [{ extra_special_tokens: { image_token: '<x>' } }, [plain], [3, 6]],
  [{ image_token: '<x>' }, [], [3, 6]],
  [{ pad_token: '<x>' }, [plain], [3, 6]],
  [{ pad_token: '<x>', added_tokens_decoder: {} }, [plain], [6]],
  [{ extra_special_tokens: ['<x>'] }, [plain], [6]],
  [
    { extra_special_tokens: { image_token: '<x>' }, added_tokens_decoder: { 3: { content: '<x>', special: false } } },
    [],
    [3, 6],
  ],
  [{ extra_special_tokens: { image_token: '<x>' }, additional_special_tokens: ['<y>'] }, [], [3, 5, 6]],
  [{ extra_special_tokens: ['<x>'], additional_special_tokens: ['<y>'] }, [], [3, 6]],
] as [TokenizerConfig, AddedToken[], number[]][]) {
  test(`special as in transformers: ${JSON.stringify(settings)}${own.length ? ' beside an added token' : ''}`, () => {
    const { added_tokens: added } = completeFile({ ...words, added_tokens: own }, { eos_token: '</s>', ...settings })
    assert.deepEqual(
      added!
        .filter((token) => token.special)
        .map(({ id }) => id)
        .sort(),
      special,
    )
  })
}

test('a token named in a mapping is found, and left out of the text', async () => {
  write(
    JSON.stringify({ ...words, added_tokens: [], pre_tokenizer: { type: 'WhitespaceSplit' } }),
    JSON.stringify({ eos_token: '</s>', extra_special_tokens: { image_token: '<x>' } }),
  )
  const tokenizer = await loadTokenizer(folder)
  assert.deepEqual(await tokenizer.encode(['hi <x> a<x> b']), [[4, 3, 1, 3, 2]])
  assert.equal(tokenizer.decode([4, 3, 1, 3, 2]), 'hi a b')
})

// AutoTokenizer of transformers 5.18.0: ids of "a" with " a" = 1 and "a" = 0.
for (const [tokenizer_class, own, said, first] of [
  ['GPT2Tokenizer', true, undefined, 0],
  ['GPT2Tokenizer', false, true, 1],
  ['RobertaTokenizerFast', true, false, 0],
  ['GPTNeoXTokenizerFast', true, undefined, 0],
  ['BlenderbotTokenizer', false, undefined, 1],
  ['BlenderbotTokenizer', true, false, 0],
  ['Qwen2Tokenizer', false, true, 1],
  ['PreTrainedTokenizerFast', true, false, 1],
  ['PreTrainedTokenizerFast', false, true, 0],
] as const)
  test(`add_prefix_space of ${tokenizer_class}: ${own} in tokenizer.json, ${said} in its config`, async () => {
    const level = { type: 'ByteLevel', add_prefix_space: own, trim_offsets: true, use_regex: true }
    const model = { type: 'BPE', vocab: { a: 0, Ġa: 1, Ġ: 2 }, merges: ['Ġ a'] }
    write(
      JSON.stringify({ model, added_tokens: [], pre_tokenizer: level, decoder: level }),
      JSON.stringify({ tokenizer_class, add_prefix_space: said }),
    )
    const [ids] = await (await loadTokenizer(folder)).encode(['a'])
    assert.equal(ids![0], first)
  })

// AutoTokenizer of transformers 5.24.0 (findings/llama-tokenizer-of-bytes.sh): [1, 4]. Version 5.18.0 loses the space.
test('a byte-level file goes before the class LlamaTokenizer', async () => {
  const level = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  const model = { type: 'BPE', vocab: { '<s>': 0, a: 1, Ġ: 2, b: 3, Ġb: 4 }, merges: [['Ġ', 'b']] }
  write(
    JSON.stringify({ model, added_tokens: [], pre_tokenizer: level, decoder: level }),
    JSON.stringify({ tokenizer_class: 'LlamaTokenizerFast', bos_token: '<s>', eos_token: '<s>', unk_token: null }),
  )
  assert.deepEqual(await (await loadTokenizer(folder)).encode(['a b']), [[1, 4]])
})

// AutoTokenizer of transformers 5.18.0 and 5.24.0.
test('split_special_tokens reads special tokens as text, and keeps the ids of the others', async () => {
  const token = { single_word: false, lstrip: false, rstrip: false, normalized: false }
  write(
    JSON.stringify({
      ...words,
      pre_tokenizer: { type: 'WhitespaceSplit' },
      added_tokens: [
        { ...token, id: 6, content: '</s>', special: true },
        { ...token, id: 7, content: '<new>', special: true },
        { ...token, id: 8, content: '<own>', special: false },
      ],
    }),
    JSON.stringify({ eos_token: '</s>', unk_token: '<unk>', split_special_tokens: true }),
  )
  const tokenizer = await loadTokenizer(folder)
  assert.deepEqual(await tokenizer.encode(['a</s> </s> <new> <own>']), [[0, 6, 0, 8]])
  assert.deepEqual([tokenizer.eos, tokenizer.vocabulary], [6, 9])
})

// tokenizers 0.23.3: from_str numbers added tokens itself, whatever the file says.
test('added tokens have the ids that the core gives them, without holes', async () => {
  const token = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  const added_tokens = [
    { ...token, id: 12, content: '<im>' },
    { ...token, id: 9, content: '<end>' },
    { ...token, id: 6, content: '</s>' },
  ]
  write(
    JSON.stringify({ ...words, pre_tokenizer: { type: 'WhitespaceSplit' }, added_tokens }),
    '{"eos_token": "<end>"}',
  )
  const tokenizer = await loadTokenizer(folder)
  assert.deepEqual(await tokenizer.encode(['<im> <end> </s>']), [[7, 8, 6]])
  assert.deepEqual([tokenizer.eos, tokenizer.vocabulary], [8, 9])
  const { ids, size } = (await readVocabulary(folder))!
  assert.deepEqual([ids.get('<im>'), ids.get('<end>'), ids.get('</s>'), size], [7, 8, 6, 9])
})

// A merge gives them rows, as mergekit 0.1.5 does, which asks AutoTokenizer.
test('a vocabulary has the tokens that tokenizer_config.json adds', async () => {
  write(
    JSON.stringify({ ...words, added_tokens: [] }),
    JSON.stringify({ unk_token: '<unk>', pad_token: '<pad>', additional_special_tokens: ['<q>', '<y>'] }),
  )
  const { ids, size } = (await readVocabulary(folder))!
  assert.deepEqual([ids.get('<pad>'), ids.get('<q>'), ids.get('<y>'), size], [7, 8, 5, 9])
})

test("Llama's class has no tokens of its own in a file of byte-level BPE, as in transformers 5.24", async () => {
  write(good, JSON.stringify({ tokenizer_class: 'LlamaTokenizerFast', pad_token: '[PAD]' }))
  const tokenizer = await loadTokenizer(folder)
  assert.deepEqual([tokenizer.pad, tokenizer.vocabulary], [908, 909]) // after <|eot_id|>, 907: no <unk>, <s>, </s>
})
