// Kinds that change some entries of a weight: SHiRA, SuperTuning.
import { z } from 'zod'
import { productRows } from './matrix.js'
import { type AdapterModule, adapterKind, need, type ReadBaseRows } from './module.js'

/** SHiRA (arXiv 2406.13175): values at places that the file has. */
const shira = adapterKind({
  type: 'SHIRA',
  parts: ['shira_weight', 'shira_indices'],
  gives: 'delta',
  config: z.looseObject({}),
  open(module) {
    const { outputs, inputs } = module
    const { values } = need(module, 'shira_weight', -1)
    const indices = need(module, 'shira_indices', 2, values.length).values
    return {
      rows(from, to) {
        const rows = new Float32Array((to - from) * inputs)
        for (let n = 0; n < values.length; n++) {
          const [row, column] = [indices[n]!, indices[values.length + n]!]
          if (!(row >= 0 && row < outputs && column >= 0 && column < inputs))
            module.fail(`shira_indices names [${row}, ${column}], and the weight is [${outputs}, ${inputs}]`)
          if (row >= from && row < to) rows[(row - from) * inputs + column]! += values[n]!
        }
        return rows
      },
    }
  },
})

/** SuperTuning (arXiv 2607.09287): values added to the weights of largest (or smallest) magnitude, and a product beside them. */
const supertuning = adapterKind({
  type: 'SUPERTUNING',
  parts: ['supertuning_values', 'supertuning_indices', 'supertuning_lora_A.weight', 'supertuning_lora_B.weight'],
  gives: 'weight',
  config: z.looseObject({
    r: z.number().int().min(1).nullish(),
    lora_alpha: z.number().nullish(),
    select_top: z.boolean().default(true),
  }),
  open(module) {
    const { outputs, inputs, config, round, parts } = module
    const values = round(need(module, 'supertuning_values', -1).values)
    let places: Promise<ArrayLike<number>> | undefined
    const find = async (base: ReadBaseRows): Promise<ArrayLike<number>> => {
      if (!parts.has('supertuning_indices')) return byMagnitude(module, await base(0, outputs), values.length)
      return need(module, 'supertuning_indices', values.length).values
    }
    const { r: rank, lora_alpha: alpha } = config
    const factors = rank
      ? [
          need(module, 'supertuning_lora_B.weight', outputs, rank),
          need(module, 'supertuning_lora_A.weight', rank, inputs),
        ]
      : null
    return {
      async rows(from, to, base) {
        places ??= find(base)
        const own = await places
        const rows = await base(from, to)
        for (let n = 0; n < values.length; n++) {
          const place = own[n]!
          if (!(place >= 0 && place < outputs * inputs))
            module.fail(`supertuning_indices names the entry ${place}, and the weight has ${outputs * inputs}`)
          const at = place - from * inputs
          if (at >= 0 && at < rows.length) rows[at]! += values[n]!
        }
        round(rows)
        if (!factors) return rows
        const change = round(productRows(factors[0]!, factors[1]!, { from, to }, (alpha ?? 0) / rank!))
        return rows.map((value, i) => value + change[i]!)
      },
    }
  },
})

/** The places of the weights of largest or smallest magnitude, in order, as torch.topk gives them where no two are alike. */
function byMagnitude(
  module: AdapterModule<{ select_top: boolean }>,
  weight: Float32Array,
  count: number,
): ArrayLike<number> {
  const sign = module.config.select_top ? -1 : 1
  const keys = weight.map((value) => sign * Math.abs(value))
  const last = keys.slice().sort()[count - 1]!
  const chosen = Int32Array.from(keys.keys()).filter((place) => keys[place]! <= last)
  chosen.sort((one, two) => keys[one]! - keys[two]!)
  if (chosen.length !== count || chosen.some((place, n) => n > 0 && keys[place] === keys[chosen[n - 1]!]))
    module.fail(
      'the file does not say which weights it changes (save_precomputed_indices: false), and several of the base have the same magnitude; save the adapter with save_precomputed_indices: true',
    )
  return chosen
}

export const SPARSE = [shira, supertuning]
