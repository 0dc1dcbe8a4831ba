// A tokenizer without tokenizer.json, whose class builds itself from vocab.json and merges.txt (OPT, RoBERTa) or from vocab.txt (BERT): the
// tokenizer.json that transformers 5.24 makes of them.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { readObject, readText } from '../schema/index.js'
import { buildOf, builtFile } from './class-parts.js'
import { type TokenizerConfig, type TokenizerFile, textOf } from './file.js'
import { checkTokenizerFile, readTokenizerFile } from './schema.js'
import { settingsFiles, tokenizerClass, tokenizerSettings } from './settings.js'

const FILE = 'tokenizer.json'
/** The files of a class, by the kind of its model: the vocabulary first. */
const FILES = { BPE: ['vocab.json', 'merges.txt'], WordPiece: ['vocab.txt'], Unigram: [] }

/** Files of which transformers 5.18 makes a tokenizer.json, and those of tokenizers that are code in Python, of which it makes none. */
const CONVERTED = /^(vocab\.(json|txt)|tekken\.json|[\w.-]+\.model(\.v\d\w*)?)$/
const PYTHON = /^(bpe\.codes|vocab\.bpe|source\.spm|(?!tiktoken\.)[\w.-]+\.tiktoken)$/
const CODE = /^tokenization_\w+\.py$/

const holds = (folder: string, name: string): boolean => existsSync(join(folder, name))

/** Whether a folder has a tokenizer that is read. */
export const hasTokenizer = (folder: string): boolean => holds(folder, FILE) || vocabularyFiles(folder).length > 0

/** The files that stand for a tokenizer.json that is missing; none where they are not there, or of a class that does not build itself. */
function vocabularyFiles(folder: string): string[] {
  const { kind } = buildOf(tokenizerClass(folder)) ?? {}
  const names = kind && !holds(folder, FILE) ? FILES[kind] : []
  return names.every((name) => holds(folder, name)) ? names : []
}

/** Names of the files that say what the tokenizer of a folder does; config.json may name its class. */
export const tokenizerFiles = (folder: string): string[] => [
  ...(hasTokenizer(folder) && !holds(folder, FILE) ? vocabularyFiles(folder) : [FILE]),
  ...settingsFiles(folder),
]

/** The begin-of-text and end-of-text tokens that are put around a text, where tokenizer_config.json asks for them. */
function postProcessor(settings: TokenizerConfig, vocab: Vocab, path: string): TokenizerFile['post_processor'] {
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
    throw new UserError(`${path}: has no ${missing}, which tokenizer_config.json puts around a text`)
  const listed = tokens.map((token) => [token, { id: token, ids: [vocab[token]], tokens: [token] }])
  return {
    type: 'TemplateProcessing',
    single: text('A', 0),
    pair: [...text('A', 0), ...text('B', 1)],
    special_tokens: Object.fromEntries(listed),
  }
}

type Vocab = Record<string, number>

/** The lines of a file, the last of which may end in a line break. */
function linesOf(path: string): string[] {
  const lines = readText(path).split(/\r?\n/)
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines
}

/** A token on each line; its number is the id. */
const numbered = (path: string): Vocab => Object.fromEntries(linesOf(path).map((line, id) => [line.trimEnd(), id]))

function fileOf(folder: string, [vocabulary, rules]: readonly string[]): TokenizerFile {
  const path = join(folder, vocabulary!)
  const vocab = rules ? (readObject(path) as Vocab) : numbered(path)
  const merges = rules && linesOf(join(folder, rules)).filter((line) => !line.startsWith('#version'))
  const settings = tokenizerSettings(folder)
  const file = checkTokenizerFile(
    {
      added_tokens: [],
      post_processor: postProcessor(settings, vocab, path),
      model: { vocab, ...(merges && { merges }) },
    },
    path,
  )
  return builtFile(file, settings, tokenizerClass(folder))
}

/** What is, or would be, in the tokenizer.json of a folder. @throws UserError without a tokenizer, and as readTokenizerFile */
export function tokenizerFileOf(folder: string): TokenizerFile {
  const path = join(folder, FILE)
  if (holds(folder, FILE)) return readTokenizerFile(path)
  const own = vocabularyFiles(folder)
  if (own.length > 0) return fileOf(folder, own)
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
