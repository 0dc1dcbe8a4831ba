// Tokenizers that a class of transformers builds anew from the vocabulary of a tokenizer.json, against AutoTokenizer
// (test/fixtures/tokenizer_parts/make_built.py).
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TokenizerFile } from '../../src/tokenizer/file.js'
import { loadTokenizer } from '../../src/tokenizer/index.js'
import { compatible } from './row.js'

interface Case {
  name: string
  base: string
  settings: object
  ids: string
  pairs: string
  text?: string
  like: string[]
}

const read = <T>(name: string) =>
  JSON.parse(readFileSync(join('test', 'fixtures', 'tokenizer_parts', name), 'utf8')) as T
const bases = read<Record<string, TokenizerFile>>('bases.json')
const { tokens, added, lines, cases } = read<{ tokens: string[]; added: string[]; lines: string[]; cases: Case[] }>(
  'built.json',
)

const digest = (texts: string[]) => createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 16)
/** JSON as Python writes it. */
const quote = (text: string) =>
  JSON.stringify(text).replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** The base with more tokens, of which some are special, and with a post-processor of its own. */
function baseOf(base: string): TokenizerFile {
  const spec = structuredClone(bases[base]!)
  const { vocab } = spec.model
  const ids = new Map(Array.isArray(vocab) ? vocab.map(([token], i) => [token, i]) : Object.entries(vocab))
  for (const token of tokens) {
    if (ids.has(token)) continue
    ids.set(token, ids.size)
    if (Array.isArray(vocab)) vocab.push([token, 0])
    else vocab[token] = ids.get(token)!
  }
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  const around = (token: string) => [token, ids.get(token)]
  return {
    ...spec,
    added_tokens: added.map((content) => ({ id: ids.get(content)!, content, ...plain })),
    post_processor: { type: 'BertProcessing', sep: around('</s>'), cls: around('<s>') },
  }
}

async function checkCase({ name, base, settings, ids, pairs, text }: Case): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'built-'))
  try {
    writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(baseOf(base)))
    writeFileSync(
      join(folder, 'tokenizer_config.json'),
      JSON.stringify({ tokenizer_class: `${name}Tokenizer`, ...settings }),
    )
    const tokenizer = await loadTokenizer(folder)
    const both = lines
      .map((line, i) => ({ text: line, pair: lines[(7 * i + 3) % lines.length]! }))
      .filter((_, i) => i % 5 === 0)
    const encoded = await tokenizer.encode(lines, { special: true })
    const joined = await tokenizer.encodePairs(both)
    assert.deepEqual(
      {
        ids: digest(encoded.map((each) => each.join(' '))),
        pairs: digest(joined.map((each) => each.ids.join(' '))),
        text: text && digest(encoded.map((each) => quote(tokenizer.decode(each)))),
      },
      { ids, pairs, text },
      `${name} ${JSON.stringify(settings)}`,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const names = new Set(cases.map(({ name }) => name))

compatible(
  {
    what: `tokenizers of ${names.size} classes that take no more than vocabulary and merges from tokenizer.json (LlamaTokenizer, GPT2Tokenizer, BertTokenizer, T5Tokenizer …), with the settings of tokenizer_config.json that count for them: add_prefix_space, legacy, do_lower_case, keep_accents, src_lang …`,
    outcome: 'read',
    like: 'AutoTokenizer of transformers 5.18.0, 5.24.0',
    note: 'Version 4.57.6 uses the normalizer, pre-tokenizer and decoder of tokenizer.json. So does deltalab where the model in the file is of another kind than the class builds.',
  },
  async () => {
    for (const each of cases) await checkCase(each)
  },
)
