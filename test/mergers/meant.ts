// What a reference case of test/fixtures/methods means in our words: editors per model, merger, options, convention.
import type { Step } from '../../src/editors/index.js'
import { type Merging, mergerNamed, parseMerging } from '../../src/mergers/index.js'
import { stepOf } from '../editors/step.js'

export interface Case {
  id: string
  kind: string
  method: string
  models: string[]
  output: 'delta' | 'weights' | 'delta per model' | 'json' | 'checkpoint'
  expected: string
  given?: string[]
  oracle: string
  tolerance:
    | { kind: 'close'; rtol: number; atol: number }
    | { kind: 'ulp'; dtype: string; max_ulp: number; max_fraction: number }
  parameters: Record<string, any>
  tool_fails_on?: Record<string, string>
}

export interface Meant {
  merging: Merging
  /** Editors of each model; none when empty. */
  steps: Step[][]
  /** What a reader of the table calls it. */
  label: string
}

type Convention = 'paper' | 'mergelm' | 'peft' | 'mergekit' | 'mergekit-0.1.4'

const tools: [RegExp, Convention][] = [
  [/^mergekit|arcee-ai/, 'mergekit'],
  [/MergeLM|MergeLLM/, 'mergelm'],
  [/^peft/, 'peft'],
]

export function meant(reference: Case): Meant {
  const { method, oracle, parameters: p, models } = reference
  const convention = tools.find(([pattern]) => pattern.test(oracle))?.[1] ?? 'paper'
  const each = (make: (i: number) => object): object[] => models.map((_, i) => make(i))
  const weight = (i: number): object => (p.weights ? { weight: p.weights[i] } : {})
  const at = (value: unknown, i: number): unknown => (Array.isArray(value) ? value[i] : value)
  const editors = (name: string, options: (i: number) => object): Step[][] =>
    models.map((_, i) => [stepOf(name, options(i))])
  const dare = (): Step[][] =>
    editors('dare', () => ({ drop_rate: p.p ?? 1 - p.density, rescale: p.rescale ?? true, convention }))
  const make = (
    name: string,
    options: object,
    model: (i: number) => object = () => ({}),
    steps: Step[][] = [],
    own: Convention = convention,
  ): Meant => {
    const merger = mergerNamed(name)
    const known = merger.conventions.includes(own) ? own : merger.conventions[0]
    const label = steps.length ? `${steps[0]![0]!.editor.name} + ${name}` : name
    return { merging: parseMerging(merger, { convention: known, options, models: each(model) }), steps, label }
  }
  const { lambda = 1, normalize } = p
  const elect = { lambda, ...(p.sign ? { sign: p.sign } : {}), ...(normalize === undefined ? {} : { normalize }) }
  switch (method) {
    case 'average':
      return make('average', {})
    case 'linear':
      return make('average', { normalize }, weight)
    case 'task_arithmetic':
      return make('task_arithmetic', { lambda, ...(normalize === undefined ? {} : { normalize }) }, weight)
    case 'ties': {
      const granularity = p.granularity === 'whole model' ? 'model' : 'tensor'
      const kept = (i: number): object =>
        p.param_value_mask_rate !== undefined
          ? { drop_rate: p.param_value_mask_rate }
          : { density: p.K !== undefined ? (p.K > 1 ? p.K / 100 : p.K) : at(p.density, i) }
      return make('ties', { ...elect, granularity, ...(p.merge ? { combine: p.merge.slice(4) } : {}) }, (i) => ({
        ...weight(i),
        ...kept(i),
      }))
    }
    case 'dare_average_merging':
      return make('average', {}, undefined, dare())
    case 'dare_task_arithmetic':
      return make('task_arithmetic', { lambda }, undefined, dare())
    case 'dare_ties_merging':
      return make('ties', { lambda }, () => ({ drop_rate: p.param_value_mask_rate }), dare())
    case 'dare_linear':
      return make('task_arithmetic', { lambda, ...(normalize === undefined ? {} : { normalize }) }, weight, dare())
    case 'dare_ties':
      return make('ties', { ...elect, granularity: 'tensor' }, (i) => ({ ...weight(i), drop_rate: 0 }), dare())
    case 'della':
    case 'della_linear': {
      const own = /^declare-lab/.test(oracle)
      const steps = editors('magprune', () => ({
        drop_rate: 1 - p.density,
        epsilon: p.window_size ?? 2 * p.epsilon,
        convention: own ? 'della' : 'mergekit',
      }))
      if (method === 'della_linear') return make('task_arithmetic', { lambda, normalize }, weight, steps)
      // The code of DELLA is a copy of mergekit: it elects on weighted deltas and divides by the sum of weights.
      return make(
        'ties',
        { ...elect, granularity: 'tensor' },
        (i) => ({ ...weight(i), drop_rate: 0 }),
        steps,
        'mergekit',
      )
    }
    case 'breadcrumbs':
    case 'breadcrumbs_ties': {
      const steps = editors('breadcrumbs', () =>
        p.beta !== undefined
          ? { drop_rate: 1 - p.beta, gamma: p.gamma, convention: 'paper' }
          : p.param_density !== undefined
            ? {
                drop_rate: 1 - p.param_density,
                gamma: 1 - p.param_density - p.param_value_mask_rate,
                convention: 'mergelm',
              }
            : { drop_rate: 1 - p.density, gamma: p.gamma, convention: 'mergekit-0.1.4' },
      )
      if (method === 'breadcrumbs') return make('task_arithmetic', { lambda: p.alpha ?? lambda }, weight, steps)
      return make('ties', { ...elect, granularity: 'tensor' }, (i) => ({ ...weight(i), drop_rate: 0 }), steps)
    }
    case 'fisher':
      return make('fisher', { normalize, least: p.minimal_fisher_weight }, (i) =>
        p.coefficients ? { weight: p.coefficients[i] } : {},
      )
    case 'nuslerp':
      return make('nuslerp', { flatten: p.flatten, row_wise: p.row_wise }, weight)
    case 'tsv_merge':
      return make('tsv_merge', { alpha: p.alpha })
    case 'knots_ties':
      return make('knots_ties', {}, (i) => ({ ...weight(i), density: p.density }))
    case 'slerp':
    case 'regmean':
    case 'sce':
    case 'model_stock':
    case 'iso_c':
    case 'widen':
    case 'emr':
      return make(method, p)
  }
  throw new Error(`${reference.id}: no meaning`)
}
