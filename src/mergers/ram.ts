// RAM: entries that one model moved are added whole, those of several averaged; RAM+ makes those of one model larger, the more of what
// the model moved others moved too.
import { z } from 'zod'
import type { Tensor } from '../tensor/index.js'
import { defineMerger } from './define.js'

const epsilon = z.number().min(0).default(1e-5).describe('Changes up to this size count as none.')
const cite = 'arXiv 2601.13572 (RAM, reinforced agent merging)'

/** 1 where a model moved an entry. */
const movedBy = (delta: Tensor, least: number): Tensor => delta.abs().sub(least).step()

/** @param factors of the entries that one model moved alone, for each model */
function addMoves(models: readonly Tensor[], least: number, factors: readonly number[]): Tensor {
  const moved = models.map((delta) => movedBy(delta, least))
  const count = moved.reduce((all, one) => all.add(one))
  const shared = count.sub(1).step()
  const divisor = count.clipByValue(1, Infinity)
  return models
    .map((delta, i) => {
      const factor = factors[i]!
      const share =
        factor === 1 ? divisor.reciprocal() : divisor.reciprocal().mul(shared).add(shared.neg().add(1).mul(factor))
      return delta.mul(moved[i]!).mul(share)
    })
    .reduce((all, one) => all.add(one))
}

export const ram = defineMerger({
  name: 'ram',
  title: 'Adds the entries that one model moved, and averages those that several moved.',
  cite,
  options: z.strictObject({ epsilon }),
  conventions: ['paper', 'mergekit'],
  merge: ({ models }, { options }) =>
    addMoves(
      models,
      options.epsilon,
      models.map(() => 1),
    ),
})

export const ramplusTl = defineMerger({
  name: 'ramplus_tl',
  title: 'RAM, with larger changes of one model where it shares more of its changes with others; by tensor.',
  cite: `${cite}, RAM+ by tensor as in mergekit`,
  options: z.strictObject({
    r: z.number().default(0.1).describe('How much the share of common changes adds to those of one model.'),
    alpha: z.number().default(0.2).describe('The most that this share counts.'),
    epsilon,
  }),
  reads: 'tensor',
  conventions: ['paper', 'mergekit'],
  /** The factor of each model. */
  scanTensor(models, { options: { r, alpha, epsilon: least } }) {
    const counts = new Uint16Array(models[0]!.length)
    const moved = (delta: Float32Array, i: number): boolean => Math.abs(delta[i]!) > Math.fround(least)
    for (const delta of models) for (let i = 0; i < counts.length; i++) if (moved(delta, i)) counts[i]!++
    return models.map((delta) => {
      let [shared, own] = [0, 0]
      for (let i = 0; i < counts.length; i++)
        if (moved(delta, i)) {
          if (counts[i]! > 1) shared++
          else own++
        }
      return 1 + r * (own ? Math.min(shared / Math.max(own, least), alpha) : 0)
    })
  },
  merge: ({ models }, { options, scanned }) => addMoves(models, options.epsilon, scanned),
})
