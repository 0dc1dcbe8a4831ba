// Kinds that scale random matrices, which all modules share and a file need not have: VeRA, PVeRA, RandLora.
import { z } from 'zod'
import { seedTorch, toBfloat16 } from '../twister/index.js'
import { productRows, turned } from './matrix.js'
import { type AdapterModule, type AdapterPart, adapterKind, need } from './module.js'

/**
 * VeRA (arXiv 2310.11454): W + diag(b)·B·diag(d)·A, with the first rows and columns of matrices that all modules share. Where the file
 * does not have them they are made of the seed (peft.tuners.vera: kaiming_uniform_), in the format of the base. PVeRA (arXiv 2512.07703)
 * has twice the rows of A and d, the mean and the spread of what training draws; only the mean is merged.
 */
const verakind = (type: 'VERA' | 'PVERA') => {
  const name = (part: string) => `${type.toLowerCase()}_${part}`
  return adapterKind({
    type,
    parts: [name('lambda_b'), name('lambda_d')],
    shared: [name('A'), name('B')],
    gives: 'delta',
    config: z.looseObject({ projection_prng_key: z.number().int().min(0).default(0) }),
    open(module) {
      const { outputs, inputs, shared } = module
      const right = need(module, name('lambda_d'), -1)
      const all = right.shape[0]!
      const rank = type === 'VERA' ? all : all / 2
      const left = need(module, name('lambda_b'), outputs)
      const [a, b] = shared.has(name('A'))
        ? [need(module, name('A'), all, -1), need(module, name('B'), -1, rank)]
        : makeProjections(module, all, rank)
      if (a.shape[1]! < inputs || b.shape[0]! < outputs)
        module.fail(`${name('A')} [${a.shape}] and ${name('B')} [${b.shape}] are too small for [${outputs}, ${inputs}]`)
      const down = { shape: [rank, inputs], values: new Float32Array(rank * inputs) }
      for (let k = 0; k < rank; k++)
        for (let i = 0; i < inputs; i++) down.values[k * inputs + i] = right.values[k]! * a.values[k * a.shape[1]! + i]!
      const up = {
        shape: [outputs, rank],
        values: b.values.slice(0, outputs * rank).map((value, i) => value * left.values[Math.floor(i / rank)]!),
      }
      return { rows: (from, to) => productRows(up, down, { from, to }) }
    },
  })
}

function makeProjections(
  { most, config, round }: AdapterModule<{ projection_prng_key: number }>,
  all: number,
  rank: number,
): [a: AdapterPart, b: AdapterPart] {
  const generator = seedTorch(config.projection_prng_key)
  const make = (rows: number, columns: number): AdapterPart => {
    const bound = Math.sqrt(6 / columns)
    return { shape: [rows, columns], values: round(generator.uniform(rows * columns, -bound, bound)) }
  }
  return [make(all, most.inputs), make(most.outputs, rank)]
}

const RandLora = z.looseObject({
  r: z.number().int().min(1).default(32),
  randlora_alpha: z.number().default(640),
  projection_prng_key: z.number().int().min(0).default(0),
  sparse: z.boolean().nullish(),
  very_sparse: z.boolean().nullish(),
})

/** RandLora (arXiv 2502.00987): sums of scaled random bases, which the file has or a seed gives. */
const randlora = adapterKind({
  type: 'RANDLORA',
  parts: ['randlora_lambda', 'randlora_gamma', 'randlora_A', 'randlora_B'],
  shared: ['randlora_A', 'randlora_B'],
  gives: 'rounded delta',
  config: RandLora,
  open(module) {
    const { outputs, inputs, parts, shared, config } = module
    const lambda = need(module, 'randlora_lambda', -1, -1)
    const [rank, n] = lambda.shape as [number, number]
    if (rank !== config.r)
      module.fail(
        `randlora_lambda [${lambda.shape.join(', ')}] is not of the rank ${config.r} that adapter_config.json says`,
      )
    const [narrow, wide] = [Math.min(outputs, inputs), Math.max(outputs, inputs)]
    const gamma = need(module, 'randlora_gamma', n, narrow)
    const [a, b] =
      parts.has('randlora_A') || shared.has('randlora_A')
        ? [need(module, 'randlora_A', rank, 1, -1), need(module, 'randlora_B', -1, -1, rank)]
        : makeBases(module, rank)
    const [widest, most] = [a.shape[2]!, b.shape[1]!]
    // Row (k·n + j) of A' is λ[k, j] · A[k]∘γ[j]; column (j·r + k) of B' is B[:, j, k]. They are multiplied as they lie.
    const down = { shape: [rank * n, narrow], values: new Float32Array(rank * n * narrow) }
    for (let k = 0; k < rank; k++)
      for (let j = 0; j < n; j++)
        for (let i = 0; i < narrow; i++)
          down.values[(k * n + j) * narrow + i] =
            lambda.values[k * n + j]! * a.values[k * widest + i]! * gamma.values[j * narrow + i]!
    const up = { shape: [wide, rank * n], values: new Float32Array(wide * rank * n) }
    for (let row = 0; row < wide; row++)
      for (let j = 0; j < n; j++)
        for (let k = 0; k < rank; k++) up.values[row * rank * n + j * rank + k] = b.values[(row * most + j) * rank + k]!
    const scale = config.randlora_alpha / config.r
    if (inputs <= outputs) return { rows: (from, to) => productRows(up, down, { from, to }, scale) }
    // With more inputs than outputs the change is the product transposed: rows of A'ᵀ · B'ᵀ.
    const [left, right] = [turned(down), turned(up)]
    return { rows: (from, to) => productRows(left, right, { from, to }, scale) }
  },
})

/**
 * The bases of the seed (peft.tuners.randlora): uniform, in bfloat16 as on any machine that has it, or of −1, 0 and 1, in float32; divided
 * by their deviation, and in the format of the base.
 */
function makeBases(
  { most, config, round }: AdapterModule<z.infer<typeof RandLora>>,
  rank: number,
): [a: AdapterPart, b: AdapterPart] {
  const [narrow, wide] = [Math.min(most.outputs, most.inputs), Math.max(most.outputs, most.inputs)]
  const n = Math.ceil(narrow / rank)
  const generator = seedTorch(config.projection_prng_key)
  const [aShape, bShape] = [
    [rank, 1, narrow],
    [wide, n, rank],
  ]
  if (config.sparse || config.very_sparse) {
    const edge = 1 / (2 * (config.very_sparse ? Math.sqrt(narrow) : 3))
    const make = (shape: number[]): AdapterPart => {
      const signs = generator
        .uniform(shape[0]! * shape[1]! * shape[2]!, 0, 1)
        .map((value) => (value < edge ? -1 : value > 1 - edge ? 1 : 0))
      const size = Math.fround(deviationOf(signs))
      return { shape, values: round(signs.map((value) => value / size)) }
    }
    return [make(aShape!), make(bShape!)]
  }
  const a = generator.bfloat16(rank * narrow, 1 / Math.sqrt(narrow))
  const b = new Float32Array(wide * n * rank)
  for (let j = 0; j < n; j++) {
    const own = generator.bfloat16(wide * rank, 1 / Math.sqrt(rank))
    for (let row = 0; row < wide; row++) b.set(own.subarray(row * rank, (row + 1) * rank), (row * n + j) * rank)
  }
  const divide = (values: Float32Array): Float32Array => {
    const [size] = toBfloat16(Float32Array.of(deviationOf(values)))
    return round(toBfloat16(values.map((value) => value / size!)))
  }
  return [
    { shape: aShape!, values: divide(a) },
    { shape: bShape!, values: divide(b) },
  ]
}

/** The deviation of a sample. */
function deviationOf(values: Float32Array): number {
  let [sum, squares] = [0, 0]
  for (const value of values) sum += value
  const mean = sum / values.length
  for (const value of values) squares += (value - mean) ** 2
  return Math.sqrt(squares / (values.length - 1))
}

export const RANDOM = [verakind('VERA'), verakind('PVERA'), randlora]
