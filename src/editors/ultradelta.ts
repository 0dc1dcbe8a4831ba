// UltraDelta: quantises, then drops at random among the entries of each level, so that the histogram keeps its shape. Tensors of small
// deviation lose more entries than those of large deviation.
import { z } from 'zod'
import { gridOf, snap } from '../kernels/index.js'
import { countEntries, shareOf, tf, uniforms } from '../tensor/index.js'
import { denseBits } from './bits.js'
import { defineEditor } from './define.js'
import type { ModelDeltas } from './editor.js'

const options = z
  .strictObject({
    drop_rate: z
      .number()
      .min(0)
      .max(1)
      .refine((s) => s < 1, 'must be below 1')
      .describe('Mean share s of the entries that is dropped.'),
    step: z
      .number()
      .min(0)
      .max(1)
      .default(0.01)
      .describe(
        'The third of the parameters in tensors of least deviation drops s + step, the next s, the last what makes the mean s.',
      ),
    bits: z
      .int()
      .min(1)
      .max(16)
      .default(4)
      .describe('Bits of the even levels between the least and the largest entry of a tensor.'),
    factor: z
      .number()
      .default(1)
      .describe(
        'Kept entries are multiplied by factor/(1 - s); the ratio of trace norms between tasks, which one delta does not know, goes here.',
      ),
  })
  .refine((o) => o.step === 0 || (o.drop_rate >= o.step && o.drop_rate + o.step < 1), {
    message: 'must be at most drop_rate, and below 1 - drop_rate',
    path: ['step'],
  })

type Options = z.infer<typeof options>

/** Drop rate of each tensor. Tensors are sorted by deviation and cut into thirds by parameters; a tensor belongs to the third that holds its middle. */
async function scanModel(deltas: ModelDeltas, { drop_rate, step }: Options): Promise<Map<string, number>> {
  const tensors: { name: string; size: number; deviation: number; group: number }[] = []
  for await (const [name, values] of deltas()) {
    let [sum, squares] = [0, 0]
    for (let i = 0; i < values.length; i++) {
      sum += values[i]!
      squares += values[i]! * values[i]!
    }
    const mean = sum / values.length
    tensors.push({
      name,
      size: values.length,
      deviation: Math.sqrt(Math.max(0, squares / values.length - mean * mean)),
      group: 0,
    })
  }
  tensors.sort((a, b) => a.deviation - b.deviation)
  const total = tensors.reduce((sum, { size }) => sum + size, 0)
  const sizes = [0, 0, 0]
  let before = 0
  for (const tensor of tensors) {
    tensor.group = Math.min(2, Math.floor((3 * (before + tensor.size / 2)) / total))
    sizes[tensor.group]! += tensor.size
    before += tensor.size
  }
  const rates = [
    drop_rate + step,
    drop_rate,
    sizes[2] ? Math.max(0, drop_rate - (step * sizes[0]!) / sizes[2]) : drop_rate,
  ]
  return new Map(tensors.map(({ name, group }) => [name, rates[group]!]))
}

export const ultradelta = defineEditor({
  name: 'ultradelta',
  title: 'Quantises and drops at random inside every quantised value.',
  cite: 'Wang et al. 2025 (UltraDelta), arXiv 2505.13563; without its trace-norm ratio between tasks',
  options,
  axis: 'drop_rate',
  stochastic: ({ drop_rate }) => drop_rate > 0,
  reads: 'model',
  perMatrix: true,
  needsModel: ({ step }) => step > 0,
  scanModel,
  /** The edited values. Of the n entries of a level, the trunc(s n) with the smallest draws are dropped. */
  scanTensor(values, { drop_rate, bits, factor }, { tensor, key, model: rates }) {
    const rate = rates?.get(tensor) ?? drop_rate
    const grid = gridOf(values, bits)
    const out = values.map((value) => snap(value, grid))
    const levels = new Map<number, number[]>()
    out.forEach((level, i) => {
      const members = levels.get(level)
      if (members) members.push(i)
      else if (level !== 0) levels.set(level, [i])
    })
    const draws = uniforms(values.length, key)
    for (const [level, members] of levels) {
      members.sort((a, b) => draws[a]! - draws[b]!)
      const dropped = shareOf(members.length, rate)
      members.forEach((i, place) => (out[i] = place < dropped ? 0 : (level * factor) / (1 - rate)))
    }
    return out
  },
  edit: (delta, { scanned, offset }) => tf.tensor(scanned.subarray(offset, offset + delta.size), delta.shape),
  /** A bitmask of n, bits for every kept entry, 16 for the scale and bits for the zero point; never more than dense. */
  bits: ({ bits }, { shape, kept }) => Math.min(denseBits(shape), countEntries(shape) + bits * kept + 16 + bits),
})
