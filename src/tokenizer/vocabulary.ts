// The vocabulary in a folder's tokenizer.json: which token has which id, and several vocabularies as one.
import { UserError } from '../errors/index.js'
import { type AddedToken, completeFile, type TokenizerFile } from './file.js'
import { tokenizerSettings } from './settings.js'
import { hasTokenizer, tokenizerFileOf } from './vocabulary-files.js'

export interface Vocabulary {
  /** Id of every token, added ones included. */
  ids: ReadonlyMap<string, number>
  /** The least number of rows that an embedding must have: the highest id and one. */
  size: number
  /** What tokenizer.json holds. */
  file: TokenizerFile
}

/** With the tokens that the settings of the folder add. Null for a folder without a tokenizer that is read. @throws UserError for a file without a vocabulary */
export async function readVocabulary(folder: string): Promise<Vocabulary | null> {
  if (!hasTokenizer(folder)) return null
  const file = tokenizerFileOf(folder)
  const { added_tokens: added = [] } = completeFile(file, tokenizerSettings(folder, file))
  return listTokens({ ...file, added_tokens: added })
}

function listTokens(file: TokenizerFile): Vocabulary {
  const { vocab } = file.model
  const own = Array.isArray(vocab) ? vocab.map(([token], id): [string, number] => [token, id]) : Object.entries(vocab)
  const ids = new Map([...own, ...(file.added_tokens ?? []).map(({ content, id }): [string, number] => [content, id])])
  let size = 0
  for (const id of ids.values()) size = Math.max(size, id + 1)
  return { ids, size, file }
}

const addedOf = ({ file }: Vocabulary): Map<string, AddedToken> =>
  new Map(file.added_tokens?.map((token) => [token.content, token]))

/**
 * The vocabulary without tokens whose id is `rows` or more: they have no embedding. As in mergekit, of BPE the rules of merging that need
 * them go too.
 * @throws UserError for a token of another kind of model that has none
 */
export function cutVocabulary(vocabulary: Vocabulary, rows: number): Vocabulary {
  if (vocabulary.size <= rows) return vocabulary
  const { model } = vocabulary.file
  const added = addedOf(vocabulary)
  const beyond = new Set([...vocabulary.ids].filter(([, id]) => id >= rows).map(([token]) => token))
  const stuck = [...beyond].find((token) => !added.has(token))
  const file = { ...vocabulary.file, added_tokens: [...added.values()].filter(({ id }) => id < rows) }
  if (stuck === undefined) return listTokens(file)
  if (model.type !== 'BPE')
    throw new UserError(
      `the token ${JSON.stringify(stuck)} has the id ${vocabulary.ids.get(stuck)}, and the embedding ${rows} rows`,
    )
  const vocab = Object.fromEntries(Object.entries(model.vocab).filter(([token]) => !beyond.has(token)))
  const isKept = (rule: string | readonly string[]) =>
    !(typeof rule === 'string' ? rule.split(' ') : rule).some((token) => beyond.has(token))
  const merges = (model.merges as (string | readonly string[])[] | undefined)?.filter(isKept)
  return listTokens({ ...file, model: { ...model, vocab, merges } })
}

/** How transformers adds a token that is given as a bare word. */
const plainly = (content: string): AddedToken => ({
  id: 0,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: true,
  special: false,
})

/**
 * The first vocabulary with the tokens of the others after its own, by their ids: first those of the tokenizers' models, then
 * added ones (of one word, the settings of the first that has it), then `more`. Rules of merging stay the first's.
 * @throws UserError where tokens cannot be put into the first's kind of model
 */
export function joinVocabularies(
  first: Vocabulary,
  others: readonly Vocabulary[],
  more: readonly string[] = [],
): Vocabulary {
  const added = addedOf(first)
  const ids = new Map(first.ids)
  let size = first.size
  const take = (token: string) => void (ids.has(token) || ids.set(token, size++))
  const inOrder = (tokens: Iterable<[string, number]>) =>
    [...tokens].sort(([, a], [, b]) => a - b).map(([token]) => token)
  for (const other of others) {
    const apart = addedOf(other)
    inOrder(other.ids)
      .filter((token) => !apart.has(token))
      .forEach(take)
  }
  const grown = size > first.size
  for (const other of others)
    for (const [token, settings] of addedOf(other)) if (!added.has(token)) added.set(token, settings)
  for (const token of more) if (!ids.has(token) && !added.has(token)) added.set(token, plainly(token))
  for (const token of added.keys()) take(token)
  if (size === first.size && added.size === addedOf(first).size) return first
  const { model } = first.file
  if (grown && (Array.isArray(model.vocab) || typeof model.vocab !== 'object'))
    throw new UserError(
      `a union adds tokens to the vocabulary of the first model, and that of its kind (${model.type}) holds scores too`,
    )
  const file = {
    ...first.file,
    added_tokens: [...added.values()]
      .map((token) => ({ ...token, id: ids.get(token.content)! }))
      .sort((a, b) => a.id - b.id),
    // Libraries number added tokens from the end of the model's vocabulary, unless they stand in it.
    model: grown
      ? { ...model, vocab: Object.fromEntries(inOrder(ids).map((token) => [token, ids.get(token)!])) }
      : model,
  }
  return { ids, size, file }
}
