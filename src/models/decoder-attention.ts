// Attention of a page: its projections, norms of heads and rotation, and the tables that layers share.
import { type Tensor, tf } from '../tensor/index.js'
import type { Batch } from './batch.js'
import type { Cache } from './cache.js'
import type { Attention, LayerPart, Page } from './decoder-page.js'
import { dense } from './decoder-parts.js'
import { attend } from './layers.js'
import { causalMask } from './masks.js'
import type { Inputs, Weights } from './model.js'
import { halfExchange, type Rope, rotate, rotations } from './rope.js'
import type { Shapes } from './shapes.js'
import { pickWanted } from './vocabulary.js'

/** q, k and v of one input, each [tokens, its heads * headDim]. */
type Heads = [q: Tensor, k: Tensor, v: Tensor]

const maskName = (window: number) => (window === Infinity ? 'before' : `near${window}`)
const windowsOf = ({ layers }: Page): number[] => [...new Set(layers.map(({ attention: { window } }) => window))]
const ropesOf = ({ layers }: Page): Rope[] => [...new Set(layers.flatMap(({ attention: { rope } }) => rope ?? []))]

/** The tables of a batch: one mask for each window, and cosines and sines for each rotation, by its number. */
export function attentionTables(page: Page, batch: Batch, cache?: Cache): Record<string, Tensor> {
  const tables: Record<string, Tensor> = {}
  const bias = page.bias?.(batch, cache)
  for (const window of windowsOf(page)) {
    const mask = causalMask(batch, cache, window)
    tables[maskName(window)] = bias ? mask.add(bias) : mask
    if (bias) mask.dispose()
  }
  bias?.dispose()
  ropesOf(page).forEach((rope, i) => {
    const table = (heads: number): [Tensor, Tensor] => {
      const { cos, sin } = rotations(batch, rope, heads, cache)
      const shape: [number, number] = [cos.length / (heads * page.headDim), heads * page.headDim]
      return [tf.tensor2d(cos, shape), tf.tensor2d(sin, shape)]
    }
    const [cosQ, sinQ] = table(page.heads)
    const [cosK, sinK] = page.kvHeads === page.heads ? [cosQ, sinQ] : table(page.kvHeads)
    const half = tf.tensor2d(halfExchange(rope), [page.headDim, page.headDim])
    for (const [name, each] of Object.entries({ cosQ, sinQ, cosK, sinK, half })) tables[name + i] = each
  })
  return tables
}

/** Outputs of one matrix. */
function split(fused: Tensor, order: 'blocks' | 'groups', { heads, kvHeads, headDim }: Page): Heads {
  const tokens = fused.shape[0]!
  const group = heads / kvHeads
  const [parts, sizes] =
    order === 'blocks'
      ? [fused, [heads, kvHeads, kvHeads]]
      : [fused.reshape([tokens, kvHeads, (group + 2) * headDim]), [group, 1, 1]]
  const each = tf.split(
    parts,
    sizes.map((count) => count * headDim),
    -1,
  )
  return (order === 'blocks' ? each : each.map((part) => part.reshape([tokens, -1]))) as Heads
}

/** The tokens whose outputs are wanted, unless x is of these alone: nobody reads what the last layer makes of the others. */
export const answered = (x: Tensor, { wanted }: Inputs): Tensor =>
  x.shape[0] === wanted?.shape[0] ? x : pickWanted(x, wanted)

/** Queries, keys and values of x; the queries of the tokens that `reach` leaves. */
function projections(book: Shapes, at: string, attention: Attention, page: Page) {
  const { projections: names, bias, transposed } = attention
  const { width, heads, kvHeads, headDim } = page
  const to = (name: string, count: number) =>
    dense(book, at + name, { from: width, to: count * headDim, bias: bias.in, transposed })
  if ('fused' in names) {
    const all = to(names.fused, heads + 2 * kvHeads)
    return (x: Tensor, weights: Weights, reach: (x: Tensor) => Tensor): Heads => {
      const [q, k, v] = split(all(x, weights), names.order, page)
      return [reach(q), k, v]
    }
  }
  const each = [to(names.q, heads), to(names.k, kvHeads), to(names.v, kvHeads)]
  return (x: Tensor, weights: Weights, reach: (x: Tensor) => Tensor): Heads => {
    const [q, k, v] = each
    return [q!(reach(x), weights), k!(x, weights), v!(x, weights)]
  }
}

/** The norm of queries or keys, of which there are `count` heads. */
function headNorm(
  book: Shapes,
  name: string,
  { over, count, page }: { over: 'head' | 'all'; count: number; page: Page },
) {
  const norm = page.norm(book, name, over === 'head' ? page.headDim : count * page.headDim)
  if (over === 'all') return norm
  return (x: Tensor, weights: Weights) => norm(x.reshape([-1, page.headDim]), weights).reshape(x.shape)
}

/** The attention of layer `layer`. */
export function attentionPart(page: Page, layer: number): LayerPart {
  const { attention } = page.layers[layer]!
  const { headNorms, rope, scale, cap, out, bias, transposed } = attention
  const { width, heads, kvHeads, headDim } = page
  const number = rope && ropesOf(page).indexOf(rope)
  const how = {
    heads,
    kvHeads,
    headDim,
    layer,
    causal: true as const,
    ...(scale !== undefined && { scale }),
    ...(cap && { cap }),
  }
  return (book, at) => {
    const project = projections(book, at, attention, page)
    const close = dense(book, at + out, { from: heads * headDim, to: width, bias: bias.out, transposed })
    const normOf = (side: 'q' | 'k', count: number) =>
      headNorms && headNorm(book, at + headNorms[side], { over: headNorms.over, count, page })
    const [normQ, normK] = [normOf('q', heads), normOf('k', kvHeads)]
    return (x, weights, inputs: Inputs) => {
      const { tables } = inputs
      const isLast = layer === page.layers.length - 1
      // Of a generation the last token of each row is wanted, which goes alone: attention takes as many queries of each row.
      const alone = isLast && inputs.cache && inputs.wanted?.shape[0] === inputs.rows
      const reach = (x: Tensor) => (alone ? answered(x, inputs) : x)
      const turn = (side: 'Q' | 'K', heads: Tensor) => {
        if (number === null) return heads
        const [cos, sin] = [tables[`cos${side}${number}`]!, tables[`sin${side}${number}`]!]
        return rotate(heads, {
          cos: side === 'Q' ? reach(cos) : cos,
          sin: side === 'Q' ? reach(sin) : sin,
          half: tables[`half${number}`]!,
          turned: 2 * rope!.rates.length,
        })
      }
      const [q, k, v] = project(x, weights, reach)
      const queries = turn('Q', normQ ? normQ(q, weights) : q)
      const keys = turn('K', normK ? normK(k, weights) : k)
      const mixed = attend([queries, keys, v], tables[maskName(attention.window)]!, inputs, how)
      return close(isLast ? answered(mixed, inputs) : mixed, weights)
    }
  }
}
