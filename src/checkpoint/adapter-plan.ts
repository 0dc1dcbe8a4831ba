// Decides from config.json and the names and shapes of tensors how a peft adapter can store the change of each tensor: which
// task the adapter is of, which module or parameter it targets, and what is stored whole or not at all. Seen with peft 0.21.

import { memoryNames } from '../naming/index.js'
import { type Checkpoint, classNameOf } from './checkpoint.js'
import type { TensorEntry } from './header.js'
import { hasConv1d, isConv1d, wantsTurned } from './orientation.js'
import { roleOf } from './roles.js'
import { headedTask, type TaskType } from './task-types.js'
import { saysTied } from './tie-defaults.js'
import { EMBEDDING, isOutput, SPEAKS } from './tie-names.js'

/** What an adapter holds of a tensor. */
export type Place =
  /** A and B of a linear layer; `turned`: the weight is stored [in, out]. */
  | { as: 'linear' | 'embedding'; turned: boolean }
  /** A and B of a parameter by its own name (target_parameters): a matrix, or `count` matrices in one tensor. */
  | { as: 'parameter'; turned: boolean; count: number }
  /** The tensor as it is. `always`: peft wants it whether it changed or not; `why`: for a matrix, what speaks against factors. */
  | { as: 'whole'; always: boolean; why: string | null }
  /** Nothing: why. */
  | { as: 'none'; why: string }

export interface AdapterPlan {
  taskType: TaskType | null
  /** GPT-2's weights are stored [in, out]. */
  fanInFanOut: boolean
  /** One rank for every module: peft makes parts of fused parameters of them. */
  oneRank: boolean
  placeOf(name: string): Place
  /** The name of a tensor in the model of transformers 5. */
  memoryName(name: string): string
  /** The module that peft stores whole with this tensor (modules_to_save); null where it has none of its own. */
  savedModule(name: string): string | null
}

type Model = Pick<Checkpoint, 'config' | 'tensors'>

/** model_types whose experts peft 0.21 fuses itself, from one adapter for each expert, with the names of transformers 4. */
const FUSED_W = /^(mixtral|minimax|minimax_m2)$/
const FUSED_GATE =
  /^(qwen3_moe|qwen3_next|qwen3_omni_moe|qwen3_omni_moe_thinker|afmoe|deepseek_v2|deepseek_v3|deepseek_v32|dots1|ernie4_5_moe|glm4_moe|glm4_moe_lite|glm_moe_dsa|glm4v_moe|longcat_flash|solar_open|mellum|hunyuan_v1_moe|flex_olmo|olmoe|exaone_moe|cohere2_moe)$/
const EXPERT = /\.experts\.\d+\./
/** Tables that are looked up by the ids that they are given; others have an offset or are read as a whole, and factors are passed over. */
const LOOKED_UP =
  /(^|\.)(wpe|position_embeddings?|token_type_embeddings|relative_attention_bias)\.weight$|^embeddings\.weight$/
/** Mamba's kernels read this weight past its module, and peft refuses to wrap it. */
const MAMBA = /^(falcon_h1|mamba|mamba2|falcon_mamba|nemotron_h)$/

/** Modules that peft makes trainable with the task, by the ends of their names. */
const HEADS: Partial<Record<TaskType, RegExp>> = {
  SEQ_CLS: /(classifier|score)$/,
  TOKEN_CLS: /(classifier|score)$/,
  QUESTION_ANS: /qa_outputs$/,
}

/** The class of peft that fits the model's; null where none does (images, several towers, masked tokens). */
function taskTypeOf({ config, tensors }: Model): TaskType | null {
  const architecture = classNameOf(config)
  const names = [...tensors.keys()]
  const reads = names.some((name) => EMBEDDING.test(name))
  if (/ForCausalLM$|LMHeadModel$/.test(architecture)) return 'CAUSAL_LM'
  if (!reads) return null
  const sides = names.some((name) => /(^|\.)encoder\./.test(name)) && names.some((name) => /(^|\.)decoder\./.test(name))
  const sees = names.some((name) => /vision|visual|patch_embed|(^|\.)(encoder\.conv|audio)/.test(name))
  // peft 0.21 cannot load SEQ_2_SEQ_LM: its class wants a method that transformers 5 has no more.
  if (/ForConditionalGeneration$|WithLMHeadModel$/.test(architecture)) return sides ? null : 'CAUSAL_LM'
  if (sees) return null
  const headed = headedTask(architecture)
  if (headed) return headed
  return /[a-z0-9]Model$/.test(architecture) && !sides ? 'FEATURE_EXTRACTION' : null
}

export function planAdapter(model: Model): AdapterPlan {
  const { config, tensors } = model
  const type = String(config?.model_type)
  const inMemory = memoryNames(tensors.keys(), config)
  const taskType = taskTypeOf(model)
  const fused = FUSED_W.test(type) || FUSED_GATE.test(type)
  const { tied, apart } = tiedMatrices(model)
  const head = taskType === null ? undefined : HEADS[taskType]
  const whole = (why: string | null, always = false): Place => ({ as: 'whole', always, why })
  const outer = outerModules(tensors.keys())

  const placeOf = (name: string): Place => {
    const { shape } = tensors.get(name)!
    const role = roleOf(name, shape)
    if (headOf(name, head) !== null) return whole(`peft keeps a head of ${taskType} so`, true)
    if (EXPERT.test(name) && !fused) return { as: 'none', why: `peft has no adapter for the experts of ${type}` }
    if (shape.length === 3 && /(^|\.)\w*experts\./.test(inMemory(name)))
      return { as: 'parameter', turned: wantsTurned(name, shape, config), count: shape[0]! }
    if (shape.length !== 2 || !name.endsWith('.weight')) return whole(null)
    if (tied.has(name))
      return whole(
        apart
          ? 'the base ties them, and the adapted model does not'
          : 'peft applies factors of an embedding that is the output matrix too to one of the two, or twice when it merges',
      )
    if (!outer.has(moduleOf(name)) && (EMBEDDING.test(name) || LOOKED_UP.test(name)))
      return { as: 'embedding', turned: false }
    if (role === 'embedding') return whole('they are no plain tables of rows for ids')
    if (isRouter(inMemory(name)) && !fused) return whole('routers are no linear layers')
    if (MAMBA.test(type) && /\.(out_proj|dt_proj)\.weight$/.test(name))
      return whole('the kernels of Mamba read them past their modules')
    if (FUSED_GATE.test(type) && /\.(gate|up|down)_proj\.weight$/.test(name) && !EXPERT.test(name))
      return { as: 'parameter', turned: false, count: 1 }
    return { as: 'linear', turned: isConv1d(name, config) }
  }
  const modules = new Map<string, string[]>()
  for (const name of tensors.keys()) modules.set(moduleOf(name), [...(modules.get(moduleOf(name)) ?? []), name])
  const savedModule = (name: string): string | null => {
    const root = headOf(name, head)
    if (root !== null) return inMemory(root)
    const [module, parts] = [moduleOf(name), modules.get(moduleOf(name))!]
    // A bias alone: the weight is another tensor's, and peft would look for both.
    if (outer.has(module) || !parts.includes(`${module}.weight`)) return null
    if (
      parts.some((part) => !/\.(weight|bias)$/.test(part) || (tied.has(part) && !apart) || placeOf(part).as !== 'whole')
    )
      return null
    // peft looks for modules by the ends of their names: `norm` would find every `input_layernorm`.
    const saved = inMemory(module)
    return [...modules.keys()].some((other) => other !== module && inMemory(other).endsWith(saved)) ? null : saved
  }
  return {
    taskType,
    fanInFanOut: hasConv1d(config),
    oneRank: fused && [...tensors.keys()].some((name) => EXPERT.test(name)),
    placeOf,
    memoryName: inMemory,
    savedModule,
  }
}

export const moduleOf = (name: string): string => name.replace(/\.?[^.]+$/, '')

/** Modules that hold other modules. An embedding that does, such as Inkling's with its norm, does more than look rows up. */
function outerModules(names: Iterable<string>): Set<string> {
  const outer = new Set<string>()
  for (const name of names)
    for (let module = moduleOf(moduleOf(name)); module; module = moduleOf(module)) outer.add(module)
  return outer
}

/** The outermost module that holds the tensor and has the name of a head. */
function headOf(name: string, head: RegExp | undefined): string | null {
  if (!head) return null
  const parts = name.split('.').slice(0, -1)
  const end = parts.findIndex((part) => head.test(part))
  return end < 0 ? null : parts.slice(0, end + 1).join('.')
}

const isRouter = (name: string): boolean => /(^|\.)(router|\w+_router|(mlp|\w*moe)\.gate)\.weight$/.test(name)

/** Matrices that are input and output in one for peft's model; `apart`: two where the adapter's model has two. */
function tiedMatrices({ config, tensors }: Model): { tied: Set<string>; apart: boolean } {
  const names = [...tensors.keys()]
  const placeIn = ({ file, begin }: TensorEntry): string => `${file}:${begin}`
  const copies = [...tensors.values()].filter(
    (entry) =>
      entry.file !== '' &&
      isOutput(entry.name) &&
      names.some((name) => name !== entry.name && placeIn(tensors.get(name)!) === placeIn(entry)),
  )
  if (copies.length)
    return {
      tied: new Set(names.filter((name) => EMBEDDING.test(name) || copies.some((copy) => copy.name === name))),
      apart: true,
    }
  const architecture = classNameOf(config)
  const twice = architecture === '' || SPEAKS.test(architecture) || names.includes('shared.weight')
  return {
    tied: new Set(twice && config !== null && saysTied(config) ? names.filter((name) => EMBEDDING.test(name)) : []),
    apart: false,
  }
}
