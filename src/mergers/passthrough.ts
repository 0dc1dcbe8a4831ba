// Passthrough: the weights of one model as they are, or scaled; with slices, the way to stack layers of several models.
import { z } from 'zod'
import { defineMerger } from './define.js'
import { combineSum } from './sum.js'

const modelOptions = z.strictObject({ scale: z.number().default(1).describe('Factor of the weights.') })

export const passthrough = defineMerger({
  name: 'passthrough',
  title: 'Takes the weights of one model; slices stack layers of several.',
  cite: 'Goddard et al. 2024 (mergekit), arXiv 2403.13257',
  options: z.strictObject({}),
  modelOptions,
  conventions: ['paper', 'mergekit'],
  input: 'weights',
  count: [1, 1],
  merge({ models: [model] }, { modelOptions: [own] }) {
    const { scale } = own!
    return scale === 1 ? model!.clone() : model!.mul(scale)
  },
  program: ({ modelOptions: [own] }) => combineSum([own!.scale]),
})
