// Applies a merger: first the pass over the whole models, if it needs one, then one tensor at a time.
import { UserError, within } from '../errors/index.js'
import { parseWith } from '../schema/index.js'
import { checkResult, makeWeights, type Tensor, tf } from '../tensor/index.js'
import type { Convention, MergeContext, MergeInputs, Merger, MergerOptions, Walk } from './merger.js'
import { readValues } from './sum.js'

/** A merger with its parsed options. */
export interface Merging {
  merger: Merger
  convention: Convention
  options: MergerOptions
  /** Options of each model. */
  modelOptions: MergerOptions[]
  /** What `scanModels` returned. */
  scannedModels?: unknown
}

/**
 * Options as given → parsed and checked together.
 * @param raw `models`: the options of each model
 * @throws UserError naming the option, what was given and what would be right; its path leads to the option from `raw`
 */
export function parseMerging(
  merger: Merger,
  raw: { convention?: Convention | undefined; options?: unknown; models: readonly unknown[] },
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
  const modelOptions = raw.models.map((one, i) =>
    within(['models', i], () => parseWith(merger.modelOptions, one, `each model of ${name}`)),
  )
  const wrong = merger.check(options, modelOptions, convention)
  if (wrong) throw new UserError(`${name}: ${wrong.message}`, { path: wrong.path })
  return { merger, convention, options, modelOptions }
}

/** Whether the merger scans the whole models before it merges a tensor. */
export const needsModels = ({ merger, convention, options }: Merging): boolean =>
  merger.scanModels !== undefined && merger.needsModels(options, convention)

/** What the merger must know of the whole models; reads them only if it needs to. */
export async function scanModels(
  merging: Merging,
  walk: Walk,
  warn: (text: string) => void = () => undefined,
): Promise<unknown> {
  const { merger, convention, options, modelOptions } = merging
  if (!merger.scanModels || !needsModels(merging)) return undefined
  const scan = merger.scanModels.bind(merger)
  return makeWeights(() => scan(walk, { convention, options, modelOptions, warn }))
}

/** What a merger may use besides the tensors. */
export const contextOf = (
  { convention, options, modelOptions, scannedModels }: Merging,
  warn: (text: string) => void,
): MergeContext => ({ convention, options, modelOptions, scannedModels, warn })

/** The merged tensor (delta or weights, as `input` says), new; the inputs stay alive. Not to be called inside a tidy (it awaits). */
export async function mergeTensors(
  merging: Merging,
  inputs: MergeInputs,
  warn: (text: string) => void,
): Promise<Tensor> {
  const { merger } = merging
  const [first] = inputs.models
  if (first?.size === 0) return first.clone() // nothing to merge
  const context = contextOf(merging, warn)
  switch (merger.reads) {
    case 'entries':
      return checkMerged(merging, inputs, () => merger.merge(inputs, context))
    case 'tensor': {
      const values = await Promise.all(inputs.models.map(readValues))
      const scanned = await merger.scanTensor(values, { ...context, name: inputs.name })
      return checkMerged(merging, inputs, () => merger.merge(inputs, { ...context, scanned }))
    }
    case 'whole': {
      const scanned = await merger.scanTensor(inputs, context)
      return checkMerged(merging, inputs, () => merger.merge(inputs, { ...context, scanned }))
    }
  }
}

/** What a merger makes of its inputs, tidied. @throws UserError where it is anything but a tensor of their shape */
export function checkMerged({ merger }: Merging, { name, models }: MergeInputs, merge: () => Tensor): Tensor {
  return tf.tidy(() => {
    const merged = merge()
    checkResult(merged, models[0]!.shape, `${name}: merger ${merger.name}`)
    return merged
  })
}
