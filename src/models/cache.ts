// Keys and values of the tokens of a generation. Each layer has room for more tokens than it holds: they are written where they stay.
import { type Tensor, tf } from '../tensor/index.js'
import { type Batch, tokenPlaces } from './batch.js'

/** Of one layer, [rows * kvHeads * capacity, headDim]: head h of the token at place p of row r is at (r * kvHeads + h) * capacity + p. */
export interface LayerCache {
  keys: Tensor
  values: Tensor
}

export interface Cache {
  layers: LayerCache[]
  rows: number
  /** Tokens of a row that there is room for. */
  capacity: number
  /** Tokens of a row that were seen before the present batch. */
  length: number
  /** 1 where a token is real, those of the present batch included, [rows, capacity]. */
  mask: Int32Array
  /** What the decoder of an encoder–decoder sees of the prompts, made once: their mask, and keys and values by layer. */
  encoder?: { columns: number; mask: Int32Array; layers: LayerCache[] }
}

export const makeCache = (rows: number, capacity: number): Cache => ({
  layers: [],
  rows,
  capacity,
  length: 0,
  mask: new Int32Array(rows * capacity),
})

/** A row of values for each of the rows, cut or filled up with zeros to so many columns. */
function widen(values: Int32Array, rows: readonly number[], [from, to]: readonly [number, number]): Int32Array {
  const made = new Int32Array(rows.length * to)
  for (const [i, row] of rows.entries()) made.set(values.subarray(row * from, row * from + Math.min(from, to)), i * to)
  return made
}

/** The batch comes next: its tokens are seen from now on. */
export function enterBatch(cache: Cache, { columns, mask }: Batch): void {
  for (let row = 0; row < cache.rows; row++)
    cache.mask.set(mask.subarray(row * columns, (row + 1) * columns), row * cache.capacity + cache.length)
}

/** Where the heads of the batch's tokens are written, [tokens * kvHeads], int32. */
export function keyPlaces({ kvHeads, heads }: { kvHeads?: number; heads: number }, batch: Batch, cache: Cache): Tensor {
  const count = kvHeads ?? heads
  const { columns } = batch
  const places = tokenPlaces(batch)
  const at = new Int32Array(places.length * count)
  places.forEach((place, token) => {
    const [row, column] = [Math.floor(place / columns), place % columns]
    for (let head = 0; head < count; head++)
      at[token * count + head] = (row * count + head) * cache.capacity + cache.length + column
  })
  return tf.tensor1d(at, 'int32')
}

/** Keys or values [rows, kvHeads, room, headDim], cut or filled up with zeros to room for `capacity` tokens. */
function withRoom(all: Tensor, capacity: number): Tensor {
  const [rows, heads, room, width] = all.shape as [number, number, number, number]
  if (capacity <= room) return all.slice([0, 0, 0, 0], [rows, heads, capacity, width])
  return all.pad([
    [0, 0],
    [0, 0],
    [0, capacity - room],
    [0, 0],
  ])
}

/** A copy of some rows of a cache, in their order, with room for `capacity` tokens, which is at least its length; both are the caller's. */
export function copyCache(cache: Cache, rows: readonly number[], capacity: number): Cache {
  const pick = (all: Tensor): Tensor =>
    rows.length < cache.rows ? tf.gather(all, tf.tensor1d(Int32Array.from(rows), 'int32')) : all.clone()
  const copied = (layers: readonly LayerCache[], copy: (all: Tensor) => Tensor): LayerCache[] =>
    layers.map(({ keys, values }) => ({ keys: tf.tidy(() => copy(keys)), values: tf.tidy(() => copy(values)) }))
  const own = (all: Tensor): Tensor => {
    const width = all.shape[1]!
    const picked = pick(all.reshape([cache.rows, -1, cache.capacity, width]))
    return withRoom(picked, capacity).reshape([-1, width])
  }
  const { encoder } = cache
  return {
    rows: rows.length,
    capacity,
    length: cache.length,
    mask: widen(cache.mask, rows, [cache.capacity, capacity]),
    layers: copied(cache.layers, own),
    ...(encoder && {
      encoder: {
        columns: encoder.columns,
        mask: widen(encoder.mask, rows, [encoder.columns, encoder.columns]),
        layers: copied(encoder.layers, pick),
      },
    }),
  }
}

/** The cache of some of its rows, with room for `capacity` tokens. The given one is consumed. */
export function reshapeCache(cache: Cache, rows: readonly number[], capacity: number): Cache {
  const made = copyCache(cache, rows, capacity)
  disposeCache(cache)
  return made
}

export const disposeCache = ({ layers, encoder }: Cache): void =>
  tf.dispose([layers, encoder?.layers ?? []] as unknown as tf.TensorContainer)
