// Parts of a tokenizer.json, put together: what the tokenizer classes of transformers build themselves of, family by family.
import type { TokenizerConfig } from './file.js'

export type TokenizerPart = { type: string; [setting: string]: unknown }

/** What a class puts in place of the parts of a tokenizer.json. */
export interface BuiltParts {
  normalizer: TokenizerPart | null
  pre_tokenizer: TokenizerPart | null
  decoder: TokenizerPart | null
  /** Settings of the model. */
  model: { unk_id?: unknown; [setting: string]: unknown }
}

/** What a class builds of. */
export interface BuildInput {
  settings: TokenizerConfig
  /** The character map of the file's normalizer: one part or none. */
  map: TokenizerPart[]
  /** `unk_token`, and its id. */
  unknown: string | null
  unknownId: number | undefined
}

export type PartsBuilder = (given: BuildInput) => BuiltParts

const joined = (list: string, parts: readonly TokenizerPart[]): TokenizerPart | null =>
  parts.length > 1 ? { type: 'Sequence', [list]: parts } : (parts[0] ?? null)
export const normalizing = (...parts: TokenizerPart[]) => joined('normalizers', parts)
export const splitting = (...parts: TokenizerPart[]) => joined('pretokenizers', parts)
const decode = (...parts: TokenizerPart[]) => joined('decoders', parts)

type Pattern = { String: string } | { Regex: string }
export const makePart = (type: string, settings: object = {}): TokenizerPart => ({ type, ...settings })
export const replacing = (pattern: Pattern, content: string) => makePart('Replace', { pattern, content })
export const cutting = (pattern: Pattern, behavior: string, invert = false) =>
  makePart('Split', { pattern, behavior, invert })
export const byteLevel = (prefix: unknown, use_regex = true) =>
  makePart('ByteLevel', { add_prefix_space: Boolean(prefix), trim_offsets: true, use_regex })
const metaspace = (prepend_scheme: string, split: boolean) =>
  makePart('Metaspace', { replacement: '▁', prepend_scheme, split })
const cleaned = (settings: TokenizerConfig) =>
  makePart('BertNormalizer', {
    clean_text: true,
    handle_chinese_chars: settings.tokenize_chinese_chars ?? true,
    strip_accents: settings.strip_accents ?? null,
    lowercase: settings.do_lower_case ?? true,
  })

/** Byte-level BPE, as of GPT-2. */
export const bytePairs =
  (
    own: { normalizer?: TokenizerPart; before?: TokenizerPart[]; regex?: boolean; prefix?: boolean } = {},
  ): PartsBuilder =>
  ({ settings }) => ({
    normalizer: own.normalizer ?? null,
    pre_tokenizer: splitting(...(own.before ?? []), byteLevel(settings.add_prefix_space ?? own.prefix, own.regex)),
    decoder: byteLevel(true),
    model: { continuing_subword_prefix: '', end_of_word_suffix: '' },
  })

/** Word pieces, as of BERT. @param fixed settings that count whatever a file says */
export const wordPieces =
  (fixed: TokenizerConfig = {}): PartsBuilder =>
  ({ settings, unknown }) => ({
    normalizer: cleaned({ ...settings, ...fixed }),
    pre_tokenizer: makePart('BertPreTokenizer'),
    decoder: makePart('WordPiece', { prefix: '##', cleanup: true }),
    model: { unk_token: unknown, continuing_subword_prefix: '##', max_input_chars_per_word: 100 },
  })

/** BPE of words with a mark at their ends. */
export const wordPairs =
  (cleaning: TokenizerConfig): PartsBuilder =>
  ({ unknown }) => ({
    normalizer: cleaned(cleaning),
    pre_tokenizer: makePart('BertPreTokenizer'),
    decoder: makePart('BPEDecoder', { suffix: '</w>' }),
    model: { unk_token: unknown, end_of_word_suffix: '</w>' },
  })

const UNFOLDED = [replacing({ String: '▁' }, ' '), makePart('ByteFallback'), makePart('Fuse')]
const FALLBACK = { fuse_unk: true, byte_fallback: true }

/** BPE of sentencepiece with bytes, as of Llama 2. @param scheme how ▁ stands in front; `stripped`: a space is taken off again */
export const llamaPairs =
  (own: (given: BuildInput) => { scheme: string; stripped: boolean; unknown: string | null }): PartsBuilder =>
  (given) => {
    const { scheme, stripped, unknown } = own(given)
    return {
      normalizer: null,
      pre_tokenizer: metaspace(scheme, false),
      decoder: decode(...UNFOLDED, ...(stripped ? [makePart('Strip', { content: ' ', start: 1, stop: 0 })] : [])),
      model: { unk_token: unknown, ...FALLBACK },
    }
  }

/** The same with nothing in front, as of Gemma. */
export const gemmaPairs =
  (...before: TokenizerPart[]): PartsBuilder =>
  ({ unknown }) => ({
    normalizer: normalizing(...before, replacing({ String: ' ' }, '▁')),
    pre_tokenizer: cutting({ String: ' ' }, 'MergedWithPrevious'),
    decoder: decode(...UNFOLDED),
    model: { unk_token: unknown, ...FALLBACK },
  })

/** Pieces of sentencepiece. */
export interface MarkedPieces {
  normalizers: (given: BuildInput) => TokenizerPart[]
  /** What stands before ▁ is put in. */
  before?: (settings: TokenizerConfig) => TokenizerPart[]
  /** How ▁ stands in front, and how where add_prefix_space is false. */
  scheme?: string
  unprefixed?: string
  model: (given: BuildInput) => BuiltParts['model']
}

export const markedPieces =
  (own: MarkedPieces): PartsBuilder =>
  (given) => {
    const { scheme = 'always' } = own
    const mark = metaspace(given.settings.add_prefix_space === false ? (own.unprefixed ?? scheme) : scheme, true)
    return {
      normalizer: normalizing(...own.normalizers(given)),
      pre_tokenizer: splitting(...(own.before?.(given.settings) ?? []), mark),
      decoder: mark,
      model: own.model(given),
    }
  }
