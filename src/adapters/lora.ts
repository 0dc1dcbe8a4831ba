// LoRA in the forms that are no sum of the base and a product: DoRA, and starts that change the base (PiSSA, OLoRA, KaSA); and BD-LoRA.
import { z } from 'zod'
import { loraScale, loraScales } from './lora-scale.js'
import { productRows, turned } from './matrix.js'
import {
  type AdapterModule,
  type AdapterPart,
  adapterKind,
  madeOver,
  need,
  needMatrix,
  type ReadBaseRows,
} from './module.js'
import { orthonormalColumns, withoutSingular } from './singular.js'

const Config = z.looseObject({
  ...loraScales,
  use_dora: z.boolean().nullish(),
  init_lora_weights: z.union([z.boolean(), z.string()]).nullish(),
  kasa_config: z.unknown().optional(),
  use_bdlora: z.unknown().optional(),
})
type Module = AdapterModule<z.infer<typeof Config>>

/** LoRA in the forms that are no sum of the base and a product. */
export const lora = adapterKind({
  type: 'LORA',
  parts: [
    ...['lora_A.weight', 'lora_B.weight', 'lora_B.bias', 'lora_embedding_A', 'lora_embedding_B'],
    ...['lora_magnitude_vector', 'lora_diag'],
  ],
  convolutions: true,
  changesBias: (parts) => (parts.has('lora_B.bias') ? 'needed' : false),
  gives: 'weight',
  config: Config,
  open(module) {
    const { config } = module
    const factors = factorsOf(module)
    const keeps = factors.embedding || module.started
    const start = keeps ? (base: ReadBaseRows) => base : startOf(module, factors.rank, factors.scale)
    /** The base as training began with it, and the product. */
    const sum = async (from: number, to: number, base: ReadBaseRows) => {
      const change = productRows(factors.up, factors.down, { from, to }, factors.scale)
      const rows = await start(base)(from, to)
      if (!config.use_dora && (factors.embedding || config.kasa_config || config.use_bdlora)) module.round(change)
      for (let i = 0; i < rows.length; i++) rows[i]! += change[i]!
      return rows
    }
    const bias = module.parts.has('lora_B.bias') ? need(module, 'lora_B.bias', module.outputs).values : null
    return {
      rows: config.use_dora ? withLengths(module, sum, factors.embedding) : sum,
      ...(bias && { bias: (values: Float32Array) => values.map((value, i) => value + factors.scale * bias[i]!) }),
    }
  },
})

interface Factors {
  /** [outputs, rank] and [rank, inputs]; of an embedding outputs are its rows. */
  up: AdapterPart
  down: AdapterPart
  rank: number
  scale: number
  embedding: boolean
}

function factorsOf(module: Module): Factors {
  const { outputs, inputs, name, config, parts } = module
  const { rank, scale } = loraScale(config, name)
  if (parts.has('lora_embedding_A') || parts.has('lora_embedding_B')) {
    const [a, b] = [need(module, 'lora_embedding_A', rank, outputs), need(module, 'lora_embedding_B', inputs, rank)]
    return { up: turned(a), down: turned(b), rank, scale, embedding: true }
  }
  // PiSSA and OLoRA start with what a decomposition of the weight gives: no more rows than it has.
  const decomposed = ['pissa', 'olora'].includes(String(config.init_lora_weights).toLowerCase())
  const held = decomposed ? Math.min(rank, outputs, inputs) : rank
  const [down, up] = config.use_bdlora
    ? [diagonal(module, 'lora_A.weight', rank, inputs), diagonal(module, 'lora_B.weight', outputs, rank)]
    : [needMatrix(module, 'lora_A.weight', held, inputs), needMatrix(module, 'lora_B.weight', outputs, held)]
  if (!config.kasa_config) return { up, down, rank, scale, embedding: false }
  const diag = need(module, 'lora_diag', rank).values
  const scaled = { ...up, values: up.values.map((value, i) => value * diag[i % rank]!) }
  return { up: scaled, down, rank, scale, embedding: false }
}

/** BD-LoRA (peft.tuners.lora): a factor that is narrower than its module is cut into blocks of rows, which stand on the diagonal. */
function diagonal(module: Module, name: string, rows: number, columns: number): AdapterPart {
  const part = need(module, name, rows, -1)
  const width = part.shape[1]!
  const height = (rows * width) / columns
  if (columns % width || !Number.isInteger(height))
    module.fail(`${name} [${part.shape}] is no block diagonal of [${rows}, ${columns}]`)
  const values = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    const own = part.values.subarray(row * width, (row + 1) * width)
    values.set(own, row * columns + Math.floor(row / height) * width)
  }
  return { values, shape: [rows, columns] }
}

/**
 * The base less what A and B started with, which peft takes from it when it loads the adapter: PiSSA (arXiv 2404.02948) the part of the
 * largest singular values, OLoRA (arXiv 2406.01775) s · Q·R of the first columns, KaSA (arXiv 2412.06071) that of the smallest.
 */
function startOf(module: Module, rank: number, scale: number): (base: ReadBaseRows) => ReadBaseRows {
  const { outputs, inputs, config, round } = module
  const least = Math.min(outputs, inputs)
  if (config.kasa_config) {
    if (rank >= least) module.fail(`its rank ${rank} is not below ${least}, the number of singular values`)
    return madeOver(module, async (weight) => round(await withoutSingular(weight, module, least - rank, least)))
  }
  const start = String(config.init_lora_weights)
  if (start === 'pissa')
    return madeOver(module, async (weight) => round(await withoutSingular(weight, module, 0, Math.min(rank, least))))
  if (start.toLowerCase() !== 'olora') return (base) => base
  return madeOver(module, (weight) => round(withoutFirst(weight, module, Math.min(rank, least), scale)))
}

/** W − scale · QQᵀ·W, with Q of the first columns of W. */
function withoutFirst(
  weight: Float32Array,
  { outputs: rows, inputs: columns }: Module,
  count: number,
  scale: number,
): Float32Array {
  const q = orthonormalColumns(weight, { rows, columns, count })
  const left = Float64Array.from(weight)
  for (let k = 0; k < count; k++) {
    const along = new Float64Array(columns)
    for (let row = 0; row < rows; row++)
      for (let i = 0; i < columns; i++) along[i]! += q[row * count + k]! * weight[row * columns + i]!
    for (let row = 0; row < rows; row++)
      for (let i = 0; i < columns; i++) left[row * columns + i]! -= scale * q[row * count + k]! * along[i]!
  }
  return Float32Array.from(left)
}

/** Rows that are read together to find the lengths of columns. */
const BLOCK = 1 << 10

/** DoRA (arXiv 2402.09353): rows, of an embedding columns, are given the lengths that are stored. */
function withLengths(module: Module, sum: ReadSum, isEmbedding: boolean): ReadSum {
  const { outputs, inputs } = module
  const { values: lengths, shape } =
    module.parts.get('lora_magnitude_vector') ?? module.fail('lora_magnitude_vector is missing')
  const count = isEmbedding ? inputs : outputs
  if (lengths.length !== count) module.fail(`lora_magnitude_vector is [${shape.join(', ')}]; [${count}] is wanted`)
  if (!isEmbedding)
    return async (from, to, base) => {
      const rows = await sum(from, to, base)
      for (let row = 0; row < to - from; row++) {
        let size = 0
        for (let at = row * inputs; at < (row + 1) * inputs; at++) size += rows[at]! ** 2
        const factor = lengths[from + row]! / Math.sqrt(size)
        for (let at = row * inputs; at < (row + 1) * inputs; at++) rows[at]! *= factor
      }
      return rows
    }
  const stretch = async (base: ReadBaseRows) => {
    const sizes = new Float64Array(inputs)
    for (let from = 0; from < outputs; from += BLOCK) {
      const rows = await sum(from, Math.min(outputs, from + BLOCK), base)
      for (let at = 0; at < rows.length; at++) sizes[at % inputs]! += rows[at]! ** 2
    }
    return sizes.map((size, i) => lengths[i]! / Math.sqrt(size))
  }
  let factors: Promise<Float64Array> | undefined
  return async (from, to, base) => {
    factors ??= stretch(base)
    const own = await factors
    return (await sum(from, to, base)).map((value, at) => value * own[at % inputs]!)
  }
}

type ReadSum = (from: number, to: number, base: ReadBaseRows) => Promise<Float32Array>
