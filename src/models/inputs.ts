// Turns a batch into the tensors that all blocks share.

import { tf } from '../tensor/index.js'
import { type Batch, ofTokens } from './batch.js'
import { type Cache, keyPlaces } from './cache.js'
import type { Inputs, Model } from './model.js'

/** Padded tokens (or patches) of a batch, those of an encoder included. */
export const paddedTokens = ({ sequence }: Pick<Model, 'sequence'>, { rows, columns, encoder }: Batch): number =>
  rows * ((sequence ?? columns) + (encoder?.columns ?? 0))

/** The ids of a batch as its model looks them up: the encoder's first. */
function joinIds({ ids, encoder }: Batch): Int32Array {
  if (!encoder) return ids
  const all = new Int32Array(encoder.ids.length + ids.length)
  all.set(encoder.ids)
  all.set(ids, encoder.ids.length)
  return all
}

/** A batch with less padding than this share goes through a model whole: to take tokens apart and together costs more. */
const PADDING = 1 / 8

/** The batch with its padding left out, where there is much of it. Outputs must be wanted, and of real tokens. */
function packBatch({ packs }: Model, batch: Batch, wanted?: Int32Array): Batch {
  if (!packs || !wanted?.every((place) => batch.mask[place])) return batch
  const packed = Int32Array.from(batch.mask.keys()).filter((place) => batch.mask[place])
  return packed.length > (1 - PADDING) * batch.mask.length ? batch : { ...batch, packed }
}

/** The token of each place of a packed batch; the first for padding. */
function tokensOfPlaces(packed: Int32Array, { mask }: Batch): Int32Array {
  const tokens = new Int32Array(mask.length)
  packed.forEach((place, token) => (tokens[place] = token))
  return tokens
}

/** Uploads a batch; `wanted` limits the outputs to those flat positions. */
export function makeInputs(model: Model, given: Batch, options: { wanted?: Int32Array; cache?: Cache } = {}): Inputs {
  const { wanted, cache } = options
  const batch = packBatch(model, given, wanted)
  const vector = (values: Int32Array) => tf.tensor1d(values, 'int32')
  const tokens = batch.packed && tokensOfPlaces(batch.packed, batch)
  return {
    batch,
    rows: batch.rows,
    columns: model.sequence ?? batch.columns,
    ids: vector(ofTokens(batch, joinIds(batch))),
    tables: model.tables(batch, cache),
    ...(wanted && { wanted: vector(tokens ? wanted.map((place) => tokens[place]!) : wanted) }),
    ...(tokens && { packed: { places: vector(batch.packed!), tokens: vector(tokens) } }),
    ...(cache && { cache, places: keyPlaces(model, batch, cache) }),
  }
}

export function disposeInputs(inputs: Inputs) {
  tf.dispose([inputs.ids, inputs.tables, inputs.wanted ?? [], inputs.places ?? [], inputs.packed ?? []])
}
