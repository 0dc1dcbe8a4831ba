// adapter_config.json of a PEFT LoRA folder: what is read of it, and the kinds of adapter that are refused.
import { join } from 'node:path'
import { z } from 'zod'
import { UserError } from '../errors/index.js'
import { checkValue, readObject } from '../errors/input.js'

export const ADAPTER_CONFIG = 'adapter_config.json'
export const ADAPTER_WEIGHTS = 'adapter_model.safetensors'

const pattern = z.record(z.string(), z.number()).nullish().transform((value) => value ?? {})

/** Keys that only training reads are passed over. */
const Config = z.looseObject({
  peft_type: z.string(),
  base_model_name_or_path: z.string().nullish(),
  r: z.number().int().min(1),
  lora_alpha: z.number(),
  rank_pattern: pattern,
  alpha_pattern: pattern,
  use_rslora: z.boolean().nullish(),
  fan_in_fan_out: z.boolean().nullish(),
  bias: z.string().nullish(),
  use_dora: z.boolean().nullish(),
  lora_bias: z.boolean().nullish(),
  alora_invocation_tokens: z.array(z.number()).nullish(),
  init_lora_weights: z.union([z.boolean(), z.string()]).nullish(),
  layer_replication: z.unknown().optional(),
})
export type LoraConfig = z.infer<typeof Config>

/** Ways to start LoRA that change the base weights too, so that base + B·A is not the model. */
const CHANGES_BASE = /^(pissa|olora|loftq|corda|eva_base|lora_ga)/i

/** @throws UserError naming the file and the entry: not LoRA, DoRA, trained biases, or a start that changes the base */
export async function readLoraConfig(folder: string): Promise<LoraConfig> {
  const path = join(folder, ADAPTER_CONFIG)
  const config = checkValue(Config, readObject(path), path)
  const refuse = (entry: string, given: unknown, why: string) => new UserError(`${path}: ${entry} ${JSON.stringify(given)}: ${why}`)
  if (config.peft_type !== 'LORA') throw refuse('peft_type', config.peft_type, 'only LORA adapters can stand for a model')
  if (config.use_dora) throw refuse('use_dora', true, 'DoRA rescales the columns of the weights; merge it with peft first')
  if (config.bias && config.bias !== 'none') throw refuse('bias', config.bias, 'trained biases are not read; merge it with peft first')
  if (config.lora_bias) throw refuse('lora_bias', true, 'biases of B are not read; merge it with peft first')
  const { alora_invocation_tokens: invocation } = config
  if (invocation?.length) throw refuse('alora_invocation_tokens', invocation, 'an activated LoRA changes the weights for some tokens of a text only')
  if (config.layer_replication) throw refuse('layer_replication', config.layer_replication, 'the model has other layers than its base')
  const { init_lora_weights: start } = config
  if (typeof start === 'string' && CHANGES_BASE.test(start)) {
    throw refuse('init_lora_weights', start, 'the base weights were changed too; convert it to plain LoRA with peft first')
  }
  return config
}

/** The value of the first pattern that fits the end of a module's name, as peft matches them. */
function patternValue(patterns: Readonly<Record<string, number>>, module: string): number | undefined {
  const key = Object.keys(patterns).find((each) => new RegExp(`^(.*\\.)?(${each})$`).test(module))
  return key === undefined ? undefined : patterns[key]
}

/** Rank of a module, and the factor of B·A: alpha / r, or alpha / √r with rank-stabilised LoRA (arXiv 2312.03732). */
export function scaleOf(config: LoraConfig, module: string): { rank: number; scale: number } {
  const rank = patternValue(config.rank_pattern, module) ?? config.r
  const alpha = patternValue(config.alpha_pattern, module) ?? config.lora_alpha
  return { rank, scale: alpha / (config.use_rslora ? Math.sqrt(rank) : rank) }
}
