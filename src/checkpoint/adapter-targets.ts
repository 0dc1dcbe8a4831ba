// Which modules an adapter is of, by its configuration: peft passes over what its file holds of others.
import { z } from 'zod'
import { UserError } from '../errors/index.js'
import { memoryName } from '../naming/index.js'
import { wholeRegex } from '../regex/index.js'
import { checkValue } from '../schema/index.js'
import type { AdapterConfig } from './adapter-config.js'
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

/** Kinds whose configuration has no such entry: peft passes over it. */
const WITHOUT_EXCLUDES =
  /^(BEFT|C3A|FROD|GLORA|GRALORA|OSF|PVERA|RANDLORA|ROAD|SHIRA|SUPERTUNING|TINYLORA|TRAINABLE_TOKENS|UNILORA|VERA)$/
const WITHOUT_LAYERS = /^(BEFT|GLORA|IA3|LN_TUNING|OSF|ROAD|SHIRA|SUPERTUNING|TRAINABLE_TOKENS)$/

/**
 * Whether peft puts an adapter on the module of this name (peft.tuners.tuners_utils.check_target_module_exists).
 * @param path of the configuration, for errors
 */
function targetsOf(given: Readonly<Record<string, unknown>>, path: string): Test {
  const config = checkValue(Targets, given, path)
  const type = String(given.peft_type)
  const targets = config.target_modules
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
  // An adapter of parameters alone names no module; one without the entry is of what it holds.
  if (targets === null || targets === undefined || targets === 'all-linear') return isFree
  const targeted = fits('target_modules', targets)
  const layers = WITHOUT_LAYERS.test(type) ? [] : [config.layers_to_transform ?? []].flat()
  const lists = [config.layers_pattern ?? []].flat()
  // A pattern counts only in a list of modules.
  if (!layers.length || typeof targets === 'string') return (name) => isFree(name) && targeted(name)
  const before = lists.map((list) => pattern('layers_pattern', `(?:|.*\\.)${list}`))
  /** The first number behind a list of modules, whatever list where none is named, counts. */
  const layerOf = (name: string): number => {
    const parts = name.split('.')
    const isLayer = (part: string, at: number): boolean => {
      const list = parts.slice(0, at).join('.')
      const fits = before.length ? before.some((each) => each.test(list)) : at > 1
      return fits && at < parts.length - 1 && /^\d+$/.test(part)
    }
    return Number(parts.find(isLayer) ?? Number.NaN)
  }
  return (name) => isFree(name) && targeted(name) && (targets.includes(name) || layers.includes(layerOf(name)))
}

/** Leaves out modules that the configuration does not target, or takes those that it does where the file names none. @returns sentences for the user */
export function keepTargets(
  file: string,
  config: AdapterConfig,
  { factors, parts, shared }: Sorted,
  base: Checkpoint,
): string[] {
  const path = file.replace(/[^/\\]*$/, ADAPTER_CONFIG)
  const isTarget = targetsOf(config.given, path)
  const all = factors.size + parts.size
  const { kind } = config
  const named = Array.isArray(config.given.target_modules)
  if (shared.size && (kind?.everyModule || (kind?.isDealtOut && named)))
    for (const { name, shape } of base.tensors.values()) {
      const module = /^(.*)\.weight$/.exec(memoryName(name, base.config))?.[1]
      if (module === undefined || shape.length !== 2 || parts.has(module) || !isTarget(module)) continue
      if (kind.everyModule && !all) parts.set(module, new Map())
      else if (kind.isDealtOut && named)
        throw new UserError(
          `${file}: nothing is there for ${module}, which target_modules of ${path} names. ${kind.type} deals its numbers out over these modules in turn, so without one the others would get wrong numbers: save the adapter again`,
        )
    }
  const owners = config.target_parameters.map((parameter) => parameter.replace(/\.?[^.]*$/, ''))
  const left: string[] = []
  const free: string[] = []
  for (const modules of [factors, parts])
    for (const module of modules.keys()) {
      // A parameter's factors lie on its module, those of an attention's output inside it, and a tied module's are its source's.
      const name = module.replace(/(\.base_layer)+(\.out_proj)?$/, '')
      // A parameter by its own name alone is that of every module of experts, which have no weight.
      const isOwner = owners.some((owner) =>
        owner ? name === owner || name.endsWith(`.${owner}`) : !base.tensors.has(`${name}.weight`),
      )
      if (isTarget(name) && !isOwner) free.push(module)
      if (isTarget(name) || isOwner || (config.ensure_weight_tying && isOutput(`${name}.weight`))) continue
      modules.delete(module)
      left.push(module)
    }
  const unnamed = (config.given.target_modules ?? null) === null && !config.mlx && free.length
  const notes = unnamed
    ? [
        `${file}: target_modules of ${path} is not set, so all ${free.length} modules that the file holds are taken; peft takes only those of its own list for the model type, or none: name the modules there, so that both do the same`,
      ]
    : []
  if (!left.length) return notes
  const why = `not among the modules that target_modules, exclude_modules, modules_to_save and layers_to_transform of ${path} leave`
  if (left.length === all) throw new UserError(`${file}: ${left[0]} and all other modules are ${why}`)
  return [
    ...notes,
    `${file}: ${left.length} of ${all} modules, the first ${left[0]}, are ${why}; they are left out, as peft does`,
  ]
}
