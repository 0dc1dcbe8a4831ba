// All weights of a model as one flat float32 vector, tensor after tensor in the model's order.

import type { Model } from '../models/index.js'
import { countEntries, keyOf, normals } from '../tensor/index.js'

export interface Span {
  name: string
  shape: number[]
  begin: number
  end: number
}

/** Tensors one after the other. */
export function spansOf(shapes: readonly (readonly [name: string, shape: number[]])[]): Span[] {
  let length = 0
  return shapes.map(([name, shape]) => {
    const begin = length
    length += countEntries(shape)
    return { name, shape, begin, end: length }
  })
}

export function layoutOf(model: Model): { spans: Span[]; length: number } {
  const spans = spansOf(Object.entries(model.shapes))
  return { spans, length: spans.at(-1)!.end }
}

/** Entries `first` … `first + size - 1` of a flattened tensor. */
export interface Part {
  name: string
  shape: number[]
  first: number
  size: number
}

/** What fresh weights are drawn by: a seed, and the width of a model and those of its norms' weights to which 1 is added. */
export interface Draw extends Pick<Model, 'width' | 'shifted'> {
  seed: number
}

/**
 * Fresh weights: norms 1 (0 where 1 is added to them), biases 0, embedding N(0, .5²), matrices N(0, 1/width) with those that write into the residual
 * stream (o_proj, down_proj, output.dense; o and wo of T5) at half that deviation. Parts of a tensor have the bits of the whole.
 */
export function drawPart({ name, shape, first, size }: Part, { seed, width, shifted }: Draw): Float32Array {
  if (shape.length === 1) return new Float32Array(size).fill(name.endsWith('bias') || shifted?.includes(name) ? 0 : 1)
  const deviation = /embed_tokens|^shared\./.test(name)
    ? 0.5
    : (/\b((o|down)_proj|output\.dense|w?o\.weight)/.test(name) ? 0.5 : 1) / Math.sqrt(width)
  const values = normals(size, keyOf(seed, 'weights', name), first)
  for (let i = 0; i < size; i++) values[i]! *= deviation
  return values
}

/** Fresh weights of all tensors. */
export function drawWeights(spans: readonly Span[], draw: Draw): Float32Array {
  const weights = new Float32Array(spans.at(-1)!.end)
  for (const { name, shape, begin, end } of spans)
    weights.set(drawPart({ name, shape, first: 0, size: end - begin }, draw), begin)
  return weights
}
