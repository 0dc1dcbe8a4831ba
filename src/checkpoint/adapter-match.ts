// Which tensors of its base an adapter of peft changes, and how, told by its headers: what peft's merge_and_unload makes of them.
import { UserError } from '../errors/index.js'
import type { Checkpoint } from './checkpoint.js'
import { isFloating } from './dtype.js'
import type { TensorEntry } from './header.js'
import { ADAPTER_CONFIG, isParameter, isSaved, scaleOf, tokenRows, type LoraConfig } from './lora.js'
import { memoryName } from './module-names.js'
import { layerOf } from './roles.js'
import { isOutput, outputOf, sourceOf } from './tie-names.js'
import { saysTied } from './tie-defaults.js'
import { untie } from './tied.js'

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
}

/** How one tensor is changed: replaced, then some of its rows, then what is added. Names are those of the adapter's file. */
export interface Change {
  whole?: string
  rows?: { name: string; ids: readonly number[] }
  products: Product[]
  /** A vector that is added. */
  bias?: { name: string; scale: number }
}

export interface Match {
  /** The base, without its ties where the adapter breaks them. */
  base: Checkpoint
  changes: Map<string, Change>
  /** Sentences for the user. */
  notes: string[]
}

/** model_types whose layers are Conv1D: the weights are stored [in, out], which a square one does not show. */
const CONV1D = /^(gpt2|openai-gpt|imagegpt|decision_transformer)$/
const isConv1d = (name: string, { config }: Checkpoint, { fan_in_fan_out: said }: LoraConfig): boolean =>
  config?.model_type === undefined ? said === true : CONV1D.test(String(config.model_type)) && layerOf(name) !== null
/** model_types whose fused experts are stored [experts, in, out], which square ones do not show. */
const TURNED = /^(gpt_oss|llama4|llama4_text)$/

type Tensors = ReadonlyMap<string, TensorEntry>
/** The tensors of an adapter by what they do, under the names of the model's modules. */
interface Sorted {
  factors: Map<string, Map<string, string>>
  whole: Map<string, string>
  rows: Map<string, string>
}

/** @throws UserError naming the tensor that has no place in the base, and why */
export function matchAdapter(file: string, config: LoraConfig, tensors: Tensors, given: Checkpoint): Match {
  const sorted = sortTensors(file, tensors)
  const base = breakTies(config, sorted, given)
  const changes = new Map<string, Change>()
  const notes: string[] = []
  const change = (name: string): Change => changes.get(name) ?? changes.set(name, { products: [] }).get(name)!
  const place = placesIn(file, config, base)
  const fit = (name: string, target: string) => {
    if (String(tensors.get(name)!.shape) !== String(base.tensors.get(target)!.shape)) throw misfit(file, name, tensors, target, base)
  }

  for (const [inner, name] of sorted.whole) {
    const target = place(inner)
    fit(name, target)
    change(target).whole = name
  }
  for (const [module, name] of sorted.rows) {
    const [target, ids] = [place(`${module}.weight`), tokenRows(config, module)]
    const [rows, width] = tensors.get(name)!.shape
    if (ids?.length !== rows) throw new UserError(`${file}: ${name} has ${rows} rows, and trainable_token_indices of ${ADAPTER_CONFIG} ${ids?.length ?? 'none'}`)
    const [count, own] = base.tensors.get(target)!.shape
    if (own !== width || ids.some((id) => id >= count)) throw misfit(file, name, tensors, target, base)
    change(target).rows = { name, ids }
  }
  for (const [module, parts] of sorted.factors) {
    for (const [target, product] of productsOf({ file, config, tensors, base, place }, module, parts)) {
      const { dtype } = base.tensors.get(target)!
      if (!isFloating(dtype)) throw new UserError(`${base.folder}: ${target} is not floating, and the adapter changes it`)
      change(target).products.push(product)
    }
    const bias = parts.get('bias')
    if (bias !== undefined) {
      const target = place(`${module}.bias`)
      fit(bias, target)
      change(target).bias = { name: bias, scale: scaleOf(config, module).scale }
    }
  }
  if (changes.size === 0) throw new UserError(`${file}: holds no LoRA tensors`)
  const output = base.config && saysTied(base.config) ? outputOf(base) : null
  const source = output === null ? null : sourceOf(output, base.tensors.keys())
  if (source !== null && changes.get(source)?.products.length)
    notes.push(`${file}: ${source} and ${output} are one tensor, and what the adapter adds to either is added to both, as peft's merge_and_unload does; before merging, peft keeps them apart`)
  return { base, changes, notes }
}

const LINEAR = /^(.*)\.lora_([AB])(?:\.default)?\.(weight|bias)$/
const EMBEDDING = /^(.*)\.lora_embedding_([AB])(?:\.default)?(?:\.weight)?$/
const ROWS = /^(.*)\.token_adapter(?:\.default)?\.trainable_tokens_delta$/
/** Names under which peft repeats a module that it stores whole. */
const REPEATED = /\.modules_to_save(\.default)?(?=\.)/

function sortTensors(file: string, tensors: Tensors): Sorted {
  const sorted: Sorted = { factors: new Map(), whole: new Map(), rows: new Map() }
  const add = (module: string, part: string, name: string) =>
    void sorted.factors.set(module, (sorted.factors.get(module) ?? new Map<string, string>()).set(part, name))
  for (const { name, shape } of tensors.values()) {
    const inner = name.replace(/^base_model\.model\./, '')
    if (shape.includes(0)) throw new UserError(`${file}: ${name} [${shape}] is empty: the adapter was saved under ZeRO-3 without its weights gathered; save it again`)
    const [linear, embedding, rows] = [LINEAR, EMBEDDING, ROWS].map((pattern) => pattern.exec(inner))
    if (linear) add(linear[1], linear[3] === 'bias' ? 'bias' : linear[2], name)
    else if (embedding) add(embedding[1], `embedding ${embedding[2]}`, name)
    else if (rows) sorted.rows.set(rows[1], name)
    else if (inner.includes('.original_module.') || inner.includes('.lora_monteclora_sampler.')) continue
    else if (/\.(lora_|token_adapter)/.test(inner)) throw new UserError(`${file}: ${name}: this part of an adapter is not known; merge it with peft first`)
    else {
      const plain = inner.replace(REPEATED, '').replace(/(\.base_layer)+(?=\.\w+$)/, '')
      if (plain === inner || !sorted.whole.has(plain)) sorted.whole.set(plain, name)
    }
  }
  return sorted
}

/** A module that peft stores whole is tied to nothing, unless the config holds the ties: then the output is a tensor of its own. */
function breakTies(config: LoraConfig, { whole }: Sorted, base: Checkpoint): Checkpoint {
  if (!base.config || !saysTied(base.config) || config.ensure_weight_tying) return base
  const output = outputOf(base)
  const source = output === null ? null : sourceOf(output, base.tensors.keys())
  if (output === null || source === null) return base
  const bias = output.replace(/weight$/, 'bias')
  const saved = [...whole.keys()].some((name) => isSaved(config, name) && [output, bias, source].some((each) => memoryName(each, base.config) === name || each === name))
  return saved ? untie(base, [output]) : base
}

/** Where a tensor of the model in memory is in the file of the base. */
function placesIn(file: string, config: LoraConfig, base: Checkpoint) {
  const stored = new Map([...base.tensors.keys()].flatMap((name) => {
    const memory = memoryName(name, base.config)
    return [[memory, name], [memory.replace('.block_sparse_moe.', '.mlp.'), name]] as const
  }))
  return (name: string): string => {
    const found = base.tensors.has(name) ? name : stored.get(name)
    if (found !== undefined) return base.tied.get(found) ?? found
    // Base and adapter may differ in the prefix of a model without its head (`transformer.`, `model.`).
    const near = new Set([...stored].filter(([each]) => each.endsWith(`.${name}`) || name.endsWith(`.${each}`)).map(([, stands]) => stands))
    if (near.size === 1) return [...near][0]
    const source = isOutput(name) && base.config && saysTied(base.config) ? sourceOf(name, base.tensors.keys()) : null
    if (source !== null) return source
    const head = isSaved(config, name) || /(^|\.)(classifier|score|qa_outputs)\./.test(name)
    throw new UserError(head
      ? `${file}: ${name} is of a head${config.task_type ? ` (task_type ${config.task_type})` : ''} that ${base.folder} does not have: give a base that was saved with such a head, or merge the adapter with peft first`
      : `${file}: ${name} is not in ${base.folder}: the adapter is of another base, or of modules that its files do not have under this name`)
  }
}

interface Matching {
  file: string
  config: LoraConfig
  tensors: Tensors
  base: Checkpoint
  place(name: string): string
}

function productsOf(all: Matching, module: string, parts: ReadonlyMap<string, string>): [target: string, product: Product][] {
  const { file, config, tensors, base, place } = all
  const embedding = parts.has('embedding A') || parts.has('embedding B')
  const [a, b] = ['A', 'B'].map((part) => parts.get(embedding ? `embedding ${part}` : part))
  if (!a || !b) throw new UserError(`${file}: ${module} has only one of A and B`)
  const [down, up] = [tensors.get(a)!.shape, tensors.get(b)!.shape]
  if (down.length !== 2 || up.length !== 2) throw new UserError(`${file}: ${module}: adapters of convolutions are not read`)
  const parameter = parameterOf(all, module)
  if (parameter !== null && !parameter.endsWith('.weight')) return expertsOf(all, parameter, [a, b])

  const target = place(parameter ?? `${module}.weight`)
  const { rank, scale } = scaleOf(config, parameter ?? module)
  if (down[0] !== rank || up[1] !== rank) throw new UserError(`${file}: ${module}: A [${down}] and B [${up}] are not of the rank ${rank} that ${ADAPTER_CONFIG} says`)
  const shape = String(base.tensors.get(target)!.shape)
  const [straight, turned] = [shape === `${up[0]},${down[1]}`, shape === `${down[1]},${up[0]}`]
  const flipped = embedding || (parameter === null && (straight && turned ? isConv1d(target, base, config) : turned))
  if (flipped ? !turned : !straight) throw misfit(file, a, tensors, target, base)
  return [[target, { a, b, rank, scale, experts: 1, expert: 0, from: 0, rows: up[0], flipped }]]
}

/** The parameter that a module's factors change by its own name; of two parameters of one module the first has the inner factors. */
function parameterOf({ file, config, base }: Matching, module: string): string | null {
  const owner = module.replace(/\.base_layer$/, '')
  const ends = [...new Set(config.target_parameters.map((target) => target.split('.').at(-1)!))]
  const named = ends.filter((end) => isParameter(config, `${owner}.${end}`) && (end !== 'weight' || base.tensors.has(`${owner}.weight`)))
  const ordered = ['gate_up_proj', 'down_proj'].filter((end) => named.includes(end))
  if (named.length > 1 && ordered.length !== named.length)
    throw new UserError(`${file}: ${owner}: which of its factors change ${named.join(' and which ')} is not known; merge it with peft first`)
  if (owner !== module) {
    if (named.length !== 2) throw new UserError(`${file}: ${module}: this part of an adapter is not known; merge it with peft first`)
    return `${owner}.${ordered[0]}`
  }
  return named.length ? `${owner}.${ordered.at(-1) ?? named[0]}` : null
}

/** The matrices of one expert in files that do not fuse them, with their rows in the fused tensor. */
const SPLIT: Readonly<Record<string, readonly string[]>> = { gate_up_proj: ['gate_proj|w1', 'up_proj|w3'], down_proj: ['down_proj|w2'] }

/** Factors of all experts in one: A3[e] = A[e·rank …], B3[e] = B[:, e :: experts]; a file may hold the experts fused or one by one. */
function expertsOf({ file, config, tensors, base }: Matching, parameter: string, [a, b]: string[]): [string, Product][] {
  const { rank, scale } = scaleOf(config, parameter)
  const [down, up] = [tensors.get(a)!.shape, tensors.get(b)!.shape]
  const experts = down[0] / rank
  const wrong = (why: string) => new UserError(`${file}: ${a} [${down}] and ${b} [${up}] (rank ${rank}) do not fit ${parameter} of ${base.folder}: ${why}`)
  if (!Number.isInteger(experts) || up[1] !== down[0]) throw wrong('they are not of the rank that adapter_config.json says')
  const one = { a, b, rank, scale, experts, from: 0, rows: up[0] }
  const fused = [...base.tensors.keys()].find((name) => memoryName(name, base.config) === parameter)
  if (fused !== undefined) {
    const shape = base.tensors.get(fused)!.shape
    const [straight, turned] = [[experts, up[0], down[1]], [experts, down[1], up[0]]].map((each) => String(each) === String(shape))
    if (!straight && !turned) throw wrong(`it is [${shape}]`)
    return [[fused, { ...one, expert: null, flipped: straight && turned ? TURNED.test(String(base.config?.model_type)) : turned }]]
  }
  const [, layer, leaf] = /^(.*?)\.?(?:mlp|block_sparse_moe)\.experts\.(\w+)$/.exec(parameter) ?? []
  const kinds = SPLIT[leaf] ?? []
  const found = kinds.map((kind) => [...base.tensors.keys()].flatMap((name) => {
    const match = new RegExp(`^(.*?)\\.?(?:mlp|block_sparse_moe)\\.experts\\.(\\d+)\\.(?:${kind})\\.weight$`).exec(name)
    return match?.[1] === layer ? [{ name, expert: Number(match[2]) }] : []
  }))
  if (!found.length || found.some((list) => list.length !== experts)) throw wrong(`the base has no such tensor, and not its ${experts} experts one by one`)
  const rows = up[0] / found.length
  return found.flatMap((list, i) => list.map(({ name, expert }): [string, Product] => {
    if (String(base.tensors.get(name)!.shape) !== `${rows},${down[1]}`) throw misfit(file, a, tensors, name, base)
    return [name, { ...one, expert, from: i * rows, rows, flipped: false }]
  }))
}

function misfit(file: string, name: string, tensors: Tensors, target: string, base: Checkpoint): UserError {
  const [found, own] = [tensors.get(name)!.shape, base.tensors.get(target)!.shape]
  const grown = found.length === 2 && own.length === 2 && found[1] === own[1] && found[0] !== own[0] && /embed|wte|lm_head|shared/.test(target)
  const hint = grown ? `; the vocabulary was resized before the training: give the base with ${found[0]} rows (resize_token_embeddings), saved` : ''
  return new UserError(`${file}: ${name} [${found}] does not fit ${target} [${own}] of ${base.folder}${hint}`)
}
