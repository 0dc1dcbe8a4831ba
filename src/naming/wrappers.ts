// What training puts around a model, and between the parts of its names.
import { baseModule } from './canonical.js'
import type { NamedConfig } from './memory.js'

/** Between the parts, wherever it stands: training in several processes, or compiled. */
const BETWEEN = new Set(['_orig_mod', '_fsdp_wrapped_module', '_checkpoint_wrapped_module', '_forward_module'])

/** Around the model: PyTorch's data parallel training, and peft. */
const AROUND = new Set(['module', 'base_model'])

/** The name without what trainers leave in it. @param depth modules around the model, which all names of the file begin with */
export function plainName(name: string, depth: number): string {
  const parts = name.split('.').filter((part) => !BETWEEN.has(part))
  return parts.slice(Math.min(depth, parts.length - 1)).join('.')
}

/**
 * How many modules of a trainer are around the model: all names begin with them. Those that are called as one likes (Lightning's `model.`,
 * `policy.`) show by the model's own module below them. Code of its own (`auto_map`), and models of several parts, may mean them.
 */
export function countWrappers(stored: Iterable<string>, config: NamedConfig): number {
  const names = [...stored].map((name) => plainName(name, 0))
  const isOwn =
    config?.auto_map !== undefined || Object.keys(config ?? {}).some((key) => /(text|vision|audio)_config$/.test(key))
  const type = isOwn || typeof config?.model_type !== 'string' ? null : config.model_type
  const home = type === null ? null : baseModule(type)
  const homes = type === null ? [] : [home, type.replaceAll('-', '_')]
  for (let depth = 0, left = names; ; depth++) {
    const outer = left[0]?.split('.')[0]
    if (outer === undefined || !left.every((name) => name.startsWith(`${outer}.`))) return depth
    const isAbove =
      home !== null &&
      (left.some((name) => homes.some((each) => name.startsWith(`${outer}.${each}.`))) ||
        [...AROUND].some((inner) => left.every((name) => name.startsWith(`${outer}.${inner}.`))))
    // No class of these types has a module `model`.
    const isModel = home !== null && home !== 'model' && outer === 'model'
    if (!AROUND.has(outer) && !isAbove && !isModel) return depth
    left = left.map((name) => name.slice(outer.length + 1))
  }
}
