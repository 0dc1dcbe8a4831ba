// MergeModels in one vocabulary: views of them whose embeddings and output matrices have the rows of the merged tokenizer, filled as
// mergekit fills them.
import { withComputed } from '../checkpoint/index.js'
import type { MergeModel } from './open.js'

/** A model with the ids of the tokens that it has rows for. */
export interface Speaker {
  model: MergeModel
  ids: ReadonlyMap<string, number>
}

/** The row of a token in a model that lacks it: zeros, or a row of some model; with `force` also in models that have it. */
export interface RowRule {
  origin: { model: MergeModel; id: number } | null
  force: boolean
}

export interface Target {
  ids: ReadonlyMap<string, number>
  /** Rows of the result, perhaps more than there are ids. */
  rows: number
  /** Whose row a token takes that several models have and others lack; their mean when it is null, or lacks it too. */
  base: MergeModel | null
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

const speaksAlready = ({ model, ids }: Speaker, { ids: wanted, rows, rules }: Target): boolean =>
  embeddingRows(model) === rows &&
  ![...rules.values()].some(({ force }) => force) &&
  [...wanted].every(([token, id]) => ids.get(token) === id)

/**
 * Every model with the rows of the target; the same objects when all have them already. The config is changed with them.
 * @param config entries that replace those of each config.json
 */
export function translate(
  speakers: readonly Speaker[],
  target: Target,
  config: Record<string, unknown>,
): Map<MergeModel, MergeModel> {
  if (speakers.every((speaker) => speaksAlready(speaker, target)))
    return new Map(speakers.map(({ model }) => [model, model]))
  return new Map(
    speakers.map((speaker) => {
      const {
        model: { checkpoint },
      } = speaker
      const shapes = new Map(
        [...checkpoint.tensors.values()]
          .filter(({ name }) => isPerToken(name))
          .map(({ name, shape }) => [name, [target.rows, ...shape.slice(1)]]),
      )
      const view = withComputed(checkpoint, shapes, (name) => readRows(speaker, speakers, target, name))
      const own = checkpoint.config && { ...checkpoint.config, ...config, vocab_size: target.rows }
      return [speaker.model, { ...speaker.model, checkpoint: { ...view, config: own } }]
    }),
  )
}

/** The tensor of one model with the rows of the target; rows that no token has are the mean of the others. */
async function readRows(
  { model, ids }: Speaker,
  speakers: readonly Speaker[],
  target: Target,
  name: string,
): Promise<Float32Array> {
  const stored = await model.checkpoint.read(name)
  const width = stored.length / model.checkpoint.tensors.get(name)!.shape[0]!
  const holders = speakers.filter(({ model: { checkpoint } }) => checkpoint.tensors.has(name))
  const values = new Float32Array(target.rows * width)
  const taken = new Uint8Array(target.rows)
  const mean = new Float64Array(width)
  for (const [token, row] of target.ids) {
    const place = values.subarray(row * width, (row + 1) * width)
    const id = ids.get(token)
    const rule = target.rules.get(token)
    if (id !== undefined && !rule?.force) place.set(stored.subarray(id * width, (id + 1) * width))
    else {
      const origins = rule ? (rule.origin ? [rule.origin] : []) : originsOf(token, holders, target.base)
      for (const {
        model: { checkpoint },
        id: from,
      } of origins) {
        const given = await checkpoint.readRows(name, { from, to: from + 1 })
        for (let i = 0; i < width; i++) place[i]! += given[i]! / origins.length
      }
    }
    taken[row] = 1
    for (let i = 0; i < width; i++) mean[i]! += place[i]! / target.ids.size
  }
  for (let row = 0; row < target.rows; row++) if (!taken[row]) values.set(mean, row * width)
  return values
}

/** The rows whose mean a token takes: that of the one model that has it, else the base's, else those of all that do. */
function originsOf(
  token: string,
  holders: readonly Speaker[],
  base: MergeModel | null,
): { model: MergeModel; id: number }[] {
  const known = holders.flatMap(({ model, ids }) => (ids.has(token) ? [{ model, id: ids.get(token)! }] : []))
  return known.length > 1
    ? known.find(({ model }) => model === base)
      ? known.filter(({ model }) => model === base)
      : known
    : known
}
