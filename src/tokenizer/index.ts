// The door to Hugging Face tokenizers: tokenizer.json and tokenizer_config.json of a folder as what transformers makes of them.
import { join } from 'node:path'
import { reasonOf, UserError } from '../errors/index.js'
import { type Encoded, openEngine, type Pair } from './engine.js'
import { completeFile, textOf } from './file.js'
import { readSettings, readTokenizerFile } from './schema.js'

export { type Chat, loadChat, type Message, parseTemplate, readTemplate } from './chat.js'
export { describeEngine, type Encoded, type Pair } from './engine.js'
export { withinRows } from './rows.js'
export { TEMPLATES } from './templates.js'
export { cutVocabulary, joinVocabularies, readVocabulary, type Vocabulary } from './vocabulary.js'

export interface Tokenizer {
  /** Token ids of each text. `special: true` adds what the post-processor adds (begin-of-text, [CLS] …); default false. */
  encode(texts: readonly string[], options?: { special?: boolean }): Promise<number[][]>
  /** Texts, or pairs of texts, as an encoder is given them: special tokens added, with the segment of each token. */
  encodePairs(pairs: readonly Pair[]): Promise<Encoded[]>
  /** Text of the ids as transformers 5.18 decodes it, special tokens left out. */
  decode(ids: ArrayLike<number>): string
  /** Number of entries, added tokens included. */
  vocabulary: number
  /** Id of the end-of-text token, from tokenizer_config.json. */
  eos: number
  /** Id of the begin-of-text token, where the tokenizer has one. */
  bos?: number | undefined
  /** How the end-of-text token is written, and the begin-of-text token (without one, again the first). */
  written?: { eos: string; bos: string }
  pad: number
  /** Id of the mask token, where the tokenizer has one. */
  mask?: number | undefined
}

/**
 * Reads tokenizer.json and tokenizer_config.json of a model folder. End-of-text is `eos_token`, or `sep_token` for encoders
 * that have none; padding is `pad_token`, or end-of-text. UserError: a file is missing, is not JSON, is no tokenizer, or
 * names no end-of-text token of its vocabulary.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const path = join(folder, 'tokenizer.json')
  const configPath = join(folder, 'tokenizer_config.json')
  const [file, config] = [readTokenizerFile(path), readSettings(configPath)]
  const engine = await named(path, () => openEngine(completeFile(file, config)))

  const idOf = (role: string): number | undefined => {
    const token = config[role]
    if (token === undefined || token === null) return undefined
    const text = textOf(token)
    const id = text === undefined ? undefined : engine.idOf(text)
    if (id === undefined)
      throw new UserError(`${configPath}: ${role} ${JSON.stringify(text)} is not in the vocabulary of ${path}`)
    return id
  }
  const eos = idOf('eos_token') ?? idOf('sep_token')
  if (eos === undefined) throw new UserError(`${configPath}: names no eos_token; generation and padding need one`)
  const written = textOf(config.eos_token) ?? textOf(config.sep_token)
  const said =
    config.clean_up_tokenization_spaces === true && file.model.type !== 'BPE' ? cleanUp : (text: string) => text
  return {
    encode: (texts, { special = false } = {}) => named(path, () => engine.encode(texts, special)),
    encodePairs: (pairs) => named(path, () => engine.encodePairs(pairs)),
    decode: (ids) => said(engine.decode(Array.from(ids))),
    vocabulary: engine.size,
    eos,
    bos: idOf('bos_token'),
    written: { eos: written!, bos: textOf(config.bos_token) ?? written! },
    pad: idOf('pad_token') ?? eos,
    mask: idOf('mask_token'),
  }
}

/** The core finds some faults of a file only when it meets a letter that needs what is missing. */
async function named<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof UserError) throw new UserError(`${path}: ${cause.message}`, { cause })
    throw new UserError(`${path} is not a tokenizer that can be read: ${reasonOf(cause)}`, { cause })
  }
}

/** What transformers takes out of decoded text where a tokenizer of words or word pieces asks for it; of BPE never. */
const SPACED = [' .', ' ?', ' !', ' ,', " ' ", " n't", " 'm", " 's", " 've", " 're"]

const cleanUp = (text: string): string =>
  SPACED.reduce((cleaned, spaced) => cleaned.replaceAll(spaced, spaced.trim()), text)
