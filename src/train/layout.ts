// All weights of a model as one flat float32 vector, tensor after tensor in the model's order.

import type { Model } from '../models/index.js'
import { countEntries, keyedNormal, keyOf, type Tensor } from '../tensor/index.js'

export interface Span {
  name: string
  shape: number[]
  begin: number
  end: number
}

export function layoutOf(model: Model): { spans: Span[]; length: number } {
  let length = 0
  const spans = Object.entries(model.shapes).map(([name, shape]) => {
    const begin = length
    length += countEntries(shape)
    return { name, shape, begin, end: length }
  })
  return { spans, length }
}

/**
 * Fresh weights: norms 1, biases 0, embedding N(0, .5²), matrices N(0, 1/width) with those that write into the residual
 * stream (o_proj, down_proj, output.dense) at half that deviation.
 */
export async function drawWeights(spans: readonly Span[], seed: number, width: number): Promise<Float32Array> {
  const weights = new Float32Array(spans.at(-1)!.end)
  for (const { name, shape, begin, end } of spans) {
    if (shape.length === 1) {
      weights.fill(name.endsWith('bias') ? 0 : 1, begin, end)
      continue
    }
    const deviation = name.includes('embed_tokens')
      ? 0.5
      : (/\b((o|down)_proj|output\.dense)/.test(name) ? 0.5 : 1) / Math.sqrt(width)
    const draws: Tensor = keyedNormal(shape, keyOf(seed, 'weights', name))
    const values = await draws.data()
    draws.dispose()
    for (let i = 0; i < values.length; i++) weights[begin + i] = deviation * values[i]!
  }
  return weights
}
