// The tokenizer that a GGUF file describes, as tokenizer.json and tokenizer_config.json: what transformers 5.24.0 builds of the same
// fields (integrations/gguf/gguf_tokenizer_mapping.py). Only tokens beyond the vocabulary, which it adds and no model has, are left out.
import { UserError } from '../errors/index.js'
import type { GgufValue } from './header.js'
import { mergesOf, type TokenPair } from './merges.js'

/** Lists that are read for it. */
export const TOKENIZER_LISTS: ReadonlySet<string> = new Set(
  ['tokens', 'merges', 'scores', 'token_type'].map((list) => `tokenizer.ggml.${list}`),
)

export interface GgufTokenizer {
  /** tokenizer.json */
  file: Record<string, unknown>
  /** tokenizer_config.json */
  config: Record<string, unknown>
  notes: string[]
}

type Fields = ReadonlyMap<string, GgufValue>

/** Words of `tokenizer.ggml.token_type`. */
const [CONTROL, USER_DEFINED] = [3, 4]

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const CASED = '[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]'
const SMALL = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'
const SPACES = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'
const LLAMA3 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`
const QWEN2 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`
const QWEN35 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|${SPACES}`
const TEKKEN = `${CASED}*${SMALL}+|${CASED}+${SMALL}*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`
const GPT4O = `${CASED}*${SMALL}+${CONTRACTIONS}?|${CASED}+${SMALL}*${CONTRACTIONS}?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`

/** By `tokenizer.ggml.pre`: the expression whose matches are merged by themselves. */
const SPLITS: Readonly<Record<string, string>> = Object.fromEntries(
  (
    [
      ['llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano dbrx smaug-bpe', LLAMA3],
      ['tekken', TEKKEN],
      ['qwen2 deepseek-r1-qwen kormo f2llmv2 megrez', QWEN2],
      ['qwen35', QWEN35],
      ['gpt-4o llama4 kanana2 talkie minimax-m2', GPT4O],
    ] as const
  ).flatMap(([names, split]) => names.split(' ').map((name) => [name, split])),
)
/** Those that mean the split of GPT-2. */
const PLAIN_SPLITS = ['default', 'gpt-2', 'gpt2', 'olmo', 'jais', 'phi-2']

/** What a class of tokenizers brings: the parts of tokenizer.json, and the tokens that it names by itself. */
interface Kind {
  model: Record<string, unknown>
  parts: Record<string, unknown>
  named: readonly string[]
  tokens(tokens: readonly string[]): string[]
  merges(tokens: readonly string[], scores: readonly number[] | null): TokenPair[]
}

const BYTES = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true }

/** The letters that stand for bytes in byte-level vocabularies (bytes_to_unicode of GPT-2). */
const LETTERS: readonly string[] = (() => {
  const plain = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(plain(byte) ? byte : next++))
})()
const ALPHABET: ReadonlySet<string> = new Set(LETTERS)
const isSpelled = (token: string): boolean => [...token].every((letter) => ALPHABET.has(letter))

const missingScores = (): never => {
  throw new UserError('lists neither merges nor scores')
}

const byteLevel: Kind = {
  model: { dropout: null, unk_token: null, continuing_subword_prefix: '', end_of_word_suffix: '', fuse_unk: false },
  parts: { normalizer: null, pre_tokenizer: { ...BYTES, use_regex: true }, decoder: { ...BYTES, use_regex: true } },
  named: ['<|endoftext|>'],
  tokens: (tokens) =>
    tokens.map((token) =>
      isSpelled(token) ? token : [...Buffer.from(token, 'utf8')].map((byte) => LETTERS[byte]).join(''),
    ),
  merges: (tokens, scores) => (scores ? mergesOf(tokens, scores) : missingScores()),
}

const toSpace = { type: 'Replace', pattern: { String: '▁' }, content: ' ' }
const sentencepiece: Kind = {
  model: { dropout: null, unk_token: null, fuse_unk: true, byte_fallback: true },
  parts: {
    normalizer: null,
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false },
    decoder: {
      type: 'Sequence',
      decoders: [
        toSpace,
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
  },
  named: ['<unk>', '<s>', '</s>'],
  tokens: (tokens) => [...tokens],
  merges: (tokens, scores) => (scores ? mergesOf(tokens, scores) : missingScores()),
}

const fromSpace = { type: 'Replace', pattern: { String: ' ' }, content: '▁' }
const phi3: Kind = {
  ...sentencepiece,
  parts: {
    ...sentencepiece.parts,
    normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, fromSpace] },
    pre_tokenizer: null,
  },
}

/** Runs of spaces are stored as such, and the order of the vocabulary is that of the merges. */
const gemma: Kind = {
  model: { ...sentencepiece.model, unk_token: '<unk>' },
  parts: {
    normalizer: fromSpace,
    pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false },
    decoder: { type: 'Sequence', decoders: [toSpace, { type: 'ByteFallback' }, { type: 'Fuse' }] },
  },
  named: ['<unk>', '<bos>', '<eos>', '<pad>', '<mask>'],
  tokens: (tokens) => tokens.map((token) => (/^ +$/.test(token) ? '▁'.repeat(token.length) : token)),
  merges: (tokens) => {
    const places = new Map(tokens.map((token, place) => [token, -place]))
    return mergesOf(
      tokens,
      tokens.map((token) => places.get(token)!),
    )
  },
}

const OF_ARCHITECTURE: Readonly<Record<string, Kind>> = { gemma, gemma2: gemma, gemma3: gemma, phi3 }

function kindOf(fields: Fields): Kind {
  const model = fields.get('tokenizer.ggml.model')
  if (model === undefined) throw new UserError('names no tokenizer (tokenizer.ggml.model)')
  if (model === 'gpt2') return byteLevel
  const architecture = String(fields.get('general.architecture'))
  if (model === 'llama')
    return Object.hasOwn(OF_ARCHITECTURE, architecture) ? OF_ARCHITECTURE[architecture]! : sentencepiece
  throw new UserError(`has a tokenizer of the kind ${JSON.stringify(model)}; gpt2 and llama are read`)
}

function listOf<T extends 'string' | 'number'>(
  fields: Fields,
  name: string,
  type: T,
): (T extends 'string' ? string : number)[] | null {
  const list = fields.get(`tokenizer.ggml.${name}`)
  if (list === undefined) return null
  if (!Array.isArray(list) || list.some((value) => typeof value !== type))
    throw new UserError(`tokenizer.ggml.${name} is no list of ${type}s`)
  return list as (T extends 'string' ? string : number)[]
}

/** Roles of tokens, and the fields with their ids. */
const ROLES = { bos_token: 'bos', eos_token: 'eos', unk_token: 'unknown', pad_token: 'padding' } as const

/** @throws UserError what the file lacks, in words that follow its path */
export function tokenizerOf(fields: Fields): GgufTokenizer {
  const kind = kindOf(fields)
  const listed = listOf(fields, 'tokens', 'string')
  if (!listed) throw new UserError('lists no tokens (tokenizer.ggml.tokens)')
  const tokens = kind.tokens(listed)
  const vocab: Record<string, number> = Object.fromEntries(tokens.map((token, id) => [token, id]))
  const given = listOf(fields, 'merges', 'string')
  const merges = given?.map((merge) => merge.split(' ')) ?? kind.merges(tokens, listOf(fields, 'scores', 'number'))
  const roles = Object.entries(ROLES).flatMap(([role, field]) => {
    const id = fields.get(`tokenizer.ggml.${field}_token_id`)
    return typeof id === 'number' && listed[id] !== undefined ? [[role, listed[id]] as const] : []
  })
  const stray = roles.find(([, token]) => !Object.hasOwn(vocab, token))
  if (stray) throw new UserError(`spells its ${stray[0]} ${JSON.stringify(stray[1])} otherwise than its vocabulary`)
  const named = roles.map(([, token]) => token)
  const types = listOf(fields, 'token_type', 'number') ?? []
  const split = splitOf(fields)
  const isolated = { type: 'Split', pattern: { Regex: split }, behavior: 'Isolated', invert: false }
  const template = fields.get('tokenizer.chat_template')
  return {
    file: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens(kind, { listed, types, vocab, named }),
      ...kind.parts,
      ...(split && {
        pre_tokenizer: { type: 'Sequence', pretokenizers: [isolated, { ...BYTES, use_regex: false }] },
      }),
      post_processor: aroundTexts(fields, roles, vocab),
      model: { type: 'BPE', ...kind.model, vocab, merges },
    },
    config: { ...Object.fromEntries(roles), ...(typeof template === 'string' && { chat_template: template }) },
    notes: notesOn(kind, fields),
  }
}

/**
 * What puts the begin-of-text and the end-of-text token around each text, where the file asks for them; null where it does not. One
 * that says nothing has the first one if its vocabulary is that of sentencepiece, as in llama.cpp.
 */
function aroundTexts(
  fields: Fields,
  roles: readonly (readonly [role: string, token: string])[],
  vocab: Readonly<Record<string, number>>,
): object | null {
  const asked = (role: 'bos' | 'eos', otherwise: boolean) => {
    const token = roles.find(([name]) => name === `${role}_token`)?.[1]
    return token !== undefined && (fields.get(`tokenizer.ggml.add_${role}_token`) ?? otherwise) ? [token] : []
  }
  const before = asked('bos', fields.get('tokenizer.ggml.model') === 'llama')
  const after = asked('eos', false)
  const tokens = [...before, ...after]
  if (!tokens.length) return null
  const special = (id: string, segment: number) => ({ SpecialToken: { id, type_id: segment } })
  const around = (id: string, segment: number) => [
    ...before.map((token) => special(token, segment)),
    { Sequence: { id, type_id: segment } },
    ...after.map((token) => special(token, segment)),
  ]
  return {
    type: 'TemplateProcessing',
    single: around('A', 0),
    pair: [...around('A', 0), ...around('B', 1)],
    special_tokens: Object.fromEntries(tokens.map((id) => [id, { id, ids: [vocab[id]!], tokens: [id] }])),
  }
}

const splitOf = (fields: Fields): string | undefined => {
  const pre = String(fields.get('tokenizer.ggml.pre'))
  return Object.hasOwn(SPLITS, pre) ? SPLITS[pre] : undefined
}

interface Listed {
  listed: readonly string[]
  types: readonly number[]
  vocab: Readonly<Record<string, number>>
  /** Tokens with a role. */
  named: readonly string[]
}

/** Tokens that are found in the text before it is split: special ones, and those that the file calls defined by the user. */
function addedTokens(kind: Kind, { listed, types, vocab, named }: Listed): object[] {
  const has = (token: string) => Object.hasOwn(vocab, token)
  // In a byte-level vocabulary a token with other letters is none, whatever its type says.
  const isControl = (token: string, id: number) =>
    types[id] === CONTROL && has(token) && (kind !== byteLevel || isSpelled(token))
  const special = new Set([...kind.named.filter(has), ...listed.filter(isControl), ...named])
  const own = listed.filter((token, id) => types[id] === USER_DEFINED && has(token))
  return [...new Set([...special, ...own])]
    .map((content) => ({
      ...{ id: vocab[content]!, content, single_word: false, lstrip: false, rstrip: false, normalized: false },
      special: special.has(content),
    }))
    .sort((a, b) => a.id - b.id)
}

function notesOn(kind: Kind, fields: Fields): string[] {
  const pre = fields.get('tokenizer.ggml.pre')
  const isUnknown = kind === byteLevel && pre !== undefined && !splitOf(fields) && !PLAIN_SPLITS.includes(String(pre))
  return isUnknown
    ? [
        `splits text in a way of its own (tokenizer.ggml.pre ${JSON.stringify(pre)}); it is split as by GPT-2, as transformers does`,
      ]
    : []
}
