// Thin door to Hugging Face tokenizers: a folder's tokenizer.json through the maintained JavaScript library.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Tokenizer as Library } from '@huggingface/tokenizers'
import { UserError } from '../errors/index.js'

export interface Tokenizer {
  /** Token ids of the text. `special: true` adds what the post-processor adds (begin-of-text, [CLS] …); default false. */
  encode(text: string, options?: { special?: boolean }): number[]
  /** A text, or two, as an encoder is given them: special tokens added, with the segment of each token. */
  encodePair(text: string, pair?: string): { ids: number[]; types: number[] }
  /** Text of the ids, special tokens left out. */
  decode(ids: ArrayLike<number>): string
  /** Number of entries, added tokens included. */
  vocabulary: number
  /** Id of the end-of-text token, from tokenizer_config.json. */
  eos: number
  pad: number
  /** Id of the mask token, where the tokenizer has one. */
  mask?: number
}

/**
 * Reads tokenizer.json and tokenizer_config.json of a model folder. End-of-text is `eos_token`, or `sep_token` for encoders
 * that have none; padding is `pad_token`, or end-of-text. UserError: a file is missing, is not JSON, is of a kind that the
 * library does not know, or names no end-of-text token of its vocabulary.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const path = join(folder, 'tokenizer.json')
  const configPath = join(folder, 'tokenizer_config.json')
  const [json, config] = await Promise.all([readJson(path), readJson(configPath)])
  const library = build(path, json, config)

  const idOf = (role: string): number | undefined => {
    const token = config[role]
    if (token === undefined || token === null) return undefined
    const text = typeof token === 'object' ? (token as { content?: unknown }).content : token
    const id = typeof text === 'string' ? library.token_to_id(text) : undefined
    if (id === undefined) throw new UserError(`${configPath}: ${role} ${JSON.stringify(text)} is not in the vocabulary of ${path}`)
    return id
  }
  const oneSegment = (json.post_processor as { type?: string } | null)?.type === 'RobertaProcessing'
  const plain = lowerCases(json.normalizer) ? (text: string) => text.replaceAll('Σ', 'σ') : (text: string) => text
  const eos = idOf('eos_token') ?? idOf('sep_token')
  if (eos === undefined) throw new UserError(`${configPath}: names no eos_token; generation and padding need one`)
  return {
    encode: (text, { special = false } = {}) => library.encode(plain(text), { add_special_tokens: special }).ids,
    encodePair: (text, pair) => {
      const { ids, token_type_ids: types } = library.encode(plain(text), { text_pair: pair && plain(pair), return_token_type_ids: true })
      if (pair !== undefined && !types) throw new UserError(`${path}: this tokenizer has no template for pairs of texts`)
      // RoBERTa knows one segment, but the library numbers the texts.
      return { ids, types: oneSegment ? ids.map(() => 0) : (types ?? ids.map(() => 0)) }
    },
    // The library refuses an empty list, which is what an answer of no tokens is.
    decode: (ids) => (ids.length ? library.decode(Array.from(ids), { skip_special_tokens: true }) : ''),
    vocabulary: library.get_vocab(true).size,
    eos,
    pad: idOf('pad_token') ?? eos,
    mask: idOf('mask_token'),
  }
}

/**
 * Whether a normaliser of tokenizer.json lower-cases, which the reference does letter by letter: JavaScript makes a capital
 * sigma at the end of a word a ς, so it has to be a σ before.
 */
function lowerCases(normaliser: unknown): boolean {
  const { type, lowercase, normalizers = [] } = (normaliser ?? {}) as { type?: string; lowercase?: boolean; normalizers?: unknown[] }
  return type === 'Lowercase' || (type === 'BertNormalizer' && lowercase !== false) || normalizers.some(lowerCases)
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const message = cause.code === 'ENOENT' ? `${path} is missing; a model folder must hold it` : `cannot read ${path}: ${cause.message}`
    throw new UserError(message, { cause })
  })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new UserError(`${path} is not valid JSON: ${oneLine(cause)}`, { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UserError(`${path} must hold a JSON object`)
  return value as Record<string, unknown>
}

function build(path: string, json: object, config: object): Library {
  try {
    return new Library(json, config)
  } catch (cause) {
    throw new UserError(`${path} is not a tokenizer that can be read: ${oneLine(cause)}`, { cause })
  }
}

/** Messages of JSON.parse quote the text, line breaks and all. */
const oneLine = (cause: unknown) => (cause as Error).message.replace(/\s+/g, ' ')
