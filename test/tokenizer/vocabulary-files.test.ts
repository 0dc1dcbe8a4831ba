// vocab.json and merges.txt, or vocab.txt, without tokenizer.json, as published models of OPT, RoBERTa and BERT have them: ids of
// AutoTokenizer of transformers 5.18.0 and 5.24.0.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadTokenizer, readVocabulary, tokenizerFiles } from '../../src/tokenizer/index.js'

const TOKENS = ['<s>', '<pad>', '</s>', '<unk>', 'h', 'e', 'l', 'o', 'Ġ', 'he', 'll', 'Ġhe', '#', '##', 'Ċ']
const settings = {
  ...{ tokenizer_class: 'GPT2Tokenizer', add_prefix_space: false, errors: 'replace' },
  ...{ unk_token: '</s>', bos_token: '</s>', eos_token: '</s>', pad_token: '<pad>' },
}

test('GPT-2 tokenizers in two files are those of transformers, with the begin-of-text token where it is asked for', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'deltalab-two-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const write = (name: string, text: object | string) =>
    writeFileSync(join(folder, name), typeof text === 'string' ? text : JSON.stringify(text))
  write('vocab.json', Object.fromEntries(TOKENS.map((token, id) => [token, id])))
  await assert.rejects(
    loadTokenizer(folder),
    /tokenizer\.json: is missing, and vocab\.json is not read in its place; AutoTok/,
  )
  write('merges.txt', '#version: 0.2\nh e\nl l\nĠ he\n# #\n')
  write('config.json', { model_type: 'opt' })
  write('tokenizer_config.json', { ...settings, add_bos_token: true })
  const texts = ['hello', ' hello', 'heh</s>ll', '###\n', '', 'he<pad> he']
  const begun = await loadTokenizer(folder)
  const ids = [[2, 9, 10, 7], [2, 11, 10, 7], [2, 9, 4, 2, 10], [2, 13, 12, 14], [2], [2, 9, 1, 11]]
  assert.deepEqual(await begun.encode(texts, { special: true }), ids)
  assert.deepEqual(
    await begun.encode(texts),
    ids.map((each) => each.slice(1)),
  )
  assert.deepEqual([begun.bos, begun.eos, begun.pad, begun.vocabulary], [2, 2, 1, TOKENS.length])
  assert.equal(begun.decode([2, 11, 10, 7]), ' hello')
  assert.deepEqual(tokenizerFiles(folder).slice(0, 2), ['vocab.json', 'merges.txt'])
  assert.equal((await readVocabulary(folder))!.size, TOKENS.length)
  write('tokenizer_config.json', { ...settings, add_prefix_space: true })
  assert.deepEqual(await (await loadTokenizer(folder)).encode(texts, { special: true }), [
    [11, 10, 7],
    [11, 10, 7],
    [11, 4, 2, 8, 10],
    [8, 13, 12, 14],
    [],
    [11, 1, 11],
  ])
  write('tokenizer_config.json', { ...settings, bos_token: '<bos>', add_bos_token: true })
  await assert.rejects(
    loadTokenizer(folder),
    /vocab\.json: has no <bos>, which tokenizer_config\.json puts around a text/,
  )
  // Another class makes other ids of the same two files, and a class that is not known none.
  write('tokenizer_config.json', { tokenizer_class: 'RobertaTokenizer', add_prefix_space: true })
  assert.deepEqual(await (await loadTokenizer(folder)).encode(texts, { special: true }), [
    [0, 11, 10, 7, 2],
    [0, 11, 10, 7, 2],
    [0, 11, 4, 2, 8, 10, 2],
    [0, 8, 13, 12, 14, 2],
    [0, 2],
    [0, 11, 1, 11, 2],
  ])
  write('tokenizer_config.json', { ...settings, tokenizer_class: 'MineTokenizer' })
  await assert.rejects(loadTokenizer(folder), /vocab\.json is not read in its place/)
})

test('a vocab.txt of BERT is read, with the settings of its class', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'deltalab-vocab-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'vocab.txt'), '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhe\n##llo\n,\nHe\nwe\n')
  writeFileSync(join(folder, 'config.json'), '{"model_type": "bert"}')
  const texts = ['Hello, we', 'he wé\u200b', '[MASK] hello', '', 'héllo']
  const small = await loadTokenizer(folder)
  const ids = [
    [2, 5, 6, 7, 9, 3],
    [2, 5, 9, 3],
    [2, 4, 5, 6, 3],
    [2, 3],
    [2, 5, 6, 3],
  ]
  assert.deepEqual(await small.encode(texts, { special: true }), ids)
  assert.deepEqual(await small.encodePairs([{ text: texts[0]!, pair: texts[1]! }]), [
    { ids: [2, 5, 6, 7, 9, 3, 5, 9, 3], types: [0, 0, 0, 0, 0, 0, 1, 1, 1] },
  ])
  assert.deepEqual([small.decode(ids[0]!), small.pad, small.mask, small.vocabulary], ['hello, we', 0, 4, 10])
  assert.deepEqual(tokenizerFiles(folder).slice(0, 1), ['vocab.txt'])
  assert.equal((await readVocabulary(folder))!.size, 10)
  writeFileSync(join(folder, 'tokenizer_config.json'), '{"do_lower_case": false}')
  const cased = await loadTokenizer(folder)
  const others = [
    [2, 8, 6, 7, 9, 3],
    [2, 5, 1, 3],
    [2, 4, 5, 6, 3],
    [2, 3],
    [2, 1, 3],
  ]
  assert.deepEqual(await cased.encode(texts, { special: true }), others)
})

// What AutoTokenizer.from_pretrained(…).save_pretrained(…) of transformers 5.18.0 makes a tokenizer.json of; the others are classes of
// PreTrainedTokenizer (PhoBERT, Qwen 1, Marian) or code beside the model, and have none.
test('a tokenizer in other files is named, with what makes a tokenizer.json of it', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'deltalab-slow-'))
  t.after(() => rmSync(root, { recursive: true }))
  for (const [i, [files, words]] of (
    [
      ['tekken.json', /tekken\.json is not read in its place; AutoTokenizer/],
      ['tokenizer.model.v3', /tokenizer\.model\.v3 is not read in its place; AutoTokenizer/],
      ['vocab.txt', /vocab\.txt is not read in its place; AutoTokenizer/],
      ['tokenizer.model tokenization_mine.py', /tokenizer\.model is not read in its place; AutoTokenizer/],
      ['vocab.txt bpe.codes', /bpe\.codes is of a tokenizer in Python, which is not run; --tokenizer/],
      ['qwen.tiktoken', /qwen\.tiktoken is of a tokenizer in Python/],
      ['source.spm vocab.json', /source\.spm is of a tokenizer in Python/],
      ['tokenization_mine.py', /tokenization_mine\.py is of a tokenizer in Python/],
      ['notes.txt', /tokenizer\.json: is missing; a model folder must hold it/],
    ] as const
  ).entries()) {
    const folder = join(root, String(i))
    mkdirSync(folder)
    for (const name of files.split(' ')) writeFileSync(join(folder, name), '{}')
    await assert.rejects(loadTokenizer(folder), words)
  }
})
