// mergekit's methods in our words: which merger, which editor goes before it, and what its parameters are called here.
import { z } from 'zod'
import { editorNamed, parseOptions, type Step } from '../editors/index.js'
import { findNamed } from '../errors/index.js'
import * as kit from '../mergekit/index.js'
import type { Convention } from '../mergers/index.js'
import type { OptionsSchema } from '../schema/index.js'

/** What mergekit asks of the models of a merge (0.1.5: InputContract of each method). */
export interface Contract {
  /** Whether a base must be among the models, may be, or is a model as all others. */
  base: 'required' | 'optional' | 'ignored'
  /** Fewest and most models, the base among them. */
  inputs?: readonly [number, number]
  /** Fewest and most models besides the base. */
  others?: readonly [number, number]
}

export interface Method {
  name: string
  merger: string
  /** Of a method of mergekit; absent for a merger by its own name. */
  contract?: Contract
  /** Parameters of each model and of the merge, as mergekit names them. */
  model: OptionsSchema
  options: OptionsSchema
  toModel?: (parsed: any, options: any) => object
  toOptions?: (parsed: any) => object
  /** mergekit's own operations; only the mergers that are no method of mergekit have none. */
  stored?: kit.MergekitMethod
  /** The editor that a model's delta goes through, with options; none for a density of 1. */
  toStep?: (model: any, options: any, convention: Convention) => Step | null
}

const weight = z.number().describe('Weight of the model.')
const density = z
  .number()
  .default(1)
  .describe('Fraction of the delta that is kept; 1 and more leave it as it is, 0 and less keep nothing.')
const gamma = z.number().min(0).default(0.01).describe('Fraction of the largest entries that is dropped.')
const epsilon = z.number().min(0).default(0.15).describe('Half the width of the window of keep probabilities.')
const within01 = (x: number): number => Math.min(1, Math.max(0, x))
const switched = (preset: boolean, text: string) => z.boolean().default(preset).describe(text)
const int8 = { int8_mask: z.boolean().optional().describe('Accepted and without effect: masks are not stored.') }

const sparsifiers = {
  none: { density: density.describe('Accepted and without effect.') },
  magnitude: { density },
  dare: { density },
  breadcrumbs: { density, gamma },
  magprune: { density, epsilon },
} as const

const stepOf = (editor: string, options: object): Step => ({
  editor: editorNamed(editor),
  options: parseOptions(editorNamed(editor), options),
})

interface TaskArithmetic {
  elect: boolean
  sparsifier: keyof typeof sparsifiers
  normalize: boolean
  rescale: boolean
}

/**
 * The family of task arithmetic: sparsify, perhaps elect signs, sum. mergekit rescales to the L1 norm; the trim of `ties`
 * without rescaling is the merger's own.
 */
function family(name: string, { elect, sparsifier, normalize, rescale }: TaskArithmetic): Method {
  const model: OptionsSchema & z.ZodObject = z.strictObject({ weight, ...sparsifiers[sparsifier] })
  const window = ({ density: d, epsilon: e }: any) => d >= 1 || d <= 0 || (d - e > 0 && d + e < 1)
  return {
    name,
    stored: kit.mergekitTaskArithmetic({ elect, sparsifier }),
    merger: elect ? 'ties' : 'task_arithmetic',
    contract: { base: 'required' },
    model:
      sparsifier === 'magprune'
        ? model.refine(window, {
            error: ({ input }) =>
              `and density must keep density - epsilon and density + epsilon inside (0, 1), and density is ${(input as any).density}`,
            path: ['epsilon'],
          })
        : model,
    options: z.strictObject({
      normalize: switched(normalize, 'Divide by the sum of the weights.'),
      rescale: switched(rescale, 'Restore what the dropped entries took away.'),
      lambda: z.number().default(1).describe('Factor of the merged delta.'),
      ...int8,
    }),
    toModel: ({ weight: w, density: d }, { rescale: scaled }) =>
      elect ? { weight: w, density: sparsifier === 'magnitude' && !scaled ? within01(d) : 1 } : { weight: w },
    toOptions: ({ normalize: n, lambda }) => ({ lambda, normalize: n }),
    toStep({ density, gamma: g, epsilon: e }, { rescale: scaled }, convention) {
      const d = within01(density)
      if (d === 1 || sparsifier === 'none') return null
      if (sparsifier === 'magnitude')
        return scaled ? stepOf('magnitude', { drop_rate: 1 - d, rescale: true, convention: 'mergekit' }) : null
      if (sparsifier === 'dare')
        return stepOf('dare', {
          drop_rate: 1 - d,
          rescale: scaled,
          convention: convention.startsWith('mergekit') ? 'mergekit' : convention,
        })
      if (sparsifier === 'breadcrumbs')
        return stepOf('breadcrumbs', {
          drop_rate: 1 - d,
          gamma: within01(g),
          rescale: scaled,
          convention: convention === 'peft' ? 'paper' : convention,
        })
      if (d === 0) return stepOf('dare', { drop_rate: 1, rescale: false })
      return stepOf('magprune', {
        drop_rate: 1 - d,
        epsilon: 2 * e,
        rescale: scaled,
        convention: convention.startsWith('mergekit') ? 'mergekit' : 'paper',
      })
    },
  }
}

const nothing = z.strictObject({})
const moved = z.number().default(1e-5).describe('Changes up to this size count as none.')
const weightOnly = z.strictObject({ weight })

export const methods: readonly Method[] = [
  {
    name: 'linear',
    stored: kit.mergekitLinear,
    merger: 'average',
    contract: { base: 'ignored' },
    model: weightOnly,
    options: z.strictObject({ normalize: switched(true, 'Divide by the sum of the weights.') }),
  },
  family('task_arithmetic', { elect: false, sparsifier: 'none', normalize: false, rescale: false }),
  family('ties', { elect: true, sparsifier: 'magnitude', normalize: true, rescale: false }),
  family('dare_linear', { elect: false, sparsifier: 'dare', normalize: false, rescale: true }),
  family('dare_ties', { elect: true, sparsifier: 'dare', normalize: false, rescale: true }),
  family('breadcrumbs', { elect: false, sparsifier: 'breadcrumbs', normalize: false, rescale: false }),
  family('breadcrumbs_ties', { elect: true, sparsifier: 'breadcrumbs', normalize: false, rescale: false }),
  family('della', { elect: true, sparsifier: 'magprune', normalize: true, rescale: true }),
  family('della_linear', { elect: false, sparsifier: 'magprune', normalize: false, rescale: true }),
  {
    name: 'slerp',
    stored: kit.mergekitSlerp,
    merger: 'slerp',
    contract: { base: 'required', inputs: [2, 2] },
    model: nothing,
    options: z.strictObject({ t: z.number().describe('Place on the arc: 0 is the base model, 1 the other one.') }),
  },
  {
    name: 'nuslerp',
    stored: kit.mergekitNuslerp,
    merger: 'nuslerp',
    contract: { base: 'optional', others: [2, 2] },
    model: weightOnly,
    options: z.strictObject({
      nuslerp_flatten: switched(true, 'Each tensor is one vector.'),
      nuslerp_row_wise: switched(false, 'Along the first axis.'),
      ...int8,
    }),
    toOptions: ({ nuslerp_flatten: flatten, nuslerp_row_wise: row_wise }) => ({ flatten, row_wise }),
  },
  {
    name: 'model_stock',
    stored: kit.mergekitModelStock,
    merger: 'model_stock',
    contract: { base: 'required', inputs: [3, Infinity] },
    model: nothing,
    options: z.strictObject({ filter_wise: switched(false, 'One ratio per row.') }),
  },
  {
    name: 'sce',
    stored: kit.mergekitSce,
    merger: 'sce',
    contract: { base: 'required' },
    model: nothing,
    options: z.strictObject({
      select_topk: z.number().default(1).describe('Fraction of the entries that is kept.'),
      ...int8,
    }),
    toOptions: ({ select_topk }) => ({ select_topk }),
  },
  {
    name: 'nearswap',
    stored: kit.mergekitNearswap,
    merger: 'nearswap',
    contract: { base: 'required', inputs: [2, 2] },
    model: nothing,
    options: z.strictObject({ t: z.number().describe('Largest change of an entry.') }),
  },
  {
    name: 'passthrough',
    stored: kit.mergekitPassthrough,
    merger: 'passthrough',
    contract: { base: 'ignored', inputs: [1, 1] },
    model: z.strictObject({ scale: z.number().optional().describe('Factor of the weights.') }),
    options: nothing,
    toModel: ({ scale = 1 }) => ({ scale }),
  },
  {
    name: 'karcher',
    stored: kit.mergekitKarcher,
    merger: 'karcher',
    contract: { base: 'ignored' },
    model: nothing,
    options: z.strictObject({
      max_iter: z.int().default(10).describe('Most steps in the tangent space.'),
      tol: z.number().default(1e-5).describe('Length below which a vector or a step counts as none.'),
    }),
  },
  {
    name: 'multislerp',
    stored: kit.mergekitMultislerp,
    merger: 'multislerp',
    contract: { base: 'optional', others: [1, Infinity] },
    model: weightOnly,
    options: z.strictObject({
      normalize_weights: switched(true, 'Divide the weights by their sum.'),
      eps: z.number().default(1e-8).describe('Is added to norms, and the length below which the mean is none.'),
    }),
  },
  {
    name: 'arcee_fusion',
    stored: kit.mergekitArceeFusion,
    merger: 'arcee_fusion',
    contract: { base: 'required', inputs: [2, 2] },
    model: nothing,
    options: nothing,
  },
  {
    name: 'ram',
    stored: kit.mergekitRam,
    merger: 'ram',
    contract: { base: 'required' },
    model: nothing,
    options: z.strictObject({ epsilon: moved }),
  },
  {
    name: 'ramplus_tl',
    stored: kit.mergekitRamplus,
    merger: 'ramplus_tl',
    contract: { base: 'required' },
    model: nothing,
    options: z.strictObject({
      r: z.number().default(0.1).describe('How much the share of common changes adds to those of one model.'),
      alpha: z.number().default(0.2).describe('The most that this share counts.'),
      epsilon: moved,
    }),
  },
]

/** @throws UserError with the nearest name */
export const methodNamed = (name: string): Method => findNamed('merge_method', name, methods)
