// Writes a LoRA adapter that peft loads: adapter_config.json and adapter_model.safetensors, complete or not at all.
import { mkdir, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { PARTIAL } from './checkpoint.js'
import { encode, type WritableDtype } from './dtype.js'
import { planLayout } from './layout.js'
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS } from './lora.js'
import { roleOf } from './roles.js'
import { checkTarget } from './target.js'

/** The factors of one weight's change: B·A is added to the weight, of the shape [out, in]. */
export interface LoraFactors {
  rank: number
  /** [rank, in] and [out, rank], row-major. */
  a: Float32Array
  b: Float32Array
}

export interface AdapterOptions {
  /** By the name of the weight, e.g. `model.layers.0.self_attn.q_proj.weight`. */
  factors: ReadonlyMap<string, LoraFactors>
  /** Tensors that are stored whole, by name (norms, a head): peft's modules_to_save. */
  whole?: ReadonlyMap<string, { shape: readonly number[]; values: Float32Array }>
  /** What peft loads the adapter onto: the folder or hub name of the base. */
  baseModel: string
  /** GPT-2's weights are stored [in, out]; factors here are of [out, in] all the same. */
  fanInFanOut?: boolean
  taskType?: 'CAUSAL_LM' | 'SEQ_CLS' | 'FEATURE_EXTRACTION'
  dtype?: WritableDtype
  overwrite?: boolean
  /** Text of README.md. */
  card?: string
}

/** Dots of module names mean dots: peft takes the keys of rank_pattern for regular expressions. */
const escape = (module: string) => module.replaceAll('.', '\\.')
const moduleOf = (name: string) => name.replace(/\.weight$/, '')

/** alpha is the rank of each module, so that the factor of B·A is 1. @throws UserError for an existing folder, or no factors */
export async function writeAdapter(folder: string, options: AdapterOptions): Promise<void> {
  const { factors, whole = new Map<string, never>(), dtype = 'F32' } = options
  if (factors.size === 0) throw new UserError(`${folder}: an adapter without factors is none; choose tensors that are matrices`)
  const odd = [...factors.keys(), ...whole.keys()].find((name) => !name.endsWith('.weight'))
  if (odd !== undefined) throw new UserError(`${folder}: ${odd} is not the weight of a module, and an adapter holds nothing else`)
  const target = resolve(folder)
  await checkTarget(folder, target, options.overwrite ?? false)

  const contents = new Map<string, { shape: readonly number[]; values: Float32Array }>()
  for (const [name, { rank, a, b }] of factors) {
    const key = `base_model.model.${moduleOf(name)}`
    const [inputs, outputs] = [a.length / rank, b.length / rank]
    if (roleOf(name, [outputs, inputs]) === 'embedding') {
      // peft keeps the factors of an embedding the other way round: its weight is (B·A)ᵀ.
      contents.set(`${key}.lora_embedding_A`, { shape: [rank, outputs], values: transpose(b, outputs, rank) })
      contents.set(`${key}.lora_embedding_B`, { shape: [inputs, rank], values: transpose(a, rank, inputs) })
    } else {
      contents.set(`${key}.lora_A.weight`, { shape: [rank, inputs], values: a })
      contents.set(`${key}.lora_B.weight`, { shape: [outputs, rank], values: b })
    }
  }
  for (const [name, content] of whole) contents.set(`base_model.model.${name}`, content)
  const plan = [...contents].map(([name, { shape }]) => ({ name, dtype, shape }))
  const [file] = planLayout(plan, Infinity, { format: 'pt' }).files

  await mkdir(dirname(target), { recursive: true })
  const partial = await mkdtemp(target + PARTIAL)
  try {
    await writeFile(join(partial, ADAPTER_CONFIG), `${JSON.stringify(configOf(options), null, 2)}\n`)
    if (options.card !== undefined) await writeFile(join(partial, 'README.md'), options.card)
    const handle = await open(join(partial, ADAPTER_WEIGHTS), 'wx')
    try {
      await handle.write(file.head, 0, file.head.length, 0)
      for (const [name, { values }] of contents) {
        const bytes = encode(dtype, values)
        await handle.write(bytes, 0, bytes.length, file.spans.get(name)!.begin)
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (options.overwrite) await rm(target, { recursive: true, force: true })
    await rename(partial, target)
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    throw error
  }
}

function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)])
}

function configOf({ factors, whole, baseModel, fanInFanOut = false, taskType = 'CAUSAL_LM' }: AdapterOptions): object {
  const counts = new Map<number, number>()
  for (const { rank } of factors.values()) counts.set(rank, (counts.get(rank) ?? 0) + 1)
  const usual = [...counts].sort(([, one], [, two]) => two - one)[0][0]
  const other = [...factors].filter(([, { rank }]) => rank !== usual).map(([name, { rank }]) => [escape(moduleOf(name)), rank] as const)
  return {
    peft_type: 'LORA',
    task_type: taskType,
    base_model_name_or_path: baseModel,
    inference_mode: true,
    r: usual,
    lora_alpha: usual,
    rank_pattern: Object.fromEntries(other),
    alpha_pattern: Object.fromEntries(other),
    use_rslora: false,
    use_dora: false,
    fan_in_fan_out: fanInFanOut,
    bias: 'none',
    lora_dropout: 0,
    init_lora_weights: true,
    target_modules: [...factors.keys()].map(moduleOf),
    modules_to_save: whole?.size ? [...whole.keys()].map(moduleOf) : null,
  }
}
