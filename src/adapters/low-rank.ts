// Kinds that add products of small matrices: AdaLoRA, LoHa, LoKr, VeRA, HiRA, GraLoRA, DeLoRA, RandLora.
import { z } from 'zod'
import { seedTorch } from '../twister/index.js'
import { euclideanNorm, matrixProduct, productRows, transpose } from './matrix.js'
import { type AdapterModule, type AdapterPart, adapterKind, need } from './module.js'
import { pattern, patternValue } from './patterns.js'

/** AdaLoRA (arXiv 2303.10512): W + α / (init_r + 1e-5) · B·(E∘A). Ranks that were pruned away are not in the file. */
const adalora = adapterKind({
  type: 'ADALORA',
  parts: ['lora_A', 'lora_B', 'lora_E'],
  gives: 'delta',
  config: z.looseObject({ init_r: z.number().default(12), lora_alpha: z.number().default(8) }),
  open(module) {
    const { init_r: start, lora_alpha: alpha } = module.config
    const a = need(module, 'lora_A', -1, module.inputs)
    const rank = a.shape[0]!
    const [b, e] = [need(module, 'lora_B', module.outputs, rank), need(module, 'lora_E', rank, 1)]
    const scaled = { ...a, values: a.values.map((value, i) => value * e.values[Math.floor(i / module.inputs)]!) }
    const scale = (alpha > 0 ? alpha : rank) / (start + 1e-5)
    return { rows: (from, to) => productRows(b, scaled, { from, to }, scale) }
  },
})

const ranked = z.looseObject({
  r: z.number().default(8),
  alpha: z.number().default(8),
  rank_pattern: pattern(z.number().int().min(1)),
  alpha_pattern: pattern(z.number()),
})

/** alpha / r, after the patterns. */
function scaleOf({ name, config }: AdapterModule<z.infer<typeof ranked>>): number {
  const { r, alpha, rank_pattern: ranks, alpha_pattern: alphas } = config
  return (patternValue(alphas, name) ?? alpha) / (patternValue(ranks, name) ?? r)
}

const CONVOLUTION = 'adapters of convolutions are not read'

/** LoHa (arXiv 2108.06098): W + α/r · (w1a·w1b)∘(w2a·w2b). */
const loha = adapterKind({
  type: 'LOHA',
  parts: ['hada_w1_a', 'hada_w1_b', 'hada_w2_a', 'hada_w2_b', 'hada_t1', 'hada_t2'],
  gives: 'delta',
  config: ranked,
  open(module) {
    if (module.parts.has('hada_t1')) module.fail(CONVOLUTION)
    const scale = scaleOf(module)
    const [one, two] = [1, 2].map((i) => {
      const b = need(module, `hada_w${i}_b`, -1, module.inputs)
      return [need(module, `hada_w${i}_a`, module.outputs, b.shape[0]!), b] as const
    }) as [readonly [AdapterPart, AdapterPart], readonly [AdapterPart, AdapterPart]]
    return {
      rows(from, to) {
        const second = productRows(...two, { from, to })
        return productRows(...one, { from, to }).map((value, i) => scale * value * second[i]!)
      },
    }
  },
})

/** LoKr (arXiv 2309.14859): W + α/r · kron(w1, w2), each whole or a product. */
const lokr = adapterKind({
  type: 'LOKR',
  parts: ['lokr_w1', 'lokr_w1_a', 'lokr_w1_b', 'lokr_w2', 'lokr_w2_a', 'lokr_w2_b', 'lokr_t2'],
  gives: 'delta',
  config: ranked,
  open(module) {
    if (module.parts.has('lokr_t2')) module.fail(CONVOLUTION)
    const scale = scaleOf(module)
    const factor = (name: string): { values: ArrayLike<number>; rows: number; columns: number } => {
      const whole = module.parts.get(name)
      if (whole) return { values: whole.values, rows: whole.shape[0]!, columns: whole.shape[1]! }
      const b = need(module, `${name}_b`, -1, -1)
      const a = need(module, `${name}_a`, -1, b.shape[0]!)
      const columns = b.shape[1]!
      return { values: matrixProduct(a.values, b.values, b.shape[0]!, columns), rows: a.shape[0]!, columns }
    }
    const [one, two] = [factor('lokr_w1'), factor('lokr_w2')]
    if (one.rows * two.rows !== module.outputs || one.columns * two.columns !== module.inputs)
      module.fail(
        `w1 [${one.rows}, ${one.columns}] and w2 [${two.rows}, ${two.columns}] do not make [${module.outputs}, ${module.inputs}]`,
      )
    return {
      rows: (from, to) =>
        Float32Array.from({ length: (to - from) * module.inputs }, (_, at) => {
          const [row, column] = [from + Math.floor(at / module.inputs), at % module.inputs]
          const outer = one.values[Math.floor(row / two.rows) * one.columns + Math.floor(column / two.columns)]!
          return scale * outer * two.values[(row % two.rows) * two.columns + (column % two.columns)]!
        }),
    }
  },
})

/**
 * VeRA (arXiv 2310.11454): W + diag(b)·B·diag(d)·A, with the first rows and columns of matrices that all modules share. Where the file
 * does not have them they are made of the seed (peft.tuners.vera: kaiming_uniform_), in the format of the base.
 */
const vera = adapterKind({
  type: 'VERA',
  parts: ['vera_lambda_b', 'vera_lambda_d'],
  shared: ['vera_A', 'vera_B'],
  gives: 'delta',
  config: z.looseObject({ projection_prng_key: z.number().int().min(0).default(0) }),
  open(module) {
    const { outputs, inputs, shared } = module
    const right = need(module, 'vera_lambda_d', -1)
    const rank = right.shape[0]!
    const left = need(module, 'vera_lambda_b', outputs)
    const [a, b] = shared.has('vera_A')
      ? [need(module, 'vera_A', rank, -1), need(module, 'vera_B', -1, rank)]
      : makeProjections(module, rank)
    if (a.shape[1]! < inputs || b.shape[0]! < outputs)
      module.fail(`vera_A [${a.shape}] and vera_B [${b.shape}] are too small for [${outputs}, ${inputs}]`)
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

function makeProjections(
  { most, config, round }: AdapterModule<{ projection_prng_key: number }>,
  rank: number,
): [a: AdapterPart, b: AdapterPart] {
  const generator = seedTorch(config.projection_prng_key)
  const make = (rows: number, columns: number): AdapterPart => {
    const bound = Math.sqrt(6 / columns)
    return { shape: [rows, columns], values: round(generator.uniform(rows * columns, -bound, bound)) }
  }
  return [make(rank, most.inputs), make(most.outputs, rank)]
}

/** HiRA (Huang et al., ICLR 2025): W + W∘(B·A), without a scale. */
const hira = adapterKind({
  type: 'HIRA',
  parts: ['hira_A', 'hira_B'],
  gives: 'rounded delta',
  config: z.looseObject({}),
  open(module) {
    const a = need(module, 'hira_A', -1, module.inputs)
    const b = need(module, 'hira_B', module.outputs, a.shape[0]!)
    return {
      async rows(from, to, base) {
        const weight = await base(from, to)
        return module.round(productRows(b, a, { from, to })).map((value, i) => value * weight[i]!)
      },
    }
  },
})

/** GraLoRA (arXiv 2505.20355): k × k blocks, each of which mixes ranks of others, and a general product. */
const gralora = adapterKind({
  type: 'GRALORA',
  parts: ['gralora_A', 'gralora_B', 'gralora_A_general.weight', 'gralora_B_general.weight'],
  gives: 'delta',
  config: z.looseObject({ r: z.number().default(32), alpha: z.number().default(64), hybrid_r: z.number().default(0) }),
  open(module) {
    const { outputs, inputs, config, parts } = module
    const a = need(module, 'gralora_A', -1, -1, -1)
    const [k, width, rank] = a.shape as [number, number, number]
    const height = outputs / k
    const b = need(module, 'gralora_B', k, rank, height)
    if (k * width !== inputs || rank % k) module.fail(`gralora_A [${a.shape}] does not fit ${inputs} inputs`)
    const q = rank / k
    const scale = config.alpha / (config.r + config.hybrid_r)
    const general = parts.has('gralora_A_general.weight')
      ? [need(module, 'gralora_B_general.weight', outputs, -1), need(module, 'gralora_A_general.weight', -1, inputs)]
      : null
    return {
      rows(from, to) {
        const values = general
          ? productRows(general[0]!, general[1]!, { from, to }, scale)
          : new Float32Array((to - from) * inputs)
        for (let row = from; row < to; row++) {
          const [m, o] = [Math.floor(row / height), row % height]
          for (let column = 0; column < inputs; column++) {
            const [n, i] = [Math.floor(column / width), column % width]
            let sum = 0
            for (let t = 0; t < q; t++)
              sum += a.values[(n * width + i) * rank + m * q + t]! * b.values[(m * rank + n * q + t) * height + o]!
            values[(row - from) * inputs + column]! += scale * sum
          }
        }
        return values
      },
    }
  },
})

/** DeLoRA (arXiv 2503.18225): ranks of unit length, times λ / r and the norms of the inputs. */
const delora = adapterKind({
  type: 'DELORA',
  parts: ['delora_A', 'delora_B', 'delora_lambda', 'delora_w_norm'],
  gives: 'rounded delta',
  config: z.looseObject({}),
  open(module) {
    const { outputs, inputs } = module
    const a = need(module, 'delora_A', -1, inputs)
    const rank = a.shape[0]!
    const b = need(module, 'delora_B', outputs, rank)
    const [lambda, norms] = [need(module, 'delora_lambda', 1).values[0]!, need(module, 'delora_w_norm', inputs).values]
    const down = { shape: a.shape, values: new Float32Array(a.values.length) }
    for (let k = 0; k < rank; k++) {
      const length = euclideanNorm(a.values.subarray(k * inputs, (k + 1) * inputs))
      let column = 0
      for (let row = 0; row < outputs; row++) column += b.values[row * rank + k]! ** 2
      const factor = lambda / (rank * Math.max(length, 1e-4) * Math.max(Math.sqrt(column), 1e-4))
      for (let i = 0; i < inputs; i++) down.values[k * inputs + i] = factor * a.values[k * inputs + i]! * norms[i]!
    }
    return { rows: (from, to) => productRows(b, down, { from, to }) }
  },
})

/** RandLora (arXiv 2502.00987): sums of scaled random bases, which the file has. */
const randlora = adapterKind({
  type: 'RANDLORA',
  parts: ['randlora_lambda', 'randlora_gamma', 'randlora_A', 'randlora_B'],
  shared: ['randlora_A', 'randlora_B'],
  gives: 'rounded delta',
  config: z.looseObject({ r: z.number().default(32), randlora_alpha: z.number().default(640) }),
  open(module) {
    const { outputs, inputs, parts, shared, config } = module
    if (!parts.has('randlora_A') && !shared.has('randlora_A'))
      module.fail('the file has no random bases (save_projection: false); save the adapter with them')
    const lambda = need(module, 'randlora_lambda', -1, -1)
    const [rank, n] = lambda.shape as [number, number]
    const [narrow, wide] = [Math.min(outputs, inputs), Math.max(outputs, inputs)]
    const gamma = need(module, 'randlora_gamma', n, narrow)
    const [a, b] = [need(module, 'randlora_A', rank, 1, -1), need(module, 'randlora_B', -1, -1, rank)]
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
    const [left, right] = [over(down), over(up)]
    return { rows: (from, to) => productRows(left, right, { from, to }, scale) }
  },
})

function over({ values, shape }: AdapterPart): AdapterPart {
  const [rows, columns] = shape as [number, number]
  return { values: transpose(values, rows, columns), shape: [columns, rows] }
}

export const LOW_RANK = [adalora, loha, lokr, vera, hira, gralora, delora, randlora]
