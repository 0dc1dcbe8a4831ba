// Where the tensors that an adapter names, as the model in memory has them, are in the file of its base.
import { resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { canonicalName, knowsNames } from '../naming/index.js'
import type { AdapterConfig } from './adapter-config.js'
import { ADAPTER_CONFIG, type Checkpoint } from './checkpoint.js'
import { isFloating } from './dtype.js'
import { saysTied } from './tie-defaults.js'
import { isOutput, tieOrder, tieSource } from './tie-names.js'

/** An adapter's file, its configuration and its base, with where the base has a tensor. */
export interface Places {
  file: string
  config: AdapterConfig
  base: Checkpoint
  place(name: string): string
}

/** The name in the file of a tensor of the model in memory; null where the file has none. Tied outputs are not looked for. */
export function finderOf(base: Checkpoint): (name: string) => string | null {
  const stored = new Map([...base.tensors.keys()].map((name) => [canonicalName(name, base.config), name] as const))
  return (name) => (base.tensors.has(name) ? name : (stored.get(canonicalName(name, base.config)) ?? null))
}

/** Where a tensor is; of tied ones, that which stands in the file. Null for one that the base does not have. */
export function tensorOf(base: Checkpoint): (name: string) => string | null {
  const find = finderOf(base)
  return (name) => {
    const found = find(name)
    if (found !== null) return base.tied.get(found) ?? found
    return isOutput(name) && base.config && saysTied(base.config) ? tieSource(name, base.tensors.keys()) : null
  }
}

/** As tensorOf. @throws UserError for a tensor that the base does not have, with the reason */
export function placesIn(file: string, config: AdapterConfig, base: Checkpoint): (name: string) => string {
  const place = tensorOf(base)
  return (name) => {
    const found = place(name)
    if (found !== null) return found
    throw new UserError(`${file}: ${name} is ${whyMissing(name, config, base)}`)
  }
}

/** Why the base does not have a tensor that an adapter names, and what to do. */
function whyMissing(name: string, config: AdapterConfig, base: Checkpoint): string {
  const { task_type: task, base_model_name_or_path: named } = config
  if (/(^|\.)(classifier|score|qa_outputs)\./.test(name))
    return `of a head${task ? ` (task_type ${task})` : ''} that ${base.folder} does not have and the adapter does not hold whole: give the base as it was saved with that head`
  const fused = fusedExperts(name, base)
  if (fused !== undefined)
    return `of one expert, and ${base.folder} has all experts of a layer in one tensor (${fused}): give the base as it is published, with its experts one by one, or merge the adapter with peft`
  const missing = `not in ${base.folder}`
  if (!knowsNames(base.config))
    return `${missing} under this name: transformers 5 names modules of ${String(base.config?.model_type)} otherwise than its files do, by a rule that is not known here; merge the adapter with peft first`
  if (named && resolve(named) === resolve(base.folder))
    return `${missing}, which ${ADAPTER_CONFIG} names as the base: its files are others than those of the training, or do not have the module under this name`
  return `${missing}: the adapter is of another base${named ? ` (${ADAPTER_CONFIG} names ${named})` : ''}, or of modules that its files do not have under this name`
}

/** The tensor with all experts of a layer, for a name of one of them. */
function fusedExperts(name: string, base: Checkpoint): string | undefined {
  const [, experts] = /(^.*\.experts\.)\d+\./.exec(canonicalName(name, base.config)) ?? []
  return [...base.tensors.keys()].find((each) => {
    const own = canonicalName(each, base.config)
    return experts !== undefined && own.startsWith(experts) && !/^\d/.test(own.slice(experts.length))
  })
}

/** Modules in peft's order as far as it counts: of those that are tied the output is last. */
export function outputsLast<T>(modules: ReadonlyMap<string, T>): [module: string, given: T][] {
  const last = (module: string): number => tieOrder(`${module}.weight`)
  return [...modules].sort(([one], [two]) => last(one) - last(two))
}

/** @throws UserError for whole numbers, to which nothing can be added */
export function checkFloating({ folder, tensors }: Checkpoint, name: string): void {
  const { dtype } = tensors.get(name)!
  if (!isFloating(dtype))
    throw new UserError(`${folder}: ${name} is ${dtype}, and the adapter changes it: a floating format is wanted`)
}

export const withoutBias = (file: string, module: string, base: Checkpoint): UserError =>
  new UserError(
    `${file}: ${module} has a trained bias, and in ${base.folder} it has none to add it to: such an adapter cannot be merged, not by peft either`,
  )
