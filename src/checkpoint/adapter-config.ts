// adapter_config.json of a folder of peft: what is read of it, and the kinds of adapter that are refused.
import { join } from 'node:path'
import { z } from 'zod'
import { type AdapterKind, adapterKindOf, LITE_TYPE, loraScales, TYPES_READ } from '../adapters/index.js'
import { UserError, unknown } from '../errors/index.js'
import { checkValue, readObject } from '../schema/index.js'
import { noteUnknown } from './adapter-fields.js'
import { isMlx, readMlx } from './adapter-mlx.js'
import { ADAPTER_CONFIG } from './checkpoint.js'

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
  /** Of the base on the hub. */
  revision: z.string().nullish(),
  ...loraScales,
  fan_in_fan_out: z.boolean().nullish(),
  use_dora: z.boolean().nullish(),
  use_qalora: z.boolean().nullish(),
  use_bdlora: z.unknown().optional(),
  lora_bias: z.boolean().nullish(),
  monteclora_config: z.unknown().optional(),
  velora_config: z.unknown().optional(),
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

/** Kinds that are not read: why, and their names. */
const REFUSED_KINDS: Readonly<Record<string, readonly string[]>> = {
  'it adds trained tokens to the text and leaves the weights alone, so there is no delta': [
    'PROMPT_TUNING',
    'MULTITASK_PROMPT_TUNING',
    'P_TUNING',
    'PREFIX_TUNING',
    'CPT',
    'CARTRIDGE',
    'ADAPTION_PROMPT',
  ],
  'the input chooses among its parts, which no weight can do': ['XLORA', 'POLY', 'LILY'],
  'it is a small model that runs beside the base and leaves its weights alone, so there is no delta': ['SHADOW'],
  "which rows its parts belong to is not in the file: peft finds them anew by scikit-learn's k-means of the base; merge it with peft first":
    ['ADAMSS'],
  'it turns singular vectors of the base, whose signs the file does not tell: each LAPACK has its own; merge it with peft first, on the machine that trained it':
    ['PSOFT'],
  'peft 0.21 has it no more: convert it to MISS, its successor, with a peft that has both, or merge it with peft 0.15':
    ['BONE'],
}

/** Variants of LoRA, of which peft takes one at a time. */
const VARIANTS = [
  ...['use_dora', 'use_bdlora', 'kasa_config', 'arrow_config', 'alora_invocation_tokens'],
  ...['monteclora_config', 'velora_config'],
] as const

/** Whether the merged weight is no sum of the base and a product. */
const isPlainLora = ({
  use_dora,
  use_bdlora,
  kasa_config,
  init_lora_weights: start,
}: z.infer<typeof Config>): boolean =>
  !(use_dora || use_bdlora || kasa_config || /^(pissa|olora)$/i.test(String(start)))

/** @throws UserError naming the file and the entry: a kind that is not read, other ways of using A and B, or a start that cannot be made again */
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
  const why = Object.entries(REFUSED_KINDS).find(([, types]) => types.includes(type))
  if (why) throw refuse('peft_type', type, why[0])
  if (type === LITE_TYPE) return { ...checkValue(Config, value, path), kind: null, given: value, mlx: false, notes: [] }
  if (type && adapterKindOf(type) === undefined)
    throw unknown(`kind of adapter in ${path} (peft_type)`, type, [...TYPES_READ, LITE_TYPE])
  // Entries of the same name are others in other kinds.
  const { r, lora_alpha, rank_pattern, alpha_pattern, ...shared } = value
  const isLora = type === 'LORA' || !type
  const said = isLora ? value : { trainable_token_indices: value.token_indices, ...shared }
  const checked = checkValue(Config, said, path)
  const config = {
    ...checked,
    kind: adapterKindOf(type || 'LORA', isPlainLora(checked)) ?? null,
    given: value,
    mlx: false,
    notes: [...noteUnknown(value, path), ...noteStart(checked, path)],
  }
  if (isLora) checkLora(config, refuse)
  return config
}

/** @throws UserError for what A and B cannot be merged with */
function checkLora(config: AdapterConfig, refuse: (entry: string, given: unknown, why: string) => UserError): void {
  for (const [entry, why] of REFUSED) {
    const given = config[entry]
    if (Array.isArray(given) ? given.length : given) throw refuse(entry, given, why)
  }
  const variants: string[] = VARIANTS.filter((entry) => config[entry])
  const start = config.init_lora_weights
  if (String(start).toLowerCase() === 'mica') variants.push('init_lora_weights "mica"')
  if (variants.length > 1)
    throw refuse(
      variants[0]!,
      config.given[variants[0]!],
      `peft takes one variant of LoRA at a time, and here is ${variants[1]} too`,
    )
  if (config.use_dora && config.lora_bias) throw refuse('lora_bias', true, 'peft does not take it with use_dora')
  if (typeof start !== 'string') return
  const [, reason] = STARTS.find(([name]) => name.test(start)) ?? [null, 'peft 0.21 has no such start']
  if (reason) throw refuse('init_lora_weights', start, reason)
}

/** What a user must know of a start that peft takes for a usual one. */
const noteStart = ({ init_lora_weights: start }: z.infer<typeof Config>, path: string): string[] =>
  start === 'lora_ga'
    ? [
        `${path}: init_lora_weights "lora_ga": training took a product from the base, which peft does not do when it loads the adapter, and so its merge, and this, have it still; an adapter saved with path_initial_model_for_weight_conversion is right`,
      ]
    : []

const CONVERT =
  "save the adapter with peft's path_initial_model_for_weight_conversion, which makes it plain LoRA, or give the base as training began with it and set init_lora_weights to true"

/** Ways to start LoRA; with a reason those that are refused. peft changes the base again when it loads an adapter of PiSSA or OLoRA. */
const STARTS: [name: RegExp, refused: string | null][] = [
  [/^pissa$/, null],
  [/^(olora|gaussian|mica)$/i, null],
  [/^(eva|orthogonal|lora_ga)$/, null],
  [
    /^pissa_niter_\d+$/,
    `peft takes a random part of the base away when it loads the adapter, another one each time; ${CONVERT}`,
  ],
  [
    /^corda/,
    `the part of the base that was taken away was found with data, and peft cannot find it again without; ${CONVERT}`,
  ],
  [/^loftq$/, 'the base was replaced by a quantised one; give that base, and set init_lora_weights to true'],
]

/** Switches under which W + scale · B·A is not the weight. */
const REFUSED = [
  ['arrow_config', 'the inputs choose among adapters, which no weight can do'],
  ['alora_invocation_tokens', 'an activated LoRA changes the weights for some tokens of a text only'],
  ['layer_replication', 'the model has other layers than its base'],
] as const

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
