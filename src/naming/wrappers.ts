// What training puts around a model, and between the parts of its names.
import { baseModule } from './canonical.js'
import type { NamedConfig } from './memory.js'

/** Between the parts, wherever it stands: training in several processes, or compiled. */
const BETWEEN = new Set(['_orig_mod', '_fsdp_wrapped_module', '_checkpoint_wrapped_module', '_forward_module'])

/** Around the model: PyTorch's data parallel training, and peft. */
const AROUND = new Set(['module', 'base_model'])

/** Counts the models of an average of weights (torch.optim.swa_utils), beside the model's module. */
const COUNTER = 'n_averaged'

/** Modules at the top of a model that was saved without its head, by the model_types whose classes have no other around both. */
const HEADLESS: readonly (readonly [types: RegExp, modules: readonly string[]])[] = [
  [
    /^(cohere2?|gemma2?|gemma3_text|glm4?|gpt_oss|granite|llama|mistral|mixtral|olmo[23]?|phi3?|qwen[23](_moe)?|smollm3|starcoder2)$/,
    ['embed_tokens', 'layers'],
  ],
  [/^(gpt2|gptj|gpt_neo|gpt_bigcode)$/, ['wte', 'h']],
  [/^(bloom|falcon)$/, ['word_embeddings', 'h']],
  [/^(albert|bert|camembert|deberta|deberta-v2|electra|mpnet|roberta|xlm-roberta)$/, ['embeddings', 'encoder']],
  [/^distilbert$/, ['embeddings', 'transformer']],
  [/^modernbert$/, ['embeddings', 'layers']],
]

/** The module that all names begin with. */
function outerOf(names: readonly string[]): string | undefined {
  const outer = names[0]?.split('.')[0]
  return outer !== undefined && names.every((name) => name.startsWith(`${outer}.`)) ? outer : undefined
}

const below = (names: readonly string[], outer: string): string[] => names.map((name) => name.slice(outer.length + 1))

/** Whether all names are below a module, or modules, around a model without its head. @param homes what its class calls itself */
function isAroundHeadless(names: readonly string[], type: string, homes: readonly string[]): boolean {
  const modules = HEADLESS.find(([types]) => types.test(type))?.[1]
  const outer = outerOf(names)
  if (!modules || outer === undefined || homes.includes(outer)) return false
  const inner = below(names, outer)
  return (
    modules.every((module) => inner.some((name) => name.startsWith(`${module}.`))) ||
    isAroundHeadless(inner, type, homes)
  )
}

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
  const names = [...stored].map((name) => plainName(name, 0)).filter((name) => name !== COUNTER)
  const isOwn =
    config?.auto_map !== undefined || Object.keys(config ?? {}).some((key) => /(text|vision|audio)_config$/.test(key))
  const type = isOwn || typeof config?.model_type !== 'string' ? null : config.model_type
  const home = type === null ? null : baseModule(type)
  const homes = type === null ? [] : [home!, type.replaceAll('-', '_')]
  for (let depth = 0, left = names; ; depth++) {
    const outer = outerOf(left)
    if (outer === undefined) return depth
    // A module that is called after the model is its own (`radio_model` of RADIO).
    const isAbove =
      type !== null &&
      !outer.startsWith(homes[1]!) &&
      (left.some((name) => homes.some((each) => name.startsWith(`${outer}.${each}.`))) ||
        [...AROUND].some((inner) => left.every((name) => name.startsWith(`${outer}.${inner}.`))) ||
        isAroundHeadless(left, type, homes))
    // No class of these types has a module `model`.
    const isModel = home !== null && home !== 'model' && outer === 'model'
    if (!AROUND.has(outer) && !isAbove && !isModel) return depth
    left = below(left, outer)
  }
}
