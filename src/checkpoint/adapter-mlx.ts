// adapter_config.json of mlx-lm: what training was told, and which of its numbers count. Seen with mlx-lm 0.32.2, and 0.4 to 0.20 for `alpha`.
import { z } from 'zod'
import { MLX_KINDS } from '../adapters/index.js'
import { UserError, unknown } from '../errors/index.js'
import { checkValue } from '../schema/index.js'

const Config = z.looseObject({
  fine_tune_type: z.string().default('lora'),
  model: z.string().nullish(),
  lora_parameters: z
    .looseObject({ rank: z.number().int().min(1), scale: z.number(), alpha: z.number().nullish() })
    .nullish(),
  num_layers: z.number().nullish(),
})

/** mlx-lm writes down all its arguments, and never a peft_type. */
export const isMlx = (value: Readonly<Record<string, unknown>>): boolean =>
  value.peft_type === undefined && ['fine_tune_type', 'lora_parameters', 'lora_layers'].some((key) => key in value)

/** The factor of B·A; 0 for whole tensors, which have none. */
export const mlxScale = (value: Readonly<Record<string, unknown>>): number =>
  Config.parse(value).lora_parameters?.scale ?? 0

/** @throws UserError for a kind that mlx-lm does not have, and for a scale that cannot be known */
export function readMlx(value: Readonly<Record<string, unknown>>, path: string) {
  const config = checkValue(Config, value, path)
  const { fine_tune_type: type, lora_parameters: parameters, num_layers: layers, model } = config
  const kind = MLX_KINDS[type]
  if (kind === undefined) throw unknown(`fine_tune_type in ${path}`, type, Object.keys(MLX_KINDS))
  if (kind !== null && !parameters)
    throw new UserError(`${path}: lora_parameters is missing, and without its scale the adapter cannot be applied`)
  const { alpha, rank, scale } = parameters ?? {}
  const notes: string[] = []
  if (kind !== null && typeof alpha === 'number' && alpha !== rank) {
    // num_layers came with mlx-lm 0.19; the scale was multiplied by alpha / rank up to 0.14, and is not from 0.15 on.
    if (layers == null)
      throw new UserError(
        `${path}: lora_parameters has alpha ${alpha} and scale ${scale}: mlx-lm up to 0.14 multiplied by scale × alpha / rank = ${(scale! * alpha) / rank!}, and 0.15 to 0.18 by scale; write the one that was trained as scale, and take alpha out`,
      )
    notes.push(`${path}: alpha ${alpha} is passed over, as mlx-lm does since 0.15: the factor is scale, ${scale}`)
  }
  return { type: `${type} of mlx-lm`, kind, model: model ?? null, notes }
}
