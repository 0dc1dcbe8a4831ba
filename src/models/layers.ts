// The layers that the architectures share, as pure functions of tensors and of weights by name.
import { attendSeen, fuse, putRows, rsqrt, softmax, type Tensor, tf } from '../tensor/index.js'
import { tanh } from './activations.js'
import type { Cache, LayerCache } from './cache.js'
import type { Inputs, Weights } from './model.js'
import { attendInBlocks, KEPT, QUERIES } from './query-blocks.js'
import { show } from './watch.js'

/**
 * a + b of one shape, or with a row b [width] on every row of a. The derivative needs neither, and the stock sum keeps both for it:
 * of a layer these are a third of all that is kept.
 */
export function plus(a: Tensor, b: Tensor): Tensor {
  if (!tf.engine().isTapeOn()) return a.add(b)
  const axes = Array.from({ length: a.rank - b.rank }, (_, i) => i)
  return tf.customGrad((a, b) => ({
    value: (a as Tensor).add(b as Tensor),
    gradFunc: (dy: Tensor) => [dy.clone(), axes.length ? dy.sum(axes) : dy.clone()],
  }))(a, b)
}

/** x·Wᵀ (+ b) with W stored [out, in]. */
export function linear(x: Tensor, weights: Weights, name: string): Tensor {
  show(weights, `${name}.weight`, x)
  const product = tf.matMul(x as tf.Tensor2D, weights[`${name}.weight`] as tf.Tensor2D, false, true)
  const bias = weights[`${name}.bias`]
  return bias ? plus(product, bias) : product
}

const divideByRms = fuse('rmsNorm', ([x, weight], { epsilon }) =>
  x!.mul(rsqrt(x!.square().mean(-1, true).add(epsilon))).mul(weight!),
)

/** x / sqrt(mean(x²) + ε) · w over the last axis. */
export const rmsNorm = (x: Tensor, weight: Tensor, epsilon: number): Tensor => divideByRms([x, weight], { epsilon })

const centreAndScale = fuse('standardize', ([x], { epsilon }) => {
  const centred = x!.sub(x!.mean(-1, true))
  return centred.mul(rsqrt(centred.square().mean(-1, true).add(epsilon)))
})

/** (x − mean) / sqrt(variance + ε) over the last axis, biased variance. */
export const standardize = (x: Tensor, epsilon: number): Tensor => centreAndScale([x], { epsilon })

/** (x − mean) / sqrt(variance + ε) · w (+ b) over the last axis. */
export function layerNorm(x: Tensor, weights: Weights, name: string, epsilon: number): Tensor {
  const scaled = standardize(x, epsilon).mul(weights[`${name}.weight`]!)
  const bias = weights[`${name}.bias`]
  return bias ? plus(scaled, bias) : scaled
}

export interface HeadSizes {
  heads: number
  /** Fewer than `heads` where a group of queries shares one key head. */
  kvHeads: number
  headDim: number
  /** Factor of the products; 1 / sqrt(headDim) unless given. */
  scale?: number
  /** Scores s become cap·tanh(s / cap). */
  cap?: number
  /** The mask hides all keys behind a query. */
  causal?: true | undefined
}

/** [rows * columns, heads * headDim] → [rows, heads, columns, headDim]. */
export function splitHeads(x: Tensor, rows: number, heads: number): Tensor {
  // Of one token a row, nothing changes its place.
  if (x.shape[0] === rows) return x.reshape([rows, heads, 1, -1])
  return x.reshape([rows, x.shape[0]! / rows, heads, -1]).transpose([0, 2, 1, 3])
}

/** cap·tanh(x / cap): x where it is small, and at most cap in size (Gemma 2). */
export const softCap = (x: Tensor, cap: number): Tensor => tanh(x.div(cap)).mul(cap)

/** Each [tokens, its heads * headDim]. */
type Heads = readonly [q: Tensor, k: Tensor, v: Tensor]

type AttendInputs = Pick<Inputs, 'rows' | 'cache' | 'places' | 'packed'> & Partial<Pick<Inputs, 'tables'>>

/**
 * softmax(scale·q·kᵀ + mask)·v, as q. With a cache the keys and values of this layer are put behind those seen before, and the mask
 * hides the places that are empty; of fewer queries than keys there is one a row, its last.
 */
export function attend(
  [q, k, v]: Heads,
  mask: Tensor | null,
  { rows, cache, places, packed, tables = {} }: AttendInputs,
  { layer, ...sizes }: HeadSizes & { layer: number },
): Tensor {
  const isPacked = packed && q.shape[0] === k.shape[0]
  const apart = (x: Tensor) => (isPacked ? spread(x, packed) : x)
  const queries = apart(q)
  const columns = (packed?.tokens ?? k).shape[0]! / rows
  let mixed: Tensor
  if (cache) {
    const seen = putSeen([k, v], places!, cache, { layer, ...sizes })
    const isAlone = queries.shape[0] === rows
    if (isAlone || cache.length > 0)
      mixed = attendCached(queries, seen, mask, { cache, length: cache.length + columns, ...sizes })
    else mixed = attendTokens([queries, apart(k), apart(v)], mask, { rows, isTable: true, ...sizes })
  } else {
    const isTable = mask === null || Object.values(tables).includes(mask)
    mixed = attendTokens([queries, apart(k), apart(v)], mask, { rows, isTable, ...sizes })
  }
  return isPacked ? tf.gather(mixed, packed.places as tf.Tensor1D) : mixed
}

/** The tokens of a packed batch [tokens, width] at their places, [rows * columns, width]. What stands where padding is has no part in any output. */
const spread = (x: Tensor, { tokens, places }: NonNullable<Inputs['packed']>): Tensor =>
  tf.customGrad((x) => ({
    value: tf.gather(x as Tensor, tokens as tf.Tensor1D),
    gradFunc: (dy: Tensor) => tf.gather(dy, places as tf.Tensor1D),
  }))(x)

/** Puts the keys and values of a layer where `places` says, and gives all that the cache has of it. */
function putSeen(
  [k, v]: readonly [Tensor, Tensor],
  places: Tensor,
  cache: Cache,
  { layer, kvHeads, headDim }: HeadSizes & { layer: number },
): LayerCache {
  const put = (into: Tensor | undefined, heads: Tensor): Tensor => {
    const own = into ?? tf.fill([cache.rows * kvHeads * cache.capacity, headDim], 0)
    const made = tf.keep(putRows(own, places, heads.reshape([-1, headDim])))
    own.dispose()
    return made
  }
  const past = cache.layers[layer]
  const seen = { keys: put(past?.keys, k), values: put(past?.values, v) }
  cache.layers[layer] = seen
  return seen
}

/** Of the last tokens of each row, over the first `length` that the cache has of it. */
function attendCached(
  q: Tensor,
  seen: LayerCache,
  mask: Tensor | null,
  {
    cache,
    length,
    heads,
    kvHeads,
    headDim,
    scale = headDim ** -0.5,
    cap,
  }: HeadSizes & { cache: Cache; length: number },
): Tensor {
  const { rows, capacity } = cache
  const queries = q.shape[0]! / rows
  const near =
    mask && mask.shape[2]! > queries ? mask.slice([0, 0, mask.shape[2]! - queries, 0], [-1, -1, queries, -1]) : mask
  const sizes = { rows, heads, kvHeads, capacity, length, scale }
  const made = queries === 1 && !cap && attendSeen([q, seen.keys, seen.values], near, sizes)
  if (made) return made
  const [keys, values] = [seen.keys, seen.values].map((all) => all.reshape([rows, kvHeads, capacity, headDim]))
  return mixHeads([splitHeads(q, rows, heads), keys!, values!], near, { scale, cap })
}

type TokenSizes = HeadSizes & { rows: number; isTable: boolean }

/** Of tokens over those of their row. A mask that is no table may be made of weights, and then has a derivative. */
function attendTokens(tokens: Heads, mask: Tensor | null, sizes: TokenSizes): Tensor {
  const { rows, isTable, heads, kvHeads, headDim, scale = headDim ** -0.5, cap, causal } = sizes
  const length = tokens[1].shape[0]! / rows
  // Behind those of a row a cache has room for more.
  const near = mask && mask.shape[3]! > length ? mask.slice([0, 0, 0, 0], [-1, -1, -1, length]) : mask
  if (causal && isTable && near && length > (rows === 1 ? QUERIES : KEPT))
    return attendInBlocks(tokens, near, rows, (own, seen) =>
      attendTokens(own, seen, { ...sizes, rows: 1, causal: undefined }),
    )
  if (isTable && !cap) return attendAtOnce([...tokens], { rows, heads, kvHeads, scale, mask: near })
  const [queries, keys, values] = tokens.map((x, i) => splitHeads(x, rows, i ? kvHeads : heads)) as [
    Tensor,
    Tensor,
    Tensor,
  ]
  return mixHeads([queries, keys, values], near, { scale, cap })
}

const attendAtOnce = fuse('attend', ([q, k, v], { rows, heads, kvHeads, scale, mask }) =>
  mixHeads([splitHeads(q!, rows, heads), splitHeads(k!, rows, kvHeads), splitHeads(v!, rows, kvHeads)], mask, {
    scale,
  }),
)

/** The same of heads: queries [rows, heads, columns, headDim], keys and values [rows, kvHeads, length, headDim]. */
export function mixHeads(
  [queries, keys, values]: readonly [Tensor, Tensor, Tensor],
  mask: Tensor | null,
  { scale, cap }: { scale: number; cap?: number | undefined },
): Tensor {
  const [rows, heads, columns, headDim] = queries.shape as [number, number, number, number]
  const [, kvHeads, length] = keys.shape as [number, number, number, number]
  // Query head h reads key head floor(h / group): folding the group into rows needs no copy of keys.
  const folded = queries.reshape([rows * kvHeads, (heads / kvHeads) * columns, headDim]) as tf.Tensor3D
  const products = tf.matMul(folded, keys.reshape([rows * kvHeads, length, headDim]) as tf.Tensor3D, false, true)
  const scaled = products.mul(scale).reshape([rows, heads, columns, length])
  const scores = cap ? softCap(scaled, cap) : scaled
  const weight = softmax(mask ? scores.add(mask) : scores)
  const mixed = tf.matMul(
    weight.reshape([rows * kvHeads, (heads / kvHeads) * columns, length]) as tf.Tensor3D,
    values.reshape([rows * kvHeads, length, headDim]) as tf.Tensor3D,
  )
  const apart = mixed.reshape([rows, heads, columns, headDim])
  return (columns > 1 ? apart.transpose([0, 2, 1, 3]) : apart).reshape([rows * columns, heads * headDim])
}
