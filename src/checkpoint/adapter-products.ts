// What A and B of one module of an adapter add, and to which tensors of the base: a matrix, an embedding, a parameter by its own
// name, or experts that lie in one tensor or one by one.
import { loraScale, patternValue } from '../adapters/index.js'
import { UserError } from '../errors/index.js'
import { countEntries } from '../kernels/index.js'
import { canonicalName, expertParts } from '../naming/index.js'
import { type AdapterConfig, isParameter } from './adapter-config.js'
import type { Places } from './adapter-place.js'
import type { Tensors } from './adapter-sort.js'
import { ADAPTER_CONFIG, type Checkpoint } from './checkpoint.js'
import { hasTurnedExperts, isConv1d } from './orientation.js'

/** scale · B·A of one tensor, or of a part of it. A is [experts · rank, in], B is [out, rank · experts]; plain LoRA has one expert. */
export interface Product {
  a: string
  b: string
  rank: number
  scale: number
  experts: number
  /** The expert that the tensor is; null for all of them, one after the other. */
  expert: number | null
  /** Rows of the product that the tensor has. */
  from: number
  rows: number
  /** The tensor is stored [in, out]. */
  flipped: boolean
  /** The tensor is of a convolution: a row of it is all that belongs to an output. */
  convolution: boolean
  /** Experts lie one after the other in B too: [experts, out, rank], and A is [experts, rank, in]. */
  stacked?: boolean
  /** peft rounds the product to the format of the base before it adds it. */
  rounded: boolean
}

const isTurned = (name: string, { config }: Checkpoint, { fan_in_fan_out: said }: AdapterConfig): boolean =>
  config?.model_type === undefined ? said === true : isConv1d(name, config)

export interface Matching extends Places {
  tensors: Tensors
}

/** Experts one by one, of whose two matrices peft makes one. */
const GATE_OR_UP = new RegExp(`\\.experts\\.\\d+\\.(${expertParts('gate_up_proj').join('|')})$`)

/** @throws UserError where they do not fit */
export function productsOf(
  all: Matching,
  module: string,
  parts: ReadonlyMap<string, string>,
): [target: string, product: Product][] {
  const { file, config, tensors, base, place } = all
  const embedding = parts.has('embedding A') || parts.has('embedding B')
  const [a, b] = ['A', 'B'].map((part) => parts.get(embedding ? `embedding ${part}` : part))
  if (!a || !b) throw new UserError(`${file}: ${module} has only one of A and B`)
  const [kernels, up] = [tensors.get(a)!.shape, tensors.get(b)!.shape]
  const convolution = kernels.length > 2
  const down = [kernels[0]!, countEntries(kernels.slice(1))]
  const parameter = parameterOf(all, module)
  if (parameter !== null && !parameter.endsWith('.weight')) return expertsOf(all, parameter, [a, b])

  if (config.use_rslora && GATE_OR_UP.test(module))
    throw new UserError(
      `${file}: ${module}: peft 0.21 fuses such experts and with use_rslora scales this one by √2 more than the peft that trained it; merge it with the latter first`,
    )
  if (/\.experts\.\d+\.\w+$/.test(module) && patternValue(config.alpha_pattern, module) !== undefined)
    throw new UserError(
      `${file}: ${module}: peft 0.21 fuses such experts and passes over alpha_pattern for them, which the peft that trained it did not; merge it with the latter first`,
    )
  const attention = attentionOf(all, module)
  const target = attention ?? place(parameter ?? `${module}.weight`)
  const { rank, scale } = loraScale(config, parameter ?? module)
  if (down[0] !== rank || up[1] !== rank)
    throw new UserError(
      `${file}: ${module}: A [${down}] and B [${up}] are not of the rank ${rank} that ${ADAPTER_CONFIG} says`,
    )
  const stored = base.tensors.get(target)!.shape
  if (convolution && stored[1]! < kernels[1]!)
    throw new UserError(`${file}: ${module}: a convolution in groups cannot be merged, not by peft either`)
  if (config.use_qalora && !stored.includes(down[1]!))
    throw new UserError(
      `${file}: ${module}: use_qalora pools the inputs of a quantised layer before A [${down}], which no weight can do: such an adapter cannot be merged, not by peft either`,
    )
  const shape = String(convolution ? [stored[0], countEntries(stored.slice(1))] : stored)
  const [straight, turned] = [shape === `${up[0]},${down[1]}`, shape === `${down[1]},${up[0]}`]
  const flipped = embedding || (parameter === null && (straight && turned ? isTurned(target, base, config) : turned))
  if (flipped ? !turned : !straight)
    throw misfit(all, target, { name: `B·A of ${module}`, shape: flipped ? [down[1]!, up[0]!] : [up[0]!, down[1]!] })
  const one = { a, b, rank, scale, experts: 1, expert: 0, from: 0, rows: up[0]!, flipped, convolution }
  const rounded = embedding || parameter !== null || attention !== null || config.init_lora_weights === 'mica'
  const product = { ...one, rounded }
  // peft 0.21 adds the product of an attention's output twice, when it merges and when it runs.
  const twice = attention?.endsWith('.out_proj.weight')
  return [[target, product], ...(twice ? [[target, { ...one, rounded: false }] as [string, Product]] : [])]
}

/** The weight of a torch.nn.MultiheadAttention that a module's factors change: peft wraps the module, and its output inside it. */
function attentionOf({ base, place }: Matching, module: string): string | null {
  const owner = module.replace(/\.base_layer\.out_proj$/, '')
  const wanted = canonicalName(`${owner}.in_proj_weight`, base.config)
  if (![...base.tensors.keys()].some((name) => canonicalName(name, base.config) === wanted)) return null
  return place(owner === module ? `${owner}.in_proj_weight` : `${owner}.out_proj.weight`)
}

/** The parameter that a module's factors change by its own name; of two parameters of one module the first has the inner factors. */
function parameterOf({ file, config, base }: Matching, module: string): string | null {
  if (!config.target_parameters.length) return null
  const owner = module.replace(/\.base_layer$/, '')
  const weight = canonicalName(`${owner}.weight`, base.config)
  const hasWeight = [...base.tensors.keys()].some((name) => canonicalName(name, base.config) === weight)
  const ends = [...new Set(config.target_parameters.map((target) => target.split('.').at(-1)!))]
  const named = ends.filter((end) => isParameter(config, `${owner}.${end}`) && (end === 'weight') === hasWeight)
  const ordered = ['gate_up_proj', 'down_proj'].filter((end) => named.includes(end))
  if (named.length > 1 && ordered.length !== named.length)
    throw new UserError(
      `${file}: ${owner}: which of its factors change ${named.join(' and which ')} is not known; merge it with peft first`,
    )
  if (owner !== module) {
    if (named.length !== 2)
      throw new UserError(`${file}: ${module}: this part of an adapter is not known; merge it with peft first`)
    return `${owner}.${ordered[0]}`
  }
  return named.length ? `${owner}.${ordered.at(-1) ?? named[0]}` : null
}

/** Factors of all experts in one: A3[e] = A[e·rank …], B3[e] = B[:, e :: experts]; a file may hold the experts fused or one by one. */
function expertsOf(all: Matching, parameter: string, [a, b]: readonly [string, string]): [string, Product][] {
  const { file, config, tensors, base } = all
  const { rank, scale } = loraScale(config, parameter)
  const [down, up] = [tensors.get(a)!.shape, tensors.get(b)!.shape]
  const [height = 0] = up
  const experts = down[0]! / rank
  const wrong = (why: string) =>
    new UserError(
      `${file}: ${a} [${down}] and ${b} [${up}] (rank ${rank}) do not fit ${parameter} of ${base.folder}: ${why}`,
    )
  if (!Number.isInteger(experts) || up[1] !== down[0])
    throw wrong('they are not of the rank that adapter_config.json says')
  const one = { a, b, rank, scale, experts, from: 0, rows: height, convolution: false, rounded: true }
  const fused = [...base.tensors.keys()].find(
    (name) => canonicalName(name, base.config) === canonicalName(parameter, base.config),
  )
  if (fused !== undefined) {
    const shape = base.tensors.get(fused)!.shape
    const fits = (...wanted: (number | undefined)[]) => String(wanted) === String(shape)
    const [straight, turned] = [fits(experts, height, down[1]), fits(experts, down[1], height)]
    if (!straight && !turned) throw wrong(`it is [${shape}]`)
    return [[fused, { ...one, expert: null, flipped: straight && turned ? hasTurnedExperts(base.config) : turned }]]
  }
  const plain = (name: string) => canonicalName(name, base.config).replace(/\bblock_sparse_moe\b/, 'mlp')
  const [, stem, leaf] = /^(.*\bexperts)\.(\w+)$/.exec(plain(parameter)) ?? []
  const number = /\.\d+\./.exec(parameter)?.[0] ?? ''
  const near = [...base.tensors.keys()].filter((name) => name.includes(number) && name.includes('.experts.'))
  const found = expertParts(leaf ?? '').map((part) => {
    const pattern = new RegExp(`^(.*\\bexperts)\\.(\\d+)\\.(?:${part})\\.weight$`)
    return near.flatMap((name) => {
      const match = pattern.exec(plain(name))
      return match && match[1] === stem ? [{ name, expert: Number(match[2]) }] : []
    })
  })
  if (!found.length || found.some((list) => list.length !== experts))
    throw wrong(`the base has no such tensor, and not its ${experts} experts one by one`)
  const rows = height / found.length
  return found.flatMap((list, i) =>
    list.map(({ name, expert }): [string, Product] => {
      if (String(base.tensors.get(name)!.shape) !== `${rows},${down[1]}`) throw misfit(all, name, tensors.get(a)!)
      return [name, { ...one, expert, from: i * rows, rows, flipped: false }]
    }),
  )
}

/** A tensor of an adapter, or what it makes, does not fit `target` of its base. */
export function misfit(
  { file, base, config }: Pick<Matching, 'file' | 'base' | 'config'>,
  target: string,
  { name, shape: found }: { name: string; shape: readonly number[] },
): UserError {
  const own = base.tensors.get(target)!.shape
  const grown =
    found.length === 2 &&
    own.length === 2 &&
    found[1] === own[1] &&
    found[0] !== own[0] &&
    /embed|wte|lm_head|shared/.test(target)
  const hint = grown
    ? `; the vocabulary was resized before the training: give the base with ${found[0]} rows (resize_token_embeddings), saved`
    : config.base_model_name_or_path
      ? `; ${ADAPTER_CONFIG} names ${config.base_model_name_or_path} as the base`
      : ''
  return new UserError(`${file}: ${name} [${found}] does not fit ${target} [${own}] of ${base.folder}${hint}`)
}
