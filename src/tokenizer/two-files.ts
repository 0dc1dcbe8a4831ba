// A tokenizer of GPT-2's class that is in vocab.json and merges.txt alone, as OPT's published models have it: the tokenizer.json that
// transformers 5.24 makes of them.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { readObject, readText } from '../schema/index.js'
import { type TokenizerFile, textOf } from './file.js'
import { checkTokenizerFile, readTokenizerFile } from './schema.js'
import { settingsFiles, tokenizerClass, tokenizerSettings } from './settings.js'

const FILE = 'tokenizer.json'
const [VOCABULARY, MERGES] = ['vocab.json', 'merges.txt']

/** Files of which transformers 5.18 makes a tokenizer.json, and those of tokenizers that are code in Python, of which it makes none. */
const CONVERTED = /^(vocab\.(json|txt)|tekken\.json|[\w.-]+\.model(\.v\d\w*)?)$/
const PYTHON = /^(bpe\.codes|vocab\.bpe|source\.spm|(?!tiktoken\.)[\w.-]+\.tiktoken)$/
const CODE = /^tokenization_\w+\.py$/

const holds = (folder: string, name: string): boolean => existsSync(join(folder, name))

/** Whether a folder has a tokenizer that is read. */
export const hasTokenizer = (folder: string): boolean => holds(folder, FILE) || isInTwo(folder)

const isInTwo = (folder: string): boolean =>
  !holds(folder, FILE) && holds(folder, VOCABULARY) && holds(folder, MERGES) && tokenizerClass(folder) === 'GPT2'

/** Names of the files that say what the tokenizer of a folder does; config.json may name its class. */
export const tokenizerFiles = (folder: string): string[] => [
  ...(isInTwo(folder) ? [VOCABULARY, MERGES] : [FILE]),
  ...settingsFiles(folder),
]

/** The begin-of-text and end-of-text tokens that are put around a text, where tokenizer_config.json asks for them. */
function postProcessor(folder: string, vocab: Readonly<Record<string, unknown>>): TokenizerFile['post_processor'] {
  const settings = tokenizerSettings(folder)
  const around = (['bos', 'eos'] as const).map((role) => {
    const token = settings[`add_${role}_token`] === true ? textOf(settings[`${role}_token`]) : undefined
    return token === undefined ? [] : [token]
  })
  const text = (id: 'A' | 'B', type_id: number) => {
    const [before, after] = around.map((tokens) => tokens.map((token) => ({ SpecialToken: { id: token, type_id } })))
    return [...before!, { Sequence: { id, type_id } }, ...after!]
  }
  const tokens = [...new Set(around.flat())]
  const missing = tokens.find((token) => !Object.hasOwn(vocab, token))
  if (missing !== undefined)
    throw new UserError(
      `${join(folder, VOCABULARY)}: has no ${missing}, which tokenizer_config.json puts around a text`,
    )
  const listed = tokens.map((token) => [token, { id: token, ids: [vocab[token]], tokens: [token] }])
  return {
    type: 'TemplateProcessing',
    single: text('A', 0),
    pair: [...text('A', 0), ...text('B', 1)],
    special_tokens: Object.fromEntries(listed),
  }
}

function fileOfTwo(folder: string): TokenizerFile {
  const vocab = readObject(join(folder, VOCABULARY))
  const lines = readText(join(folder, MERGES)).split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  const merges = lines.filter((line) => !line.startsWith('#version'))
  const bytes = { type: 'ByteLevel', trim_offsets: true, use_regex: true }
  const file = {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { ...bytes, add_prefix_space: tokenizerSettings(folder).add_prefix_space === true },
    post_processor: postProcessor(folder, vocab),
    decoder: { ...bytes, add_prefix_space: true },
    model: { type: 'BPE', continuing_subword_prefix: '', end_of_word_suffix: '', vocab, merges },
  }
  return checkTokenizerFile(file, join(folder, VOCABULARY))
}

/** What is, or would be, in the tokenizer.json of a folder. @throws UserError without a tokenizer, and as readTokenizerFile */
export function tokenizerFileOf(folder: string): TokenizerFile {
  const path = join(folder, FILE)
  if (isInTwo(folder)) return fileOfTwo(folder)
  if (holds(folder, FILE)) return readTokenizerFile(path)
  const names = existsSync(folder) ? readdirSync(folder).sort() : []
  const found = (pattern: RegExp) => names.find((name) => pattern.test(name))
  const [python, converted, code] = [found(PYTHON), found(CONVERTED), found(CODE)]
  if (!python && converted)
    throw new UserError(
      `${path}: is missing, and ${converted} is not read in its place; AutoTokenizer.from_pretrained(folder).save_pretrained(folder) of transformers writes it`,
    )
  if (python ?? code)
    throw new UserError(
      `${path}: is missing, and ${python ?? code} is of a tokenizer in Python, which is not run; --tokenizer takes a folder with a tokenizer.json of the same tokens`,
    )
  return readTokenizerFile(path)
}
