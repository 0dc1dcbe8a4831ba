// Writes a LoRA adapter that peft loads: adapter_config.json and adapter_model.safetensors, complete or not at all.
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { transpose } from '../adapters/index.js'
import { UserError } from '../errors/index.js'
import { writeFolder } from '../files/index.js'
import { ADAPTER_WEIGHTS } from './adapter-config.js'
import { type AdapterPlan, moduleOf, type Place, planAdapter } from './adapter-plan.js'
import { ADAPTER_CONFIG, type Checkpoint } from './checkpoint.js'
import { encode, type WritableDtype } from './dtype.js'
import { planLayout } from './layout.js'

/** The factors of one weight's change: B·A is added to the weight, of the shape [out, in]. */
export interface LoraFactors {
  rank: number
  /** [rank, in] and [out, rank], row-major; of several matrices in one tensor [count · rank, in] and [out, rank · count], the count last. */
  a: Float32Array
  b: Float32Array
}

export interface WholeTensor {
  shape: readonly number[]
  /** Whole, or part after part. */
  values: Float32Array | (() => AsyncIterable<Float32Array>)
}

export interface AdapterOptions {
  /** By the name of the weight, e.g. `model.layers.0.self_attn.q_proj.weight`. */
  factors: ReadonlyMap<string, LoraFactors>
  /** Tensors that are stored whole, by name: norms, biases, a head, a tied embedding. */
  whole?: ReadonlyMap<string, WholeTensor>
  /** What peft loads the adapter onto: the folder or hub name of the base. */
  baseModel: string
  /** The base's, which say how peft finds its modules; without them every matrix is a linear layer or an embedding. */
  model?: Pick<Checkpoint, 'config' | 'tensors'>
  dtype?: WritableDtype | undefined
  overwrite?: boolean | undefined
  /** Text of README.md. */
  card?: string | undefined
  /** Further files, by name. */
  files?: Readonly<Record<string, string>> | undefined
}

/** Dots of module names mean dots: peft takes the keys of rank_pattern for regular expressions. */
const escapeDots = (module: string) => module.replaceAll('.', '\\.')

/** alpha is the rank of each module, so that the factor of B·A is 1. @throws UserError for an existing folder, or no factors */
export async function writeAdapter(folder: string, options: AdapterOptions): Promise<void> {
  const { factors, dtype = 'F32' } = options
  if (factors.size === 0)
    throw new UserError(
      `${folder}: no matrix is selected, so the adapter would be empty; select tensors that are matrices`,
    )
  const { config, contents } = describeAdapter(options)
  await writeAdapterFolder(folder, { ...options, dtype, config, contents })
}

/** Writes adapter_config.json and the tensors of adapter_model.safetensors. */
export async function writeAdapterFolder(
  folder: string,
  {
    config,
    contents,
    dtype,
    overwrite,
    card,
    files = {},
  }: Pick<AdapterOptions, 'overwrite' | 'card' | 'files'> & {
    config: object
    contents: ReadonlyMap<string, WholeTensor>
    dtype: WritableDtype
  },
): Promise<void> {
  const plan = [...contents].map(([name, { shape }]) => ({ name, dtype, shape }))
  const [file] = planLayout(plan, Infinity, { format: 'pt' }).files

  await writeFolder(folder, { overwrite, bytes: file!.size }, async (partial) => {
    await writeFile(join(partial, ADAPTER_CONFIG), `${JSON.stringify(config, null, 2)}\n`)
    if (card !== undefined) await writeFile(join(partial, 'README.md'), card)
    for (const [name, text] of Object.entries(files)) await writeFile(join(partial, name), text)
    const handle = await open(join(partial, ADAPTER_WEIGHTS), 'wx')
    try {
      await handle.write(file!.head, 0, file!.head.length, 0)
      for (const [name, { values }] of contents) {
        let at = file!.spans.get(name)!.begin
        for await (const part of typeof values === 'function' ? values() : [values]) {
          const bytes = encode(dtype, part)
          await handle.write(bytes, 0, bytes.length, at)
          at += bytes.length
        }
      }
    } finally {
      await handle.close()
    }
  })
}

/** adapter_config.json, and the tensors of the file under the names that peft looks for. */
function describeAdapter({ factors, whole = new Map<string, WholeTensor>(), baseModel, model }: AdapterOptions): {
  config: object
  contents: Map<string, WholeTensor>
} {
  const plan = planAdapter(model ?? { config: null, tensors: shapesOf(factors, whole) })
  const parts = [...factors].map(([name, lora]) => partOf(name, lora, plan))
  const stored = contentsOf(parts, whole, plan)
  return { config: configOf(parts, stored, plan, baseModel), contents: stored.contents }
}

interface Stored {
  /** The tensors of the file. */
  contents: Map<string, WholeTensor>
  /** Modules that peft keeps beside the base (modules_to_save). */
  saved: Set<string>
  /** For each stored bias, whether its module has factors too. */
  biases: boolean[]
}

/** The tensors of the file under the names that peft looks for. */
function contentsOf(parts: readonly Part[], whole: ReadonlyMap<string, WholeTensor>, plan: AdapterPlan): Stored {
  const contents = new Map<string, WholeTensor>()
  // Two parameters of one module: peft wraps the module once for each, in the order of the class (gate_up_proj before down_proj).
  const wraps = (module: string) =>
    parts
      .filter((each) => each.module === module)
      .sort((one, two) => Number(/down/.test(one.key)) - Number(/down/.test(two.key)))
  const inside = (module: string, depth: number) =>
    ['base_model.model', module, ...Array<string>(depth).fill('base_layer')].filter(Boolean).join('.')
  /** The name of a base's tensor: a module with factors holds that of the base, with all that lies in it. */
  const wrapped = (name: string) => {
    const words = name.split('.')
    const depth = (i: number) => (i ? wraps(words.slice(0, i).join('.')).length : 0)
    return words.map((word, i) => 'base_layer.'.repeat(depth(i)) + word).join('.')
  }
  for (const {
    place,
    lora: { rank, a, b },
    module,
    key,
  } of parts) {
    const among = wraps(module)
    const prefix = inside(module, among.length - 1 - among.findIndex((each) => each.key === key))
    const count = place.as === 'parameter' ? place.count : 1
    const [inputs, outputs] = [a.length / rank / count, b.length / rank / count]
    if (place.as === 'embedding') {
      // peft keeps the factors of an embedding the other way round: its weight is (B·A)ᵀ.
      contents.set(`${prefix}.lora_embedding_A`, { shape: [rank, outputs], values: transpose(b, outputs, rank) })
      contents.set(`${prefix}.lora_embedding_B`, { shape: [inputs, rank], values: transpose(a, rank, inputs) })
    } else {
      contents.set(`${prefix}.lora_A.weight`, { shape: [rank * count, inputs], values: a })
      contents.set(`${prefix}.lora_B.weight`, { shape: [outputs, rank * count], values: b })
    }
  }
  // What peft keeps beside the base (modules_to_save), what it keeps in it (biases), and what stands in the base's place.
  const saved = new Set<string>()
  const biases: boolean[] = []
  for (const [name, content] of whole) {
    const memory = plan.memoryName(name)
    const own = plan.savedModule(name)
    if (own !== null) saved.add(own)
    else if (memory.endsWith('.bias')) biases.push(wraps(moduleOf(memory)).length > 0)
    contents.set(`base_model.model.${wrapped(memory)}`, content)
  }
  return { contents, saved, biases }
}

/** adapter_config.json. alpha is the rank of each module. */
function configOf(parts: readonly Part[], { saved, biases }: Stored, plan: AdapterPlan, baseModel: string): object {
  const usual = mostFrequent(parts.map(({ lora }) => lora.rank))
  const other = parts
    .filter(({ lora }) => lora.rank !== usual)
    .map(({ key, lora }) => [escapeDots(key), lora.rank] as const)
  const parameters = parts.filter(({ place }) => place.as === 'parameter').map(({ key }) => key)
  return {
    peft_type: 'LORA',
    task_type: plan.taskType,
    base_model_name_or_path: baseModel,
    inference_mode: true,
    r: usual,
    lora_alpha: usual,
    rank_pattern: Object.fromEntries(other),
    alpha_pattern: Object.fromEntries(other),
    use_rslora: false,
    use_dora: false,
    fan_in_fan_out: plan.fanInFanOut,
    bias: biases.length === 0 ? 'none' : biases.every(Boolean) ? 'lora_only' : 'all',
    lora_dropout: 0,
    init_lora_weights: true,
    target_modules: parts.filter(({ place }) => place.as !== 'parameter').map(({ key }) => key),
    modules_to_save: saved.size ? [...saved] : null,
    // peft before 0.17 does not know the entry.
    ...(parameters.length ? { target_parameters: parameters } : {}),
  }
}

interface Part {
  place: Place
  lora: LoraFactors
  /** The module that peft wraps, and what the configuration calls it: the module, or one parameter of it. */
  module: string
  key: string
}

function partOf(name: string, lora: LoraFactors, plan: AdapterPlan): Part {
  const place = plan.placeOf(name)
  const memory = plan.memoryName(name)
  if (place.as !== 'parameter' && !memory.endsWith('.weight'))
    throw new UserError(`${name} is not the weight of a module, and an adapter has no factors of anything else`)
  return { place, lora, module: moduleOf(memory), key: place.as === 'parameter' ? memory : moduleOf(memory) }
}

function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort(([, one], [, two]) => two - one)[0]![0]
}

/** The tensors that the parts themselves tell of. */
function shapesOf(factors: AdapterOptions['factors'], whole: ReadonlyMap<string, WholeTensor>): Checkpoint['tensors'] {
  const matrices = [...factors].map(([name, { rank, a, b }]) => [name, [b.length / rank, a.length / rank]] as const)
  const others = [...whole].map(([name, { shape }]) => [name, shape] as const)
  return new Map(
    [...matrices, ...others].map(([name, shape]) => [
      name,
      { name, dtype: 'F32', shape: [...shape], file: '', begin: 0, end: 0 },
    ]),
  )
}
