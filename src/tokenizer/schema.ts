// The files of a tokenizer as they are read: every value that is used has its type and its range.
import { z } from 'zod'
import { UserError } from '../errors/index.js'
import { checkValue, readObject, showValue } from '../schema/index.js'
import { numbering, type TokenizerConfig, type TokenizerFile, textOf } from './file.js'

/** Ids that float32 holds exactly; the largest vocabularies are a tenth of it. A far id would be room for all before it. */
const LAST_ID = 2 ** 24 - 1

const id = z.int().min(0).max(LAST_ID)
const text = z.string().nullish()
const flag = z.boolean().nullish()
const part = z.looseObject({ type: z.string() }).nullish()

const AddedToken = z.looseObject({
  id,
  content: z.string().min(1),
  single_word: flag,
  lstrip: flag,
  rstrip: flag,
  normalized: flag,
  special: flag,
})

const File = z.looseObject({
  added_tokens: z
    .array(AddedToken)
    .nullish()
    .transform((list) => list ?? undefined),
  normalizer: part,
  pre_tokenizer: part,
  post_processor: part,
  decoder: part,
  model: z.looseObject({
    type: z.enum(['BPE', 'Unigram', 'WordLevel', 'WordPiece']).optional(),
    /** Looked through by itself: unions over a hundred thousand entries are slow, and say less. */
    vocab: z.custom<TokenizerFile['model']['vocab']>(
      (value) => typeof value === 'object' && value !== null,
      'must hold tokens and their ids',
    ),
    // What is dropped at random would be other ids at every call.
    dropout: z.literal(0).nullish(),
    unk_token: text,
    unk_id: id.nullish(),
    continuing_subword_prefix: text,
    end_of_word_suffix: text,
    max_input_chars_per_word: z.int().min(0).nullish(),
    fuse_unk: flag,
    byte_fallback: flag,
    ignore_merges: flag,
  }),
})

const token = z.union([z.string(), z.looseObject({ content: z.string() })])
const role = token.nullish()
const tokens = z.union([z.array(token), z.record(z.string(), z.unknown())]).nullish()

const Named = z.looseObject({
  bos_token: role,
  eos_token: role,
  unk_token: role,
  sep_token: role,
  pad_token: role,
  cls_token: role,
  mask_token: role,
  additional_special_tokens: tokens,
  extra_special_tokens: tokens,
})

const Config = Named.extend({
  add_bos_token: flag,
  add_eos_token: flag,
  clean_up_tokenization_spaces: flag,
  added_tokens_decoder: z
    .record(z.string().regex(/^\d{1,8}$/, 'must be an id'), z.looseObject({ content: z.string() }))
    .nullish(),
  chat_template: z
    .union([
      z.string(),
      z.array(z.looseObject({ name: z.string(), template: z.string() })),
      z.record(z.string(), z.string()),
    ])
    .nullish(),
})

/** Tokens and ids of a model: a mapping, or a list of tokens and scores whose place is the id. */
function* entriesOf(vocab: TokenizerFile['model']['vocab']): Generator<[token: string, id: unknown]> {
  if (!Array.isArray(vocab)) return yield* Object.entries(vocab)
  for (const [place, entry] of vocab.entries()) {
    const whole = Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number'
    yield whole ? [entry[0], place] : [String(place), entry]
  }
}

/** An id stands for one token. */
function checkIds({ model: { vocab }, added_tokens: added = [] }: TokenizerFile, path: string): void {
  const owners = new Map<number, string>()
  const known = new Map<string, number>()
  const take = (name: string, value: unknown, where: string) => {
    const given = `${path}: ${where}: the token ${showValue(name)} has the id ${showValue(value)}`
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > LAST_ID)
      throw new UserError(`${given}; a whole number from 0 to ${LAST_ID} is wanted`)
    const before = known.get(name)
    if (!Array.isArray(vocab) && before !== undefined && before !== value)
      throw new UserError(`${given}, and has ${before} too`)
    const owner = owners.get(value)
    if (owner !== undefined && owner !== name) throw new UserError(`${given}, which is that of ${showValue(owner)}`)
    owners.set(value, name)
    if (before === undefined) known.set(name, value)
  }
  for (const [name, value] of entriesOf(vocab)) take(name, value, 'model.vocab')
  for (const { content, id } of added) take(content, id, 'added_tokens')
}

/** @throws UserError: no such file, or a value of another type or range than it must have */
export function readTokenizerFile(path: string): TokenizerFile {
  return checkTokenizerFile(readObject(path, 'is missing; a model folder must hold it'), path)
}

/** @param path what errors name @throws as readTokenizerFile */
export function checkTokenizerFile(value: unknown, path: string): TokenizerFile {
  const file = checkValue(File, value, path) as unknown as TokenizerFile
  checkIds(file, path)
  const numberOf = numbering(file.model)
  return {
    ...file,
    ...(file.added_tokens && {
      added_tokens: file.added_tokens.map((token) => ({ ...token, id: numberOf(token.content) })),
    }),
  }
}

/** @throws as readTokenizerFile */
export const readTokenizerConfig = (path: string): TokenizerConfig => checkValue(Config, readObject(path), path)

/** special_tokens_map.json: every token that it gives with settings is a special one. @throws as readTokenizerFile */
export const readTokensMap = (path: string): TokenizerConfig =>
  Object.fromEntries(
    Object.entries(checkValue(Named, readObject(path), path)).map(([role, value]) => [
      role,
      textOf(value) === undefined || typeof value === 'string' ? value : { ...(value as object), special: true },
    ]),
  )

/** added_tokens.json: ids by token. @throws as readTokenizerFile */
export const readAddedTokens = (path: string): Record<string, number> =>
  checkValue(z.record(z.string().min(1), id), readObject(path), path)
