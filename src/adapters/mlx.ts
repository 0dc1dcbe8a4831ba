// Adapters of mlx-lm: A is [in, rank] and B [rank, out]; of an embedding A is [rows, rank] and B [rank, columns].
import { z } from 'zod'
import { productRows, transpose } from './matrix.js'
import { type AdapterKind, type AdapterModule, type AdapterPart, adapterKind, need } from './module.js'

const parameters = z.looseObject({
  lora_parameters: z.looseObject({ scale: z.number() }),
})
type Parameters = z.infer<typeof parameters>

/** Lines of the weight are `up` times `down`. */
function factorsOf(module: AdapterModule<Parameters>): { up: AdapterPart; down: AdapterPart; scale: number } {
  const { outputs, inputs, name, config } = module
  const { scale } = config.lora_parameters
  const isTable = /(^|\.)(embed\w*|wte|wpe|tok_embeddings|\w+_embeddings?)$/.test(name)
  if (isTable) {
    const up = need(module, 'lora_a', outputs, -1)
    return { up, down: need(module, 'lora_b', up.shape[1]!, inputs), scale }
  }
  const a = need(module, 'lora_a', inputs, -1)
  const rank = a.shape[1]!
  const b = need(module, 'lora_b', rank, outputs)
  return {
    up: { shape: [outputs, rank], values: transpose(b.values, rank, outputs) },
    down: { shape: [rank, inputs], values: transpose(a.values, inputs, rank) },
    scale,
  }
}

const lora = adapterKind<Parameters>({
  type: 'lora of mlx-lm',
  parts: ['lora_a', 'lora_b'],
  gives: 'rounded delta',
  config: parameters,
  open(module) {
    const { up, down, scale } = factorsOf(module)
    return { rows: (from, to) => productRows(up, down, { from, to }, scale) }
  },
})

/** Lines of W + scale · B·A are given the lengths m; the steps are rounded to the format of the base. */
const dora = adapterKind<Parameters>({
  type: 'dora of mlx-lm',
  parts: ['lora_a', 'lora_b', 'm'],
  gives: 'weight',
  config: parameters,
  open(module) {
    const { up, down, scale } = factorsOf(module)
    const lengths = need(module, 'm', module.outputs).values
    return {
      async rows(from, to, base) {
        const rows = await base(from, to)
        const change = module.round(productRows(up, down, { from, to }, scale))
        for (let at = 0; at < rows.length; at++) rows[at]! += change[at]!
        module.round(rows)
        const { inputs } = module
        for (let row = 0; row < to - from; row++) {
          const line = rows.subarray(row * inputs, (row + 1) * inputs)
          const squares = module.round(line.map((value) => value * value))
          const [sum] = module.round(Float32Array.of(squares.reduce((total, value) => total + value, 0)))
          const [length] = module.round(Float32Array.of(Math.sqrt(sum!)))
          const factor = Math.fround(lengths[from + row]! / length!)
          for (let at = 0; at < inputs; at++) line[at]! *= factor
        }
        return rows
      },
    }
  },
})

/** By `fine_tune_type` of adapter_config.json; of `full` the file holds whole tensors. */
export const MLX_KINDS: Readonly<Record<string, AdapterKind | null>> = { lora, dora, full: null }
