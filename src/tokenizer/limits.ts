// What the JavaScript port of tokenizers (@huggingface/tokenizers 0.2.0) gets right: parts and settings that are not listed
// here are refused by name. Each line was compared with the reference on about a thousand lines of text.
import { UserError } from '../errors/index.js'
import type { TokenizerFile } from './file.js'

interface Part {
  type?: string
  [setting: string]: unknown
}

/** What the port gets wrong of a part, or nothing. */
type Rule = (part: Part, file: TokenizerFile) => string | false | undefined

const right: Rule = () => false
const insteadOf: Rule = ({ content }) => String(content).includes('$') && 'with a $ in what it puts in'
const bytewise = (part: unknown): boolean => JSON.stringify(part ?? null).includes('"ByteLevel"')

const RIGHT: Record<'normalizer' | 'pre_tokenizer' | 'model' | 'post_processor' | 'decoder', Record<string, Rule>> = {
  normalizer: {
    BertNormalizer: right,
    Lowercase: right,
    NFC: right,
    NFD: right,
    NFKC: right,
    NFKD: right,
    Prepend: right,
    Replace: insteadOf,
    Sequence: right,
    StripAccents: right,
  },
  pre_tokenizer: {
    BertPreTokenizer: right,
    ByteLevel: right,
    Digits: right,
    Metaspace: right,
    Punctuation: ({ behavior = 'Isolated' }) => behavior !== 'Contiguous' && `${behavior}`,
    Sequence: right,
    Split: ({ behavior, invert, pattern }) => {
      const regex = (pattern as { Regex?: string } | undefined)?.Regex !== undefined
      const known = invert
        ? regex && behavior === 'Removed'
        : behavior === 'Isolated' || (regex && behavior === 'Removed')
      return !known && `${behavior}${invert ? ', inverted' : ''}`
    },
    WhitespaceSplit: right,
  },
  model: {
    BPE: (
      { continuing_subword_prefix: prefix, end_of_word_suffix: suffix, unk_token: unknown, byte_fallback: bytes },
      { pre_tokenizer },
    ) =>
      prefix
        ? 'with continuing_subword_prefix'
        : suffix
          ? 'with end_of_word_suffix'
          : !unknown && !bytes && !bytewise(pre_tokenizer) && 'without an unk_token',
    Unigram: ({ byte_fallback: bytes, unk_id: unknown }) =>
      bytes ? 'with byte_fallback' : typeof unknown !== 'number' && 'without an unk_id',
    WordPiece: right,
  },
  post_processor: {
    BertProcessing: right,
    ByteLevel: right,
    RobertaProcessing: right,
    Sequence: right,
    TemplateProcessing: right,
  },
  decoder: {
    BPEDecoder: right,
    ByteLevel: right,
    Fuse: right,
    Metaspace: ({ prepend_scheme: scheme = 'always' }) => scheme === 'never' && 'that prepends never',
    Replace: insteadOf,
    Sequence: right,
    Strip: right,
    WordPiece: right,
  },
}

const INNER = {
  normalizer: 'normalizers',
  pre_tokenizer: 'pretokenizers',
  model: '',
  post_processor: 'processors',
  decoder: 'decoders',
} as const

const refuse = (what: string): never => {
  throw new UserError(
    `${what} is a part that the JavaScript port of tokenizers gets wrong; npm install --include=optional brings the reference's own core`,
  )
}

/** @throws UserError for a tokenizer with a part that the port gets wrong */
export function checkSupport(file: TokenizerFile): void {
  for (const kind of Object.keys(RIGHT) as (keyof typeof RIGHT)[]) {
    const check = (part: Part): void => {
      const rule = Object.hasOwn(RIGHT[kind], String(part.type)) ? RIGHT[kind][part.type!] : undefined
      const wrong = rule?.(part, file)
      if (!rule || wrong) refuse(`the ${kind} ${part.type}${wrong ? ` ${wrong}` : ''}`)
      for (const inner of (part[INNER[kind]] ?? []) as Part[]) check(inner)
    }
    if (file[kind]) check(file[kind] as Part)
  }
  for (const { content, single_word: single, normalized, special } of file.added_tokens ?? []) {
    if (single) refuse(`the added token ${JSON.stringify(content)} with single_word`)
    if (normalized && !special && file.normalizer)
      refuse(`the added token ${JSON.stringify(content)}, which is normalized,`)
  }
}

/** Letters of texts that the port gets wrong whatever the tokenizer: JavaScript has other spaces than the reference. */
const SPACES = /[\u0085\ufeff]/
/** Ideographs that the port does not set apart, and digits that it does not know. */
const BEYOND = /[\u{20000}-\u{2FA1F}]/u
const DIGITS = /(?![0-9])\p{N}/u

/** What refuses texts with letters that the port gets wrong. */
export function textCheck(file: TokenizerFile): (text: string) => void {
  const parts = JSON.stringify([file.normalizer, file.pre_tokenizer])
  const patterns = [
    SPACES,
    ...(parts.includes('"BertNormalizer"') ? [BEYOND] : []),
    ...(parts.includes('"Digits"') ? [DIGITS] : []),
  ]
  return (text) => {
    for (const pattern of patterns) {
      const [letter] = pattern.exec(text) ?? []
      if (letter !== undefined)
        refuse(`the letter U+${letter.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')} of a text`)
    }
  }
}
