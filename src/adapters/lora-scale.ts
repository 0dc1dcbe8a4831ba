// The rank of LoRA's factors, and what their product is multiplied by.
import { z } from 'zod'
import { pattern, patternValue } from './patterns.js'

/** What adapter_config.json says of them, with the defaults of peft. */
export const loraScales = {
  r: z.number().int().min(1).default(8),
  lora_alpha: z.number().default(8),
  rank_pattern: pattern(z.number().int().min(1)),
  alpha_pattern: pattern(z.number()),
  use_rslora: z.boolean().nullish(),
}

type Scales = z.infer<z.ZodObject<typeof loraScales>>

/** Rank of a module (or parameter), and the factor of B·A: alpha / r, or alpha / √r with rank-stabilised LoRA (arXiv 2312.03732). */
export function loraScale(config: Scales, module: string): { rank: number; scale: number } {
  const rank = patternValue(config.rank_pattern, module) ?? config.r
  const alpha = patternValue(config.alpha_pattern, module) ?? config.lora_alpha
  return { rank, scale: alpha / (config.use_rslora ? Math.sqrt(rank) : rank) }
}
