// Which modules an adapter is of, by its configuration: peft passes over what its file holds of others.
import { z } from 'zod'
import { UserError } from '../errors/index.js'
import { memoryName } from '../naming/index.js'
import { wholeRegex } from '../regex/index.js'
import { checkValue } from '../schema/index.js'
import type { AdapterConfig } from './adapter-config.js'
import { ownTargets } from './adapter-own-targets.js'
import { tensorOf } from './adapter-place.js'
import type { Sorted } from './adapter-sort.js'
import { ADAPTER_CONFIG, type Checkpoint } from './checkpoint.js'
import { isOutput } from './tie-names.js'

const names = z.union([z.string(), z.array(z.string())]).nullish()

const Targets = z.looseObject({
  target_modules: names,
  exclude_modules: names,
  modules_to_save: z.array(z.string()).nullish(),
  layers_to_transform: z.union([z.number().int(), z.array(z.number().int())]).nullish(),
  layers_pattern: names,
})

type Test = (module: string) => boolean
/** Ends of modules' names, or a pattern. */
type Given = string | readonly string[]

/** Kinds whose configuration has no such entry: peft passes over it. */
const WITHOUT_EXCLUDES =
  /^(BEFT|C3A|FROD|GLORA|GRALORA|OSF|PVERA|RANDLORA|ROAD|SHIRA|SUPERTUNING|TINYLORA|TRAINABLE_TOKENS|UNILORA|VERA)$/
const WITHOUT_LAYERS = /^(BEFT|GLORA|IA3|LN_TUNING|OSF|ROAD|SHIRA|SUPERTUNING|TRAINABLE_TOKENS)$/

/** What target_modules says; or what peft takes where it says nothing, null where peft refuses that. */
function namedOrOwn({ given, mlx, target_parameters: parameters }: AdapterConfig, base: Checkpoint): Given | null {
  const named = (given.target_modules ?? null) as Given | null
  if (named !== null || mlx) return named
  // An adapter of parameters alone names no module.
  return ownTargets(String(given.peft_type), String(base.config?.model_type)) ?? (parameters.length ? [] : null)
}

/** Whether peft counts a module of the adapter among all linear ones: no embedding, no convolution, and not the output matrix. */
function linearIn(base: Checkpoint, { factors, parts }: Sorted): Test {
  const find = tensorOf(base)
  return (name) => {
    const weight = find(`${name}.weight`)
    const held = [...(factors.get(name) ?? parts.get(name) ?? new Map<string, string>()).keys()]
    return (
      weight !== null &&
      base.tensors.get(weight)!.shape.length === 2 &&
      !isOutput(`${name}.weight`) &&
      !held.some((part) => part.includes('embedding'))
    )
  }
}

/**
 * Whether peft puts an adapter on the module of this name (peft.tuners.tuners_utils.check_target_module_exists).
 * @param targets null: all that the file holds
 * @param path of the configuration, for errors
 */
function targetsOf(
  given: Readonly<Record<string, unknown>>,
  path: string,
  targets: Given | null,
  isLinear: Test,
): Test {
  const config = checkValue(Targets, given, path)
  const type = String(given.peft_type)
  const excludes = WITHOUT_EXCLUDES.test(type) ? null : config.exclude_modules
  const pattern = (entry: string, source: string): RegExp => {
    try {
      return wholeRegex(source)
    } catch (error) {
      throw new UserError(
        `${path}: ${entry} has the pattern ${JSON.stringify(source)}, which ${(error as Error).message}`,
      )
    }
  }
  const fits = (entry: string, wanted: string | readonly string[]): Test => {
    if (typeof wanted !== 'string') return (name) => wanted.some((end) => name === end || name.endsWith(`.${end}`))
    const whole = pattern(entry, wanted)
    return (name) => whole.test(name)
  }
  const excluded = excludes?.length ? fits('exclude_modules', excludes) : () => false
  const saved = (config.modules_to_save ?? []).map((end) => pattern('modules_to_save', `(?:|.*\\.)${end}(?:|\\..*)`))
  const isFree: Test = (name) => !excluded(name) && !saved.some((each) => each.test(name))
  if (targets === null) return isFree
  if (typeof targets === 'string' && targets.toLowerCase() === 'all-linear')
    return (name) => isFree(name) && isLinear(name)
  const targeted = fits('target_modules', targets)
  const layers = WITHOUT_LAYERS.test(type) ? [] : [config.layers_to_transform ?? []].flat()
  const lists = [config.layers_pattern ?? []].flat()
  // A pattern counts only in a list of modules.
  if (!layers.length || typeof targets === 'string') return (name) => isFree(name) && targeted(name)
  const before = lists.map((list) => pattern('layers_pattern', `(?:|.*\\.)${list}`))
  /** The first number behind a list of modules: of the first list named that the module is in, or of any where none is. */
  const layerOf = (name: string): number => {
    const parts = name.split('.')
    const numbers = [...parts.keys()].filter((at) => at < parts.length - 1 && /^\d+$/.test(parts[at]!))
    const behind = (list: RegExp) => numbers.find((at) => list.test(parts.slice(0, at).join('.')))
    const at = before.length
      ? before.map(behind).find((found) => found !== undefined)
      : numbers.find((number) => number > 1)
    return at === undefined ? Number.NaN : Number(parts[at])
  }
  return (name) => isFree(name) && targeted(name) && (targets.includes(name) || layers.includes(layerOf(name)))
}

/** An adapter's file and configuration, and the modules that peft takes. */
interface Targeted {
  file: string
  path: string
  config: AdapterConfig
  /** null where nothing names them. */
  targets: Given | null
  isTarget: Test
}

/** Takes each module that is targeted where what all modules share is dealt out over them. @throws UserError for one that is missing */
function takeDealt({ file, path, config, targets, isTarget }: Targeted, sorted: Sorted, base: Checkpoint): void {
  const { kind } = config
  const all = sorted.factors.size + sorted.parts.size
  const named = Array.isArray(targets)
  if (!kind || !sorted.shared.size || !(kind.everyModule || (kind.isDealtOut && named))) return
  if (kind.everyModule && !all && targets === null)
    throw new UserError(
      `${path}: target_modules is not set, the file names no module, and peft has no list of its own for model_type ${typeOf(base)}: name the modules there`,
    )
  for (const { name, shape } of base.tensors.values()) {
    const module = /^(.*)\.weight$/.exec(memoryName(name, base.config))?.[1]
    if (module === undefined || shape.length !== 2 || sorted.parts.has(module) || !isTarget(module)) continue
    if (kind.everyModule && !all) sorted.parts.set(module, new Map())
    else if (kind.isDealtOut && named)
      throw new UserError(
        `${file}: nothing is there for ${module}, which target_modules of ${path} names. ${kind.type} deals its numbers out over these modules in turn, so without one the others would get wrong numbers: save the adapter again`,
      )
  }
}

const typeOf = ({ config }: Checkpoint): string => String(config?.model_type)

/** Leaves out modules that the configuration does not target, or takes those that it does where the file names none. @returns sentences for the user */
export function keepTargets(file: string, config: AdapterConfig, sorted: Sorted, base: Checkpoint): string[] {
  const path = file.replace(/[^/\\]*$/, ADAPTER_CONFIG)
  const targets = namedOrOwn(config, base)
  const isTarget = targetsOf(config.given, path, targets, linearIn(base, sorted))
  const { factors, parts } = sorted
  const all = factors.size + parts.size
  takeDealt({ file, path, config, targets, isTarget }, sorted, base)
  const owners = config.target_parameters.map((parameter) => parameter.replace(/\.?[^.]*$/, ''))
  const left: string[] = []
  for (const modules of [factors, parts])
    for (const module of modules.keys()) {
      // A parameter's factors lie on its module, those of an attention's output inside it, and a tied module's are its source's.
      const name = module.replace(/(\.base_layer)+(\.out_proj)?$/, '')
      // A parameter by its own name alone is that of every module of experts, which have no weight.
      const isOwner = owners.some((owner) =>
        owner ? name === owner || name.endsWith(`.${owner}`) : !base.tensors.has(`${name}.weight`),
      )
      if (isTarget(name) || isOwner || (config.ensure_weight_tying && isOutput(`${name}.weight`))) continue
      modules.delete(module)
      left.push(module)
    }
  const unset = (config.given.target_modules ?? null) === null && !config.mlx
  if (!left.length)
    return unset && targets === null && all
      ? [
          `${file}: target_modules of ${path} is not set, and peft, which has no list of its own for model_type ${typeOf(base)}, refuses the adapter; all ${all} modules that the file holds are taken`,
        ]
      : []
  const why = unset
    ? `not among ${[targets ?? []].flat().join(', ') || 'none'}, which peft takes for model_type ${typeOf(base)} because target_modules of ${path} is not set: name the modules there if they were trained`
    : `not among the modules that target_modules, exclude_modules, modules_to_save and layers_to_transform of ${path} leave`
  if (left.length === all) throw new UserError(`${file}: ${left[0]} and all other modules are ${why}`)
  return [
    `${file}: ${left.length} of ${all} modules, the first ${left[0]}, are ${why}; they are left out, as peft does`,
  ]
}
