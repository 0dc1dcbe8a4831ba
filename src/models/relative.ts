// Disentangled attention of DeBERTa (He et al. 2021): to the products of contents it adds those of contents with learned embeddings
// of how far apart two tokens are, which all layers share. Far distances have buckets of logarithmic width.
import { UserError } from '../errors/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import { layerNorm, linear } from './layers.js'
import type { Inputs, Weights } from './model.js'

export interface Distances {
  /** Buckets on each side, of which half are of one distance each; 0 for none, when each distance up to `span` is its own. */
  buckets: number
  /** The distance of the last bucket. */
  furthest: number
  /** Embeddings on each side: distance d is row span + d. */
  span: number
}

/**
 * The bucket of a distance. In float32 like transformers, whose rounding decides where a bucket begins.
 * @throws UserError where the buckets leave no room for the distance
 */
export function bucketOf(distance: number, { buckets, furthest }: Distances): number {
  const [far, middle] = [Math.abs(distance), Math.floor(buckets / 2)]
  if (!buckets || far <= middle) return distance
  const log = (x: number) => Math.fround(Math.log(Math.fround(x)))
  const share = Math.fround(log(far / middle) / log((furthest - 1) / middle))
  const bucket = Math.sign(distance) * (Math.ceil(Math.fround(share * (middle - 1))) + middle)
  if (Number.isFinite(bucket)) return bucket
  throw new UserError(
    `config.json: position_buckets ${buckets} has no bucket for a distance of ${far} with max_relative_positions ${furthest}`,
  )
}

/**
 * `rows` [distinct rows]: the rows of the embeddings that a text of so many columns needs. `ahead` [2·columns − 1] is the place
 * among them of the distances columns − 1 … 1 − columns, and `back` that of the same in rising order.
 */
export function distanceTables(columns: number, distances: Distances): Record<string, Tensor> {
  const { span } = distances
  const all = Array.from({ length: 2 * columns - 1 }, (_, k) =>
    Math.min(2 * span - 1, Math.max(0, bucketOf(columns - 1 - k, distances) + span)),
  )
  const rows = [...new Set(all)]
  const places = all.map((row) => rows.indexOf(row))
  const table = (values: readonly number[]) => tf.tensor1d([...values], 'int32')
  return { rows: table(rows), ahead: table(places), back: table(places.toReversed()) }
}

/** [n, columns, 2·columns − 1] → [n, columns, columns]: entry (i, j) is what row i has at j − i + columns − 1. */
function shift(products: Tensor): Tensor {
  const [count, columns] = products.shape as [number, number]
  if (columns === 1) return products
  // Rows one entry shorter than they are begin one entry later each.
  const flat = products.reshape([count, -1]).slice([0, columns - 1], [count, columns * (2 * columns - 2)])
  return flat.reshape([count, columns, 2 * columns - 2]).slice([0, 0, 0], [count, columns, columns])
}

/** Names of the tensors behind the scores of one layer. */
interface Names {
  /** The embeddings of distances, and their LayerNorm where they have one. */
  table: string
  norm: string | null
  /** What projects them for contents that look at positions, and for positions that contents look at; null for none. */
  keys: string | null
  queries: string | null
}

/** [n, heads · size] → [heads, n, size]. */
const perHead = (x: Tensor, heads: number): Tensor => x.reshape([x.shape[0]!, heads, -1]).transpose([1, 0, 2])

/** Products of queries and keys [rows · columns, width] with positions: [rows, heads, columns, columns]. */
export function positionScores(
  [queries, keys]: readonly [Tensor, Tensor],
  weights: Weights,
  { rows, columns, tables }: Inputs,
  { names, heads, epsilon }: { names: Names; heads: number; epsilon: number },
): Tensor {
  const picked = tf.gather(weights[names.table]!, tables.rows as tf.Tensor1D)
  const distances = names.norm ? layerNorm(picked, weights, names.norm, epsilon) : picked
  const scores = (contents: Tensor, projection: string, places: Tensor) => {
    const positions = tf.gather(linear(distances, weights, projection), places as tf.Tensor1D)
    const products = tf.matMul(
      perHead(contents, heads) as tf.Tensor3D,
      perHead(positions, heads) as tf.Tensor3D,
      false,
      true,
    )
    return shift(products.reshape([heads * rows, columns, -1])).reshape([heads, rows, columns, columns])
  }
  const parts = [
    ...(names.keys ? [scores(queries, names.keys, tables.ahead!).transpose([1, 0, 2, 3])] : []),
    ...(names.queries ? [scores(keys, names.queries, tables.back!).transpose([1, 0, 3, 2])] : []),
  ]
  return parts.reduce((sum, part) => sum.add(part))
}
