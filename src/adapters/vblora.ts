// VB-LoRA: A and B are made of the vectors of one bank.
import { z } from 'zod'
import { productRows } from './matrix.js'
import { type AdapterModule, adapterKind, need } from './module.js'

/** VB-LoRA (arXiv 2405.15179): pieces of A and B are mixtures of the `topk` vectors of a bank with the largest logits. */
export const vblora = adapterKind({
  type: 'VBLORA',
  parts: ['A', 'B'].flatMap((side) =>
    ['', '_topk_indices', '_topk_weights'].map((end) => `vblora_logits_${side}${end}`),
  ),
  shared: ['vblora_vector_bank'],
  gives: 'delta',
  config: z.looseObject({ topk: z.number().int().min(1).default(2) }),
  open(module) {
    const bank = need(module, 'vblora_vector_bank', -1, -1)
    const [count, length] = bank.shape as [number, number]
    /** [first, second, length]: the mixture at each place. */
    const mixtures = (side: 'A' | 'B'): { values: Float64Array; first: number; second: number } => {
      const name = `vblora_logits_${side}`
      const chosen = chooseVectors(module, name, count)
      const values = new Float64Array(chosen.first * chosen.second * length)
      for (const { place, vector, weight } of chosen.all) {
        if (!(vector >= 0 && vector < count)) module.fail(`${name} names the vector ${vector} of ${count}`)
        for (let i = 0; i < length; i++) values[place * length + i]! += weight * bank.values[vector * length + i]!
      }
      return { values, first: chosen.first, second: chosen.second }
    }
    const [a, b] = [mixtures('A'), mixtures('B')]
    const rank = a.first
    if (a.second * length !== module.inputs || b.first * length !== module.outputs || b.second !== rank)
      module.fail('its logits do not fit the weight')
    const down = { shape: [rank, module.inputs], values: Float32Array.from(a.values) }
    // B[p, k, i] is row p · length + i of column k.
    const up = { shape: [module.outputs, rank], values: new Float32Array(module.outputs * rank) }
    for (let row = 0; row < module.outputs; row++)
      for (let k = 0; k < rank; k++)
        up.values[row * rank + k] = b.values[(Math.floor(row / length) * rank + k) * length + (row % length)]!
    return { rows: (from, to) => productRows(up, down, { from, to }) }
  },
})

/** A vector of the bank at a place, and its weight. */
interface Chosen {
  place: number
  vector: number
  weight: number
}

function chooseVectors(
  module: AdapterModule<{ topk: number }>,
  name: string,
  count: number,
): { all: Chosen[]; first: number; second: number } {
  const { topk } = module.config
  const logits = module.parts.get(name)
  const all: Chosen[] = []
  if (!logits) {
    const indices = need(module, `${name}_topk_indices`, -1, -1, topk)
    const weights = need(module, `${name}_topk_weights`, -1, -1, topk - 1)
    for (let at = 0; at < indices.values.length; at++) {
      const [place, k] = [Math.floor(at / topk), at % topk]
      const own = weights.values.subarray(place * (topk - 1), (place + 1) * (topk - 1))
      const weight = k < topk - 1 ? own[k]! : 1 - own.reduce((sum, value) => sum + value, 0)
      all.push({ place, vector: indices.values[at]!, weight })
    }
    return { all, first: indices.shape[0]!, second: indices.shape[1]! }
  }
  const [first, second] = need(module, name, -1, -1, count).shape as [number, number]
  for (let place = 0; place < first * second; place++) {
    const own = logits.values.subarray(place * count, (place + 1) * count)
    const order = Array.from(own.keys()).sort((x, y) => own[y]! - own[x]! || x - y)
    const top = order.slice(0, topk)
    const powers = top.map((vector) => Math.exp(own[vector]! - own[top[0]!]!))
    const sum = powers.reduce((total, power) => total + power, 0)
    top.forEach((vector, k) => all.push({ place, vector, weight: powers[k]! / sum }))
  }
  return { all, first, second }
}
