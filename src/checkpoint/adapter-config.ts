// adapter_config.json of a folder of peft: what is read of it, and the kinds of adapter that are refused.
import { join } from 'node:path'
import { z } from 'zod'
import { type AdapterKind, adapterKindOf, pattern, patternValue, TYPES_READ } from '../adapters/index.js'
import { UserError, unknown } from '../errors/index.js'
import { checkValue, readObject } from '../schema/index.js'
import { noteUnknown } from './adapter-fields.js'
import { isMlx, readMlx } from './adapter-mlx.js'

export const ADAPTER_CONFIG = 'adapter_config.json'
export const ADAPTER_WEIGHTS = 'adapter_model.safetensors'
/** Read where there is no safetensors file: peft before 0.6 wrote it. */
export const ADAPTER_TORCH = 'adapter_model.bin'
/** Written by mlx-lm. */
export const MLX_WEIGHTS = 'adapters.safetensors'

const ids = z.array(z.number().int().min(0))

/** Keys that only training reads are passed over; defaults are those of peft 0.21. */
const Config = z.looseObject({
  peft_type: z.string(),
  base_model_name_or_path: z.string().nullish(),
  r: z.number().int().min(1).default(8),
  lora_alpha: z.number().default(8),
  rank_pattern: pattern(z.number().int().min(1)),
  alpha_pattern: pattern(z.number()),
  use_rslora: z.boolean().nullish(),
  fan_in_fan_out: z.boolean().nullish(),
  use_dora: z.boolean().nullish(),
  use_qalora: z.boolean().nullish(),
  use_bdlora: z.unknown().optional(),
  kasa_config: z.unknown().optional(),
  arrow_config: z.unknown().optional(),
  modules_to_save: z
    .array(z.string())
    .nullish()
    .transform((value) => value ?? []),
  target_parameters: z
    .array(z.string())
    .nullish()
    .transform((value) => value ?? []),
  trainable_token_indices: z.union([ids, z.record(z.string(), ids)]).nullish(),
  ensure_weight_tying: z.boolean().nullish(),
  task_type: z.string().nullish(),
  alora_invocation_tokens: z.array(z.number()).nullish(),
  init_lora_weights: z.union([z.boolean(), z.string()]).nullish(),
  layer_replication: z.unknown().optional(),
})
export type AdapterConfig = z.infer<typeof Config> & {
  /** What the adapter is where it is not plain LoRA; null for plain LoRA, and for kinds that hold tensors of the model. */
  kind: AdapterKind | null
  /** All entries, as they stand there. */
  given: Readonly<Record<string, unknown>>
  /** Whether mlx-lm wrote it. */
  mlx: boolean
  /** Sentences for the user. */
  notes: readonly string[]
}

/** Kinds that are no change of weights: why, and their names. */
const WITHOUT_DELTA: Readonly<Record<string, readonly string[]>> = {
  'it adds trained tokens to the text and leaves the weights alone, so there is no delta': [
    'PROMPT_TUNING',
    'MULTITASK_PROMPT_TUNING',
    'P_TUNING',
    'PREFIX_TUNING',
    'CPT',
    'CARTRIDGE',
    'ADAPTION_PROMPT',
  ],
  'the input chooses among its parts, which no weight can do': ['XLORA', 'POLY', 'LILY', 'SHADOW'],
}

/** Ways to start LoRA that change the base weights too, so that base + B·A is not the model. */
const CHANGES_BASE = /^(pissa|olora|loftq|corda|eva_base|lora_ga)/i

/** @throws UserError naming the file and the entry: a kind that is not read, other ways of using A and B, or a start that changes the base */
export async function readAdapterConfig(folder: string): Promise<AdapterConfig> {
  const path = join(folder, ADAPTER_CONFIG)
  const value = readObject(path)
  if (isMlx(value)) {
    const { type, model, kind, notes } = readMlx(value, path)
    const base = checkValue(Config, { peft_type: type, base_model_name_or_path: model }, path)
    return { ...base, kind, notes, given: value, mlx: true }
  }
  const refuse = (entry: string, given: unknown, why: string) =>
    new UserError(`${path}: ${entry} ${JSON.stringify(given)}: ${why}`)
  const type = typeof value.peft_type === 'string' ? value.peft_type : ''
  const why = Object.entries(WITHOUT_DELTA).find(([, types]) => types.includes(type))
  if (why) throw refuse('peft_type', type, why[0])
  const kind = adapterKindOf(type, value.use_dora === true)
  if (kind === undefined && type) throw unknown(`kind of adapter in ${path} (peft_type)`, type, TYPES_READ)
  // Entries of the same name are others in other kinds.
  const { r, lora_alpha, rank_pattern, alpha_pattern, ...shared } = value
  const isLora = type === 'LORA' || !type
  const said = isLora ? value : { trainable_token_indices: value.token_indices, ...shared }
  const config = {
    ...checkValue(Config, said, path),
    kind: kind ?? null,
    given: value,
    mlx: false,
    notes: noteUnknown(value, path),
  }
  if (!isLora) return config
  for (const [entry, why] of REFUSED) if (config[entry]) throw refuse(entry, config[entry], why)
  const { alora_invocation_tokens: invocation, init_lora_weights: start } = config
  if (invocation?.length)
    throw refuse(
      'alora_invocation_tokens',
      invocation,
      'an activated LoRA changes the weights for some tokens of a text only',
    )
  if (typeof start === 'string' && CHANGES_BASE.test(start)) {
    throw refuse(
      'init_lora_weights',
      start,
      'the base weights were changed too; convert it to plain LoRA with peft first',
    )
  }
  return config
}

/** Switches under which W + scale · B·A is not the weight. */
const REFUSED = [
  ['use_bdlora', 'A and B stand on a block diagonal; merge it with peft first'],
  ['kasa_config', 'the base weights are cut before B·A is added; merge it with peft first'],
  ['use_qalora', 'the inputs are pooled before A, which no weight can do'],
  ['arrow_config', 'the inputs choose among adapters, which no weight can do'],
  ['layer_replication', 'the model has other layers than its base'],
] as const

/** Rank of a module (or parameter), and the factor of B·A: alpha / r, or alpha / √r with rank-stabilised LoRA (arXiv 2312.03732). */
export function scaleOf(config: AdapterConfig, module: string): { rank: number; scale: number } {
  const rank = patternValue(config.rank_pattern, module) ?? config.r
  const alpha = patternValue(config.alpha_pattern, module) ?? config.lora_alpha
  return { rank, scale: alpha / (config.use_rslora ? Math.sqrt(rank) : rank) }
}

/** Whether peft keeps a copy of the module that holds the tensor (modules_to_save), which is then tied to nothing. */
export function isSaved({ modules_to_save: saved }: AdapterConfig, tensor: string): boolean {
  const parts = tensor.split('.')
  return parts.some((_, i) => i > 0 && saved.some((end) => parts.slice(0, i).join('.').endsWith(end)))
}

/** Whether the change is of a parameter by its own name (target_parameters): as it is stored, whatever its module is. */
export const isParameter = ({ target_parameters: targets }: AdapterConfig, name: string): boolean =>
  targets.some((target) => name === target || name.endsWith(`.${target}`))

/** Rows of an embedding that are replaced, by the module's name. */
export function tokenRows(
  { trainable_token_indices: given }: AdapterConfig,
  module: string,
): readonly number[] | undefined {
  if (!given || Array.isArray(given)) return given ?? undefined
  const key = Object.keys(given).find((each) => module === each || module.endsWith(`.${each}`))
  return key === undefined ? undefined : given[key]
}
