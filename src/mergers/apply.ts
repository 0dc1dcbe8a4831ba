// Applies a merger: the pass over whole models where it needs one, then one tensor at a time; collects what degenerates.
import { UserError, within } from '../errors/index.js'
import { parseWith } from '../schema/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import type { Convention, Inputs, Merger, Walk } from './merger.js'
import { valuesOf } from './sum.js'

/** Parsed options of one merge; `survey` is filled by `surveyModels`. */
export interface Merging<O = any, M = any> {
  merger: Merger<O, M>
  convention: Convention
  options: O
  models: M[]
  survey?: unknown
}

/**
 * Options as given → parsed and checked together.
 * @throws UserError naming the option, what was given and what would be right; its path leads to the option from `raw`
 */
export function parseMerging(
  merger: Merger,
  raw: { convention?: Convention | undefined; options?: unknown; models: unknown[] },
): Merging {
  const {
    name,
    conventions,
    count: [fewest, most],
  } = merger
  const convention = raw.convention ?? conventions[0]
  if (!conventions.includes(convention))
    throw new UserError(`${name} has no convention ${JSON.stringify(convention)}; it has: ${conventions.join(', ')}`, {
      path: ['convention'],
    })
  const n = raw.models.length
  if (n < fewest || n > most) {
    const wanted = fewest === most ? `exactly ${fewest}` : `at least ${fewest}`
    throw new UserError(
      `${name} merges ${wanted} ${wanted.endsWith(' 1') ? 'model' : 'models'} (the base not counted); got ${n}`,
      { path: ['models'] },
    )
  }
  const options = within(['options'], () => parseWith(merger.options, raw.options, name))
  const models = raw.models.map((one, i) =>
    within(['models', i], () => parseWith(merger.modelOptions, one, `each model of ${name}`)),
  )
  const wrong = merger.check?.(options, models, convention)
  if (wrong) throw new UserError(`${name}: ${wrong.message}`, { path: wrong.path })
  return { merger, convention, options, models }
}

export const needsSurvey = ({ merger, convention, options }: Merging): boolean =>
  merger.survey !== undefined && (merger.needsSurvey?.(options, convention) ?? true)

/** What the merger must know of the whole models; reads them only if it needs to. */
export async function surveyModels(
  merging: Merging,
  walk: Walk,
  warn: (text: string) => void = () => undefined,
): Promise<unknown> {
  const { merger, convention, options, models } = merging
  return needsSurvey(merging) ? merger.survey!(walk, { convention, options, models, warn }) : undefined
}

/** The merged tensor (delta or weights, as `input` says), new; the inputs stay alive. Not to be called inside a tidy (it awaits). */
export async function mergeTensors(
  { merger, ...settings }: Merging,
  inputs: Inputs,
  warn: (text: string) => void,
): Promise<Tensor> {
  if (inputs.models[0]!.size === 0) return inputs.models[0]!.clone() // nothing to merge
  const context = { survey: undefined, ...settings, warn }
  const facts = merger.measure
    ? await merger.measure(await Promise.all(inputs.models.map(valuesOf)), { ...context, name: inputs.name })
    : await merger.prepare?.(inputs, context)
  return tf.tidy(() => merger.merge(inputs, { ...context, facts }))
}
