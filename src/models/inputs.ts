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

interface InputOptions {
  /** Flat positions of the outputs that are computed; all unless given. */
  wanted?: Int32Array
  cache?: Cache
}

/** A batch of which less than this share can be left out goes through a model whole: to take tokens apart and together costs more. */
const SPARED = 1 / 32

/**
 * The batch without the tokens on which no output depends, where these are many: padding, and what stands in its row behind all that is
 * wanted. A cache takes that, too. Outputs must be wanted, and of real tokens.
 */
function packBatch({ packs }: Model, batch: Batch, { wanted, cache }: InputOptions): Batch {
  const { rows, columns, mask } = batch
  if (!packs || !wanted?.length || !wanted.every((place) => mask[place])) return batch
  const last = new Int32Array(rows).fill(cache ? mask.length : -1)
  for (const place of wanted) last[Math.floor(place / columns)] = Math.max(last[Math.floor(place / columns)]!, place)
  const packed = Int32Array.from(mask.keys()).filter(
    (place) => mask[place] && place <= last[Math.floor(place / columns)]!,
  )
  return packed.length > (1 - SPARED) * mask.length ? batch : { ...batch, packed }
}

/** The token of each place of a packed batch; the first for padding. */
function tokensOfPlaces(packed: Int32Array, { mask }: Batch): Int32Array {
  const tokens = new Int32Array(mask.length)
  packed.forEach((place, token) => (tokens[place] = token))
  return tokens
}

/** Uploads a batch. */
export function makeInputs(model: Model, given: Batch, options: InputOptions = {}): Inputs {
  const { wanted, cache } = options
  const batch = packBatch(model, given, options)
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
