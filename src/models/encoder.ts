// The layer of BERT, ViT, CLIP and their kin, which differ in its names and in where its norms stand.
import type { Tensor } from '../tensor/index.js'
import { headDimOf } from './config.js'
import { attend, layerNorm, linear, plus } from './layers.js'
import type { Block, Inputs, Weights } from './model.js'
import type { Shapes } from './shapes.js'

/** Names below the layer's prefix; `norms` stand before attention and MLP, or after each of them and its sum. */
export interface LayerNames {
  attention: { query: string; key: string; value: string; out: string }
  mlp: { open: string; close: string }
  norms: [string, string]
  order: 'pre' | 'post'
}

export interface LayerSettings {
  names: LayerNames
  width: number
  inner: number
  heads: number
  epsilon: number
  activation: (x: Tensor) => Tensor
  /** Biases of query, key and value. */
  bias: boolean
  /** The attention mask among the model's tables; none for images. */
  mask: (inputs: Inputs) => Tensor | null
  /** Module of a layer, below its name, that adds a linear layer of its input between attention and MLP; only where norms stand after sums. */
  between?: (index: number) => string | undefined
  /** Factor of the attention scores; 1 / sqrt(size of a head) unless given. */
  scale?: number
  /** Declares what the layer of this prefix needs for scores beside the products of queries and keys. */
  relative?: (at: string) => Relative
}

/** Attention scores of positions. */
export interface Relative {
  /** Weights that all layers share. */
  shared: string[]
  /** Of queries and keys [rows * columns, width]: [rows, heads, columns, columns], under the factor of the others. */
  scores(heads: readonly [Tensor, Tensor], weights: Weights, inputs: Inputs): Tensor
  /** So many values of a token, in texts of so many columns. */
  size(columns: number): number
}

/** Declares the tensors of layer `index` under `prefix` and gives its block. */
export function encoderLayer(book: Shapes, prefix: string, index: number, settings: LayerSettings): Block {
  const { names, width, inner, heads, epsilon, activation, bias, mask, between } = settings
  const at = `${prefix}${index}.`
  const [query, key, value, out] = (['query', 'key', 'value', 'out'] as const).map((part) => at + names.attention[part])
  const [first, second] = names.norms.map((norm) => at + norm)
  const [open, close] = [at + names.mlp.open, at + names.mlp.close]
  const { scale = headDimOf(width, heads) ** -0.5 } = settings
  const sizes = { heads, kvHeads: heads, headDim: headDimOf(width, heads), scale, layer: index }
  for (const name of [query, key, value]) book.matrix(name!, [width, width], bias)
  book.matrix(out!, [width, width])
  book.affine(first!, [width], true)
  book.matrix(open, [inner, width])
  book.matrix(close, [width, inner])
  book.affine(second!, [width], true)
  const added = between?.(index)
  if (added !== undefined) book.affine(at + added, [width, width], true)
  const relative = settings.relative?.(at)
  return {
    name: `layer ${index}`,
    weights: [...book.under(at), ...(relative?.shared ?? [])],
    ...(relative && { scores: (columns: number) => heads * columns + relative.size(columns) }),
    apply(weights, hidden, inputs) {
      const mix = (x: Tensor) => {
        const [q, k, v] = [linear(x, weights, query!), linear(x, weights, key!), linear(x, weights, value!)]
        const seen = mask(inputs)
        const positions = relative?.scores([q, k], weights, inputs).mul(scale)
        const bias = positions && seen ? positions.add(seen) : (positions ?? seen)
        return linear(attend([q, k, v], bias, inputs, sizes), weights, out!)
      }
      const think = (x: Tensor) => linear(activation(linear(x, weights, open)), weights, close)
      const norm = (x: Tensor, name: string) => layerNorm(x, weights, name, epsilon)
      if (names.order === 'post') {
        const mixed = norm(plus(hidden!, mix(hidden!)), first!)
        const middle = added === undefined ? mixed : plus(mixed, linear(mixed, weights, at + added))
        return norm(plus(middle, think(middle)), second!)
      }
      const middle = plus(hidden!, mix(norm(hidden!, first!)))
      return plus(middle, think(norm(middle, second!)))
    },
  }
}
