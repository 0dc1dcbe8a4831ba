// Models in one vocabulary: views of them whose embeddings and output matrices have the rows of the merged tokenizer, filled as
// in mergekit.
import { withComputed } from '../checkpoint/index.js'
import type { MergeModel } from './open.js'

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

/** Tensors with a row, or an entry, for every token. */
const PER_TOKEN =
  /(^|\.)((embed_tokens|wte|word_embeddings|token_embedding|embed_in|embed_out|(lm_head|predictions)\.decoder|lm_head)\.weight|(lm_head|predictions)(\.decoder)?\.bias)$/

export const isPerToken = (name: string): boolean => PER_TOKEN.test(name)

/** Rows of a model's embedding; null for a model without one. */
export function embeddingRows({ checkpoint }: MergeModel): number | null {
  const name = [...checkpoint.tensors.keys()].find(isPerToken)
  return name === undefined ? null : checkpoint.tensors.get(name)!.shape[0]!
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
  return new Map(
    models.map((each) => {
      const { model } = each
      const perToken = [...model.checkpoint.tensors.values()].filter(({ name }) => isPerToken(name))
      const shapes = new Map(perToken.map(({ name, shape }) => [name, [shared.rows, ...shape.slice(1)]]))
      const view = withComputed(model.checkpoint, shapes, (name) => readRows(name, each, models, shared))
      const changed = model.checkpoint.config && { ...model.checkpoint.config, ...config, vocab_size: shared.rows }
      return [model, { ...model, checkpoint: { ...view, config: changed } }]
    }),
  )
}

/** The tensor of one model with the shared rows. Rows without a token are the mean of the others. */
async function readRows(
  name: string,
  { model, ids }: ModelTokens,
  models: readonly ModelTokens[],
  shared: SharedVocabulary,
): Promise<Float32Array> {
  const stored = await model.checkpoint.read(name)
  const width = stored.length / model.checkpoint.tensors.get(name)!.shape[0]!
  const holders = models.filter((each) => each.model.checkpoint.tensors.has(name))
  const values = new Float32Array(shared.rows * width)
  const filled = new Uint8Array(shared.rows)
  const mean = new Float64Array(width)
  for (const [token, row] of shared.ids) {
    const target = values.subarray(row * width, (row + 1) * width)
    const id = ids.get(token)
    const rule = shared.rules.get(token)
    if (id !== undefined && !rule?.force) target.set(stored.subarray(id * width, (id + 1) * width))
    else {
      const origins = rule ? [rule.origin].filter((origin) => origin !== null) : originsOf(token, holders, shared.base)
      for (const origin of origins) {
        const given = await origin.model.checkpoint.readRows(name, { from: origin.id, to: origin.id + 1 })
        for (let i = 0; i < width; i++) target[i]! += given[i]! / origins.length
      }
    }
    filled[row] = 1
    for (let i = 0; i < width; i++) mean[i]! += target[i]! / shared.ids.size
  }
  for (let row = 0; row < shared.rows; row++) if (!filled[row]) values.set(mean, row * width)
  return values
}

/** The rows whose mean a token takes: that of the only model that has it, else the base's, else those of all that have it. */
function originsOf(token: string, holders: readonly ModelTokens[], base: MergeModel | null): TokenRow[] {
  const known = holders.flatMap(({ model, ids }) => (ids.has(token) ? [{ model, id: ids.get(token)! }] : []))
  const ofBase = known.filter(({ model }) => model === base)
  return known.length > 1 && ofBase.length ? ofBase : known
}
