// Models in one vocabulary: views of them whose embeddings and output matrices have the rows of the merged tokenizer, filled as
// in mergekit.
import { weightRows, withComputed } from '../checkpoint/index.js'
import type { Interval } from '../kernels/index.js'
import type { MergeModel, MergeModels } from './open.js'

/** A model, and the row of each token in its embeddings. */
export interface ModelTokens {
  model: MergeModel
  ids: ReadonlyMap<string, number>
}

/** What fills the row of a token in a model that lacks it; with `force` also in models that have it. */
export interface RowRule {
  /** A row of some model; null for zeros. */
  origin: TokenRow | null
  force: boolean
}

interface TokenRow {
  model: MergeModel
  id: number
}

/** The vocabulary of the result. */
export interface SharedVocabulary {
  ids: ReadonlyMap<string, number>
  /** Rows of the embeddings, perhaps more than there are ids. */
  rows: number
  /** The model whose row a token takes when several models have it; their mean if null, or if it lacks the token too. */
  base: MergeModel | null
  /** Rules for single tokens. */
  rules: ReadonlyMap<string, RowRule>
}

/** The most entries of a model that are read at a time. */
const PORTION = 1 << 18

/** Tensors with a row, or an entry, for every token. */
const PER_TOKEN =
  /(^|\.)((embed_tokens|wte|word_embeddings|token_embedding|embed_in|embed_out|(lm_head|predictions)\.decoder|lm_head)\.weight|(lm_head|predictions)(\.decoder)?\.bias)$/

export const isPerToken = (name: string): boolean => PER_TOKEN.test(name)

/** Rows of a model's embedding; null for a model without one. */
export function embeddingRows({ checkpoint }: MergeModel): number | null {
  const name = [...checkpoint.tensors.keys()].find(isPerToken)
  return name === undefined ? null : checkpoint.tensors.get(name)!.shape[0]!
}

/** What a user must know of a result whose input and output have other numbers of tokens: slices may take them from two models. */
export function warnOfRows(tensors: readonly { name: string; shape: readonly number[] }[]): string[] {
  const tables = tensors.filter(({ name }) => isPerToken(name))
  const [first, other] = [tables[0], tables.find(({ shape }) => shape[0] !== tables[0]!.shape[0])]
  if (!first || !other) return []
  const [one, two] = [first, other].map(({ name, shape }) => `${name} has ${shape[0]} rows`)
  return [
    `${one}, ${two}: the tokens in are not as many as the tokens out, and transformers opens no such model; tokenizer_source gives all models one vocabulary`,
  ]
}

const fitsAlready = ({ model, ids }: ModelTokens, { ids: wanted, rows, rules }: SharedVocabulary): boolean =>
  embeddingRows(model) === rows &&
  ![...rules.values()].some(({ force }) => force) &&
  [...wanted].every(([token, id]) => ids.get(token) === id)

/**
 * Every model with the rows of the shared vocabulary, and its config changed accordingly. The same objects if all models have these
 * rows already.
 * @param config entries that replace those of each config.json
 */
export function shareVocabulary(
  models: readonly ModelTokens[],
  shared: SharedVocabulary,
  config: Record<string, unknown>,
): Map<MergeModel, MergeModel> {
  if (models.every((each) => fitsAlready(each, shared))) return new Map(models.map(({ model }) => [model, model]))
  const tokens: (string | undefined)[] = Array.from({ length: shared.rows })
  for (const [token, row] of shared.ids) tokens[row] = token
  return new Map(
    models.map((each) => {
      const { model } = each
      const perToken = [...model.checkpoint.tensors.values()].filter(({ name }) => isPerToken(name))
      const shapes = new Map(perToken.map(({ name, shape }) => [name, [shared.rows, ...shape.slice(1)]]))
      const means = new Map<string, Promise<Float64Array>>()
      const view = withComputed(model.checkpoint, shapes, async (name, lines) => {
        const table = {
          ...each,
          name,
          width: model.checkpoint.tensors.get(name)!.shape[1] ?? 1,
          models,
          shared,
          tokens,
        }
        // The entries of a vector are one line.
        return readShared(table, shapes.get(name)!.length === 1 ? { from: 0, to: shared.rows } : lines, means)
      })
      const changed = model.checkpoint.config && { ...model.checkpoint.config, ...config, vocab_size: shared.rows }
      return [model, { ...model, checkpoint: { ...view, config: changed } }]
    }),
  )
}

/**
 * Models whose tables of tokens are cut to the rows of the smallest, as `--unsafe-truncate-embeddings` of mergekit does: right only where
 * the first tokens are the same. config.json follows.
 */
export function cutEmbeddings(models: MergeModels): { models: MergeModels; notes: string[] } {
  const rows = Math.min(...models.all.map((model) => embeddingRows(model) ?? Infinity))
  const larger = models.all.filter((model) => (embeddingRows(model) ?? 0) > rows)
  const cut = (model: MergeModel): MergeModel => {
    if (!larger.includes(model)) return model
    const { checkpoint } = model
    const tables = [...checkpoint.tensors.values()].filter(({ name }) => isPerToken(name))
    const shapes = new Map(tables.map(({ name, shape }) => [name, [rows, ...shape.slice(1)]]))
    // The entries of a vector are one line.
    const view = withComputed(checkpoint, shapes, (name, lines) =>
      weightRows(checkpoint, name, shapes.get(name)!.length === 1 ? { from: 0, to: rows } : lines),
    )
    return {
      ...model,
      checkpoint: { ...view, config: checkpoint.config && { ...checkpoint.config, vocab_size: rows } },
    }
  }
  const views = new Map(models.all.map((model) => [model, cut(model)]))
  const viewOf = (model: MergeModel): MergeModel => views.get(model) ?? model
  return {
    models: withViews(models, viewOf),
    notes: larger.map(
      ({ label, checkpoint: { config } }) =>
        `${label}: the embeddings are cut to ${rows} rows${typeof config?.vocab_size === 'number' ? ` of ${config.vocab_size}` : ''}; the result is right only if the models' first ${rows} tokens are the same`,
    ),
  }
}

/** The models, each replaced by its view. */
export function withViews(models: MergeModels, viewOf: (model: MergeModel) => MergeModel): MergeModels {
  const find = (text: string) => {
    const model = models.find(text)
    return model && viewOf(model)
  }
  return { ...models, find, of: (text) => viewOf(models.of(text)), all: models.all.map(viewOf) }
}

/** A tensor of one model that is given the shared rows. */
interface Table extends ModelTokens {
  name: string
  width: number
  models: readonly ModelTokens[]
  shared: SharedVocabulary
  /** The token of each row, where it has one. */
  tokens: readonly (string | undefined)[]
}

/** Rows from … to − 1 of it. Those without a token are the mean of the others. */
async function readShared(
  table: Table,
  rows: Interval,
  means: Map<string, Promise<Float64Array>>,
): Promise<Float32Array> {
  const { name, width, tokens } = table
  const values = await fillRows(table, rows)
  const empty = [...tokens.slice(rows.from, rows.to).keys()].filter((i) => tokens[rows.from + i] === undefined)
  if (!empty.length) return values
  if (!means.has(name)) means.set(name, meanOf(table))
  const mean = await means.get(name)!
  for (const i of empty) values.set(mean, i * width)
  return values
}

/** The mean of the rows that have a token, added up in their order. */
async function meanOf(table: Table): Promise<Float64Array> {
  const { width, shared, tokens } = table
  const count = tokens.filter((token) => token !== undefined).length
  const mean = new Float64Array(width)
  const step = Math.max(1, Math.floor(PORTION / width))
  for (let from = 0; from < shared.rows; from += step) {
    const to = Math.min(shared.rows, from + step)
    const values = await fillRows(table, { from, to })
    for (let row = from; row < to; row++)
      if (tokens[row] !== undefined)
        for (let i = 0; i < width; i++) mean[i]! += values[(row - from) * width + i]! / count
  }
  return mean
}

/** A row that is read for a row of the result, of which it is 1 / `of`. */
interface Part {
  id: number
  row: number
  of: number
}

/** The rows that have a token; the others are 0. */
async function fillRows(
  { name, width, model, ids, models, shared, tokens }: Table,
  { from, to }: Interval,
): Promise<Float32Array> {
  const values = new Float32Array((to - from) * width)
  const holders = models.filter((each) => each.model.checkpoint.tensors.has(name))
  const own: Part[] = []
  // In the order of the models, so that every row is added up in it.
  const given = new Map<MergeModel, Part[]>(holders.map((each) => [each.model, []]))
  for (const [row, token] of tokens.slice(from, to).entries()) {
    if (token === undefined) continue
    const [id, rule] = [ids.get(token), shared.rules.get(token)]
    if (id !== undefined && !rule?.force) {
      own.push({ id, row, of: 1 })
      continue
    }
    const origins = rule ? [rule.origin].filter((origin) => origin !== null) : originsOf(token, holders, shared.base)
    for (const origin of origins) {
      const parts = given.get(origin.model) ?? given.set(origin.model, []).get(origin.model)!
      parts.push({ id: origin.id, row, of: origins.length })
    }
  }
  await eachRow(model, name, own, (part, row) => values.set(row, part.row * width))
  for (const [origin, parts] of given)
    await eachRow(origin, name, parts, (part, row) => {
      for (let i = 0; i < width; i++) values[part.row * width + i]! += row[i]! / part.of
    })
  return values
}

/** Reads these rows of a model; those that lie one behind the other at once. */
async function eachRow(
  { checkpoint }: MergeModel,
  name: string,
  parts: readonly Part[],
  take: (part: Part, row: Float32Array) => void,
): Promise<void> {
  const width = checkpoint.tensors.get(name)?.shape[1] ?? 1
  const most = Math.max(1, Math.floor(PORTION / width))
  const sorted = [...parts].sort((a, b) => a.id - b.id)
  for (let first = 0; first < sorted.length; ) {
    const from = sorted[first]!.id
    let end = first + 1
    while (end < sorted.length && sorted[end]!.id <= sorted[end - 1]!.id + 1 && sorted[end]!.id < from + most) end++
    const rows = await weightRows(checkpoint, name, { from, to: sorted[end - 1]!.id + 1 })
    for (const part of sorted.slice(first, end))
      take(part, rows.subarray((part.id - from) * width, (part.id - from + 1) * width))
    first = end
  }
}

/** The rows whose mean a token takes: that of the only model that has it, else the base's, else those of all that have it. */
function originsOf(token: string, holders: readonly ModelTokens[], base: MergeModel | null): TokenRow[] {
  const known = holders.flatMap(({ model, ids }) => (ids.has(token) ? [{ model, id: ids.get(token)! }] : []))
  const ofBase = known.filter(({ model }) => model === base)
  return known.length > 1 && ofBase.length ? ofBase : known
}
