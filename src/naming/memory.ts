// Module names that transformers 5 uses in memory where they differ from those in the files. Adapters of peft use the names in memory.
import { OTHERWISE, RENAMED, type Renaming } from './renamings.js'

/** config.json, by whose model_type names are understood. */
export type NamedConfig = Record<string, unknown> | null

/** What `find` finds of a model_type, found once: names come by thousands, types do not. */
export function byType<T>(find: (type: string) => T): (config: NamedConfig) => T {
  const found = new Map<string, T>()
  return (config) => {
    const type = String(config?.model_type)
    if (!found.has(type)) found.set(type, find(type))
    return found.get(type)!
  }
}

/** Names of old files: LayerNorm of TensorFlow, the two factors of a weight with `weight_norm`, and a tower below its own name. */
const LEGACY: Renaming = [
  [/LayerNorm\.gamma$/, 'LayerNorm.weight'],
  [/LayerNorm\.beta$/, 'LayerNorm.bias'],
  [/\.weight_g$/, '.parametrizations.weight.original0'],
  [/\.weight_v$/, '.parametrizations.weight.original1'],
  [/\b(vision_tower|image_tower|video_tower|vision_model)\.vision_model\./, '$1.'],
  [/\btext_model\.text_model\./, 'text_model.'],
]

/** Whether the names that transformers 5 has in memory are known for all files of this type of model. */
export const knowsNames = (config: NamedConfig): boolean => !OTHERWISE.has(String(config?.model_type))

/** What a user of the adapter must know about the names of its modules; null where they are those of every version. */
export function noteNames(names: Iterable<string>, config: NamedConfig): string | null {
  if (!knowsNames(config))
    return `transformers 5 names modules of ${String(config?.model_type)} otherwise than its files do, by a rule that is not known here: peft may pass over parts of the adapter`
  const moved = [...names].find((name) => memoryName(name, config) !== name)
  return moved === undefined
    ? null
    : `modules have the names of transformers 5 (${memoryName(moved, config)}, not ${moved}): version 4 does not find them`
}

const renamingOf = byType((type) => [...LEGACY, ...(RENAMED.find(([types]) => types.test(type))?.[1] ?? [])])

/** Models of two others, each with a config of its own. */
const PAIRS = /^(vision-|speech-)?encoder-decoder$/

/** The name in memory of a tensor that the file calls `name`; a file of a later transformers may have it already. */
export function memoryName(name: string, config: NamedConfig): string {
  const [, side, inner] = PAIRS.test(String(config?.model_type)) ? (/^(encoder|decoder)\.(.*)$/.exec(name) ?? []) : []
  if (inner !== undefined) return `${side}.${memoryName(inner, config![side!] as NamedConfig)}`
  return renamingOf(config).reduce((given, [from, to]) => given.replace(from, to), name)
}

/** Published models of these types have no prefix in their files, though their class has one (gpt2, bloom-560m, opt-350m). */
const BARE = new Map<string, readonly [prefix: string, parts: RegExp]>([
  ['gpt2', ['transformer', /^(wte|wpe|h|ln_f)(\.|$)/]],
  ['bloom', ['transformer', /^(word_embeddings|word_embeddings_layernorm|h|ln_f)(\.|$)/]],
  ['opt', ['model', /^decoder\./]],
])

/** The names in memory of the tensors of a file, also of one without the prefix that the class in config.json has. */
export function memoryNames(stored: Iterable<string>, config: NamedConfig): (name: string) => string {
  const [prefix, parts] = BARE.get(String(config?.model_type)) ?? []
  const architecture = Array.isArray(config?.architectures) ? String(config.architectures[0]) : ''
  const headed = /For[A-Z]|LMHead/.test(architecture)
  const bare = prefix !== undefined && headed && ![...stored].some((name) => name.startsWith(`${prefix}.`))
  if (bare) return (name) => memoryName(parts!.test(name) ? `${prefix}.${name}` : name, config)
  // A model without its head does not stand below `model`; that of DINOv3 has its layers there.
  const isBody = /(?<!LMHead)Model$/.test(architecture)
  return (name) => {
    const memory = memoryName(name, config)
    return isBody && !name.startsWith('model.') ? memory.replace(/^model\.(?!(layer|stages)\b)/, '') : memory
  }
}
