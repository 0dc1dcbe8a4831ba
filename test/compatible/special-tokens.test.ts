// The special tokens of a folder, whichever file or class names them, against AutoTokenizer (test/fixtures/tokenizer_parts/make_special.py).
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { classDefaults } from '../../src/tokenizer/class-defaults.js'
import { openedFile } from '../../src/tokenizer/class-parts.js'
import type { Encoded } from '../../src/tokenizer/engine.js'
import {
  completeFile,
  idOf,
  TOKEN_ROLES,
  type TokenizerConfig,
  type TokenizerFile,
  textOf,
} from '../../src/tokenizer/file.js'
import { loadTokenizer, withinRows } from '../../src/tokenizer/index.js'
import { openEngine } from '../../src/tokenizer/open.js'
import { readTokenizerFile } from '../../src/tokenizer/schema.js'
import { tokenizerSettings } from '../../src/tokenizer/settings.js'
import { compatible } from './row.js'

interface Case {
  kind?: string
  json?: Partial<TokenizerFile>
  config?: object
  settings?: object
  map?: object
  added?: object
  roles: Record<string, [token: string, id: number | null]>
  special: number[]
  size: number
  like: string[]
}

const { bases, classes, types, none, cases } = JSON.parse(
  readFileSync(join('test', 'fixtures', 'tokenizer_parts', 'special.json'), 'utf8'),
) as {
  bases: Record<string, TokenizerFile>
  classes: Record<string, string>
  types: Record<string, string>
  none: string[]
  cases: Record<string, Case>
}

const FILES = {
  config: 'config.json',
  settings: 'tokenizer_config.json',
  map: 'special_tokens_map.json',
  added: 'added_tokens.json',
} as const

function writeCase(given: Case): string {
  const folder = mkdtempSync(join(tmpdir(), 'special-'))
  const write = (name: string, content: object) => writeFileSync(join(folder, name), JSON.stringify(content))
  write('tokenizer.json', { ...bases[given.kind ?? 'BPE'], ...given.json })
  for (const [key, name] of Object.entries(FILES)) {
    const content = given[key as keyof typeof FILES]
    if (content) write(name, content)
  }
  return folder
}

async function checkCase(name: string): Promise<void> {
  const expected = cases[name]!
  const folder = writeCase(expected)
  const file = readTokenizerFile(join(folder, 'tokenizer.json'))
  const settings = tokenizerSettings(folder, file)
  const { added_tokens: added = [], model } = completeFile(file, settings)
  const own = Array.isArray(model.vocab) ? model.vocab.map(([token]) => token) : Object.keys(model.vocab)
  const ids = new Map([
    ...own.map((token, i): [string, number] => [token, i]),
    ...added.map(({ content, id }): [string, number] => [content, id]),
  ])
  const roles = TOKEN_ROLES.flatMap((role) => {
    const token = textOf(settings[role])
    return token === undefined ? [] : [[role, [token, ids.get(token) ?? null]] as const]
  })
  const special = added.filter((token) => token.special).map(({ id }) => id)
  assert.deepEqual(
    { roles: Object.fromEntries(roles), special: special.sort((a, b) => a - b), size: ids.size },
    { roles: expected.roles, special: expected.special, size: expected.size },
    name,
  )
  const tokenizer = await loadTokenizer(folder)
  const { eos_token: eos, sep_token: sep, bos_token: bos, mask_token: mask } = expected.roles
  const id = (role?: Case['roles'][string]) => role?.[1] ?? undefined
  assert.deepEqual(
    [tokenizer.eos, tokenizer.bos, tokenizer.mask, tokenizer.vocabulary],
    [id(eos) ?? id(sep), id(bos), id(mask), expected.size],
    name,
  )
  rmSync(folder, { recursive: true })
}

const tokenOf = ({ added_tokens: added = [], model }: TokenizerFile, id: number): string | undefined =>
  added.find((token) => token.id === id)?.content ?? Object.entries(model.vocab).find(([, own]) => own === id)?.[0]

/** Names of the cases → the versions that agree. */
const groups = new Map<string, string[]>()
for (const [name, { like }] of Object.entries(cases))
  groups.set(like.join(', '), [...(groups.get(like.join(', ')) ?? []), name])
for (const [versions, names] of groups)
  compatible(
    {
      what: `special tokens of ${names.length} folders: ${[...new Set(names.map((name) => name.split(/[:,]/)[0]))].join('; ')}`,
      outcome: 'read',
      like: `AutoTokenizer of transformers ${versions}`,
    },
    async () => {
      for (const name of names) await checkCase(name)
    },
  )

compatible(
  {
    what: `special tokens that no file names: the defaults of ${Object.keys(classes).length} tokenizer classes and ${Object.keys(types).length} model types (gpt2, bert-base-uncased, roberta-base …)`,
    outcome: 'read',
    like: 'AutoTokenizer of transformers 5.18.0, 5.24.0',
    note: 'Version 4.57.6 has other defaults for a few: of llama and mistral without a tokenizer_class, for one, `</s>`, where versions 5 have none. Without an eos_token, eos_token_id of generation_config.json counts.',
  },
  () => {
    const said = (tokens: object) =>
      TOKEN_ROLES.map((role) => (tokens as Record<string, string>)[role] ?? '-').join(' ')
    const ours = (name?: string, type?: string) => said(classDefaults(name, type))
    const found = (names: string[], by: (name: string) => string) =>
      Object.fromEntries(names.map((name) => [name, by(name)]))
    assert.deepEqual(
      found(Object.keys(classes), (name) => ours(name)),
      classes,
    )
    assert.deepEqual(
      found(Object.keys(classes), (name) => ours(`${name}Fast`)),
      classes,
    )
    assert.deepEqual(
      found(Object.keys(types), (type) => ours(undefined, type)),
      types,
    )
    assert.deepEqual(
      found(none, (type) => ours(undefined, type)),
      found(none, () => '- - - - - - -'),
    )
  },
)

const templates = JSON.parse(readFileSync(join('test', 'fixtures', 'tokenizer_parts', 'templates.json'), 'utf8')) as {
  settings: TokenizerConfig[]
  classes: Record<string, [one: string, pair: string, segments: string][]>
  cleaned: TokenizerConfig[]
  normalizers: Record<string, object[]>
}

compatible(
  {
    what: `tokens around a text and a pair that the tokenizer class sets, where tokenizer_config.json names others than tokenizer.json: ${Object.keys(templates.classes).length} classes (T5, XLM-R, CLIP …)`,
    outcome: 'read',
    like: 'AutoTokenizer of transformers 5.18.0, 5.24.0',
    note: 'Of Whisper with a language tokenizer.json counts, and of any class where a token that it sets is not there or is null; transformers then takes a fixed id, or stops.',
  },
  async () => {
    const own: TokenizerFile = {
      ...bases.BPE!,
      post_processor: {
        type: 'BertProcessing',
        cls: ['<x>', idOf(bases.BPE!, '<x>')],
        sep: ['<y>', idOf(bases.BPE!, '<y>')],
      },
    }
    for (const [name, expected] of Object.entries(templates.classes))
      for (const [i, [one, pair, segments]] of expected.entries()) {
        const settings = { ...classDefaults(`${name}Tokenizer`, undefined), ...templates.settings[i] }
        const { added_tokens = [], post_processor = null } = openedFile(own, settings, name)
        const file = { ...own, added_tokens, post_processor }
        const engine = await openEngine(file)
        const said = (ids: number[]) =>
          ids.map((id) => ({ [idOf(file, 'a')!]: 'A', [idOf(file, 'b')!]: 'B' })[id] ?? tokenOf(file, id)).join(' ')
        const [ids] = await engine.encode(['a'], true)
        const [both] = await engine.encodePairs([{ text: 'a', pair: 'b' }])
        assert.deepEqual([said(ids!), said(both!.ids), both!.types.join(' ')], [one, pair, segments], name)
      }
  },
)

compatible(
  {
    what: 'do_lower_case, strip_accents and tokenize_chinese_chars of tokenizer_config.json, where the normalizer of tokenizer.json says otherwise, of the classes of BERT and its kind',
    outcome: 'read',
    like: 'AutoTokenizer of transformers 5.18.0, 5.24.0',
  },
  () => {
    for (const [name, expected] of Object.entries(templates.normalizers))
      assert.deepEqual(
        templates.cleaned.map((settings) => openedFile(bases.WordPiece!, settings, name).normalizer),
        expected,
        name,
      )
  },
)

/** tokenizer_class, model_type, model_input_names → whether AutoTokenizer gives token_type_ids. */
const SEGMENTS: readonly (readonly [string | undefined, string, string[] | undefined, boolean])[] = [
  ['BertTokenizerFast', 'bert', undefined, true],
  ['ElectraTokenizerFast', 'roberta', undefined, true],
  [undefined, 'bert', undefined, true],
  ['PreTrainedTokenizerFast', 'bert', undefined, false],
  ['DistilBertTokenizerFast', 'bert', undefined, false],
  ['BertTokenizer', 'bert', ['input_ids', 'attention_mask'], false],
  ['PreTrainedTokenizerFast', 'roberta', ['input_ids', 'token_type_ids', 'attention_mask'], true],
]

compatible(
  {
    what: 'token_type_ids of a pair of texts: those that model_input_names asks for, or else the tokenizer class (BertTokenizer)',
    outcome: 'read',
    like: 'AutoTokenizer of transformers 5.18.0',
    note: 'PreTrainedTokenizerFast without model_input_names gives none in versions 5, and gave them in 4.57.6.',
  },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'segments-'))
    const write = (name: string, value: object) => writeFileSync(join(folder, name), JSON.stringify(value))
    try {
      copyFileSync('test/fixtures/tokenizers/bert-wordpiece/tokenizer.json', join(folder, 'tokenizer.json'))
      for (const [tokenizer_class, model_type, model_input_names, told] of SEGMENTS) {
        write('config.json', { model_type })
        write('tokenizer_config.json', { tokenizer_class, model_input_names })
        const [{ types }] = (await (await loadTokenizer(folder)).encodePairs([{ text: 'a', pair: 'b' }])) as [Encoded]
        assert.equal(types.includes(1), told, `${tokenizer_class} ${model_type} ${model_input_names}`)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)

compatible(
  {
    what: 'A tokenizer with more tokens than the embedding has rows',
    outcome: 'read',
    like: 'transformers 5.18.0',
    note: 'A text with a token that has no row is refused by name. Padding without a row is another id, which counts for nothing; an end-of-text without a row ends no answer.',
  },
  async () => {
    const folder = writeCase({ ...cases['tokens that are nowhere']!, kind: 'BPE' })
    const { eos, pad, encode, vocabulary, written } = withinRows(await loadTokenizer(folder), 29, 'model')
    assert.deepEqual([eos, pad, vocabulary, written!.eos], [undefined, 0, 29, undefined])
    assert.deepEqual(await encode(['ab']), [[17, 18]])
    await assert.rejects(encode(['a<more>']), /model: the text "a<more>" has the token id 30, and .* 29 rows/)
    rmSync(folder, { recursive: true })
  },
)
