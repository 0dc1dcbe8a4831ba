// One tokenizer for the models of a merge, as mergekit chooses it, and the models in its vocabulary.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { companionsOf, rewriteJson } from '../checkpoint/index.js'
import { type Path, UserError, unknown, within } from '../errors/index.js'
import { readObject, readText } from '../schema/index.js'
import { cutVocabulary, joinVocabularies, mapTokens, readVocabulary, type Vocabulary } from '../tokenizer/index.js'
import { embeddingRows, type ModelTokens, type RowRule, shareVocabulary, withViews } from './embeddings.js'
import type { MergeModel, MergeModels } from './open.js'
import type { MergeFile } from './schema.js'

export interface Chosen {
  /** The models, with the rows of the tokenizer's vocabulary. */
  models: MergeModels
  /** Folder whose tokenizer is copied. */
  tokenizerFrom: string
  /** Texts that replace files of that folder; null leaves the file out. */
  files: Record<string, string | null>
}

type Section = NonNullable<MergeFile['tokenizer']>

/** Files of slow tokenizers: they would contradict the new tokenizer.json. */
const SLOW = [
  'vocab.json',
  'vocab.txt',
  'merges.txt',
  'added_tokens.json',
  'tokenizer.model',
  'spiece.model',
  'sentencepiece.bpe.model',
]

/** One tokenizer for all models, and the models in its vocabulary. The paths of errors begin at the section. */
export async function shareTokenizer(section: Section, config: MergeFile, models: MergeModels): Promise<Chosen> {
  const { source, tokens = {}, pad_to_multiple_of: multiple = 1 } = section
  // `tokenizer_source: …` is the section and its source in one.
  const atSource: Path = config.tokenizer ? ['source'] : []
  const reference = models.all[0]!
  const named = source === 'union' || source === 'base' ? reference : models.find(source)
  const tokenizerFrom = named
    ? companionsOf(named.checkpoint)
    : await within(atSource, () => models.findTokenizer(source))

  const vocabularies = await readVocabularies(models)
  // No model has a tokenizer: there is nothing to join, and nothing to copy.
  if (vocabularies.size === 0 && config.tokenizer_source !== undefined) return { models, tokenizerFrom, files: {} }
  const own = named ? vocabularies.get(named) : await readVocabulary(tokenizerFrom)
  if (!own) throw new UserError(`${named?.label ?? source} has no tokenizer.json`, { path: atSource })
  const others = source === 'union' ? models.all.flatMap((model) => vocabularies.get(model) ?? []) : []
  const joined = within(atSource, () => joinVocabularies(own, others, Object.keys(tokens)))

  const common = vocabularies.get(reference) ?? own
  // As in mergekit, a token that is added to the base's own tokenizer has the base's row of its number, where there is one.
  const tokensOf = models.all.map((model) =>
    rowsIn(model, source === 'base' && model === reference ? joined : (vocabularies.get(model) ?? common)),
  )
  const views = shareVocabulary(
    tokensOf,
    {
      ids: joined.ids,
      rows: Math.ceil(joined.size / multiple) * multiple,
      base: config.base_model === undefined ? null : reference,
      rules: within(['tokens'], () => readRules(tokens, tokensOf, models)),
    },
    tokenNumbers(named ? (named.checkpoint.config ?? {}) : configIn(tokenizerFrom)),
  )
  if (hasData(config) && views.get(reference) !== reference)
    throw new UserError('changes the rows of the embeddings, for which `data` then has none; leave one of them out', {
      path: [],
    })
  const stored = await readVocabulary(tokenizerFrom)
  const unchanged =
    stored!.ids.size === joined.ids.size && [...joined.ids].every(([token, id]) => stored!.ids.get(token) === id)
  return {
    tokenizerFrom,
    files: unchanged ? {} : await writeTokenizer(joined, tokenizerFrom),
    models: withViews(models, (model) => views.get(model) ?? model),
  }
}

/** The vocabularies of the models that have a tokenizer, without ids that the embeddings have no row for. */
async function readVocabularies(models: MergeModels): Promise<Map<MergeModel, Vocabulary>> {
  const vocabularies = new Map<MergeModel, Vocabulary>()
  for (const model of models.all) {
    const found = await readVocabulary(companionsOf(model.checkpoint))
    if (found)
      vocabularies.set(
        model,
        within([], () => cutVocabulary(found, embeddingRows(model) ?? Infinity)),
      )
  }
  return vocabularies
}

/** The tokens that the model has a row for. */
function rowsIn(model: MergeModel, { ids }: Pick<Vocabulary, 'ids'>): ModelTokens {
  const rows = embeddingRows(model)
  if (rows === null) throw new UserError(`${model.label} has no embedding of tokens`, { path: [] })
  return { model, ids: new Map([...ids].filter(([, id]) => id < rows)) }
}

/** Numbers of single tokens in config.json: those of the model whose tokenizer is taken. */
const tokenNumbers = (config: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(config).filter(([key]) => ['bos_token_id', 'eos_token_id', 'pad_token_id'].includes(key)),
  )

const configIn = (folder: string): Record<string, unknown> => {
  const file = join(folder, 'config.json')
  return existsSync(file) ? readObject(file) : {}
}

const hasData = ({ models = [], slices = [] }: MergeFile): boolean =>
  [...models, ...slices.flatMap(({ sources }) => sources)].some(({ data }) => data !== undefined)

type Tokens = NonNullable<Section['tokens']>

/** The rules of tokens that some model lacks, or whose row is replaced everywhere; the others have no effect. */
function readRules(tokens: Tokens, known: readonly ModelTokens[], models: MergeModels): Map<string, RowRule> {
  const isUsed = ([token, { force }]: [string, Tokens[string]]) => force || known.some(({ ids }) => !ids.has(token))
  return new Map(
    Object.entries(tokens)
      .filter(isUsed)
      .map(([token, { force, source }]) => [
        token,
        { force, origin: within([token, 'source'], () => readOrigin(token, source, known, models)) },
      ]),
  )
}

function readOrigin(
  token: string,
  source: Tokens[string]['source'],
  known: readonly ModelTokens[],
  models: MergeModels,
): RowRule['origin'] {
  if (source === undefined)
    throw new UserError(
      'is required: a model, {kind: zero} or {kind: model_token, …}; some model lacks the token, or force is set',
      { path: [] },
    )
  if (typeof source === 'object' && source.kind === 'zero') return null
  const name = typeof source === 'string' ? source : source.model
  const found = known.find(({ model }) => model === models.find(name))
  if (!found) throw unknown('model of this file', name, models.names)
  const word = typeof source === 'string' ? token : source.token
  const id = word === undefined ? (source as { token_id: number }).token_id : found.ids.get(word)
  if (id === undefined) throw new UserError(`${found.model.label} has no token ${JSON.stringify(word)}`, { path: [] })
  const rows = embeddingRows(found.model)!
  if (id >= rows)
    throw new UserError(`${id} is beyond the ${rows} rows of ${found.model.label}`, { path: ['token_id'] })
  return { model: found.model, id }
}

/** tokenizer.json, and the entries of tokenizer_config.json that repeat it. */
async function writeTokenizer({ file }: Vocabulary, tokenizerFrom: string): Promise<Record<string, string | null>> {
  const files: Record<string, string | null> = {
    ...Object.fromEntries(SLOW.map((name) => [name, null])),
    'tokenizer.json': `${JSON.stringify(file)}\n`,
  }
  const config = join(tokenizerFrom, 'tokenizer_config.json')
  if (!existsSync(config)) return files
  const settings = (file.added_tokens ?? []).map(({ id, ...token }) => [id, token])
  const text = rewriteJson(readText(config), {
    ...readObject(config),
    // Beside added_tokens_decoder that file counts for nothing.
    ...mapTokens(tokenizerFrom),
    added_tokens_decoder: Object.fromEntries(settings),
  })
  return { ...files, 'tokenizer_config.json': `${text.trimEnd()}\n` }
}
