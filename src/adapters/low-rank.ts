// Kinds that add products of small matrices: AdaLoRA, LoHa, LoKr, HiRA, GraLoRA, DeLoRA.
import { z } from 'zod'
import { euclideanNorm, matrixProduct, productRows, turned } from './matrix.js'
import { type AdapterModule, type AdapterPart, adapterKind, need, needMatrix } from './module.js'
import { pattern, patternValue } from './patterns.js'

/**
 * AdaLoRA (arXiv 2303.10512): W + α / (init_r + 1e-5) · B·(E∘A). Ranks that were pruned away (`rank_pattern`) are not in the file, and peft
 * then has what is left of the module in the format of the base.
 */
const adalora = adapterKind({
  type: 'ADALORA',
  parts: ['lora_A', 'lora_B', 'lora_E'],
  convolutions: true,
  mayBeEmpty: true,
  gives: 'delta',
  config: z.looseObject({
    init_r: z.number().default(12),
    lora_alpha: z.number().default(8),
    rank_pattern: z.record(z.string(), z.unknown()).nullish(),
  }),
  open(module) {
    const { init_r: start, lora_alpha: alpha, rank_pattern: patterns } = module.config
    const pruned = Object.keys(patterns ?? {}).some((key) => key.startsWith(`${module.name}.lora_E`))
    const take = (name: string, ...shape: number[]): AdapterPart => {
      const part = need(module, name, ...shape)
      return pruned ? { ...part, values: module.round(part.values) } : part
    }
    const a = take('lora_A', -1, module.inputs)
    const rank = a.shape[0]!
    const [b, e] = [take('lora_B', module.outputs, rank), take('lora_E', rank, 1)]
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

/** alpha / r, after the patterns. @param stored the name of a part whose first side is the rank */
function scaleOf({ name, config, parts, fail }: AdapterModule<z.infer<typeof ranked>>, stored: string): number {
  const { r, alpha, rank_pattern: ranks, alpha_pattern: alphas } = config
  const rank = patternValue(ranks, name) ?? r
  const shape = parts.get(stored)?.shape
  if (shape && shape[0] !== rank)
    fail(`${stored} [${shape.join(', ')}] is not of the rank ${rank} that adapter_config.json says`)
  return (patternValue(alphas, name) ?? alpha) / rank
}

/** Σ t[i, j, x, y] · a[i, p] · b[j, q] for each output p, input q and entry of the kernel: a, b and t of a convolution, [p, q · x · y]. */
function tucker(module: AdapterModule<unknown>, [t, a, b]: readonly [string, string, string]): AdapterPart {
  const core = need(module, t, -1, -1, -1, -1)
  const [first, second, height, width] = core.shape as [number, number, number, number]
  const [left, right] = [need(module, a, first, -1), need(module, b, second, -1)]
  const [outputs, channels, kernel] = [left.shape[1]!, right.shape[1]!, height * width]
  const inner = matrixProduct(turned(left).values, core.values, first, second * kernel)
  const values = new Float32Array(outputs * channels * kernel)
  for (let p = 0; p < outputs; p++)
    for (let q = 0; q < channels; q++)
      for (let e = 0; e < kernel; e++) {
        let sum = 0
        for (let j = 0; j < second; j++) sum += inner[(p * second + j) * kernel + e]! * right.values[j * channels + q]!
        values[(p * channels + q) * kernel + e] = sum
      }
  return { values, shape: [outputs, channels * kernel] }
}

/** LoHa (arXiv 2108.06098): W + α/r · (w1a·w1b)∘(w2a·w2b). */
const loha = adapterKind({
  type: 'LOHA',
  parts: ['hada_w1_a', 'hada_w1_b', 'hada_w2_a', 'hada_w2_b', 'hada_t1', 'hada_t2'],
  convolutions: true,
  gives: 'delta',
  config: ranked,
  open(module) {
    const scale = scaleOf(module, 'hada_w1_b')
    if (module.parts.has('hada_t1')) {
      const [one, two] = [1, 2].map((i) => tucker(module, [`hada_t${i}`, `hada_w${i}_a`, `hada_w${i}_b`]))
      if (one!.values.length !== module.outputs * module.inputs) module.fail('hada_w1 does not fit the weight')
      const values = one!.values.map((value, i) => scale * value * two!.values[i]!)
      return { rows: (from, to) => values.slice(from * module.inputs, to * module.inputs) }
    }
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
  convolutions: true,
  gives: 'delta',
  config: ranked,
  open(module) {
    const scale = scaleOf(module, module.parts.has('lokr_w2_b') ? 'lokr_w2_b' : 'lokr_w1_b')
    /** Of a convolution w2 has a row for all entries of the kernels of an output. */
    const factor = (name: string): { values: ArrayLike<number>; rows: number; columns: number } => {
      const core = name.replace('_w', '_t')
      const whole = module.parts.has(core) ? tucker(module, [core, `${name}_a`, `${name}_b`]) : module.parts.get(name)
      if (whole) return { values: whole.values, rows: whole.shape[0]!, columns: whole.values.length / whole.shape[0]! }
      const b = need(module, `${name}_b`, -1, -1)
      const a = need(module, `${name}_a`, -1, b.shape[0]!)
      const columns = b.shape[1]!
      return { values: matrixProduct(a.values, b.values, b.shape[0]!, columns), rows: a.shape[0]!, columns }
    }
    const [one, two] = [factor('lokr_w1'), factor('lokr_w2')]
    const whole = module.parts.get('lokr_w2')
    if (whole?.shape.length === 3) return { rows: ofThreeSides(module, one, whole, scale) }
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
 * w2 of a Conv1d has three sides, w1 two: torch.kron takes w1 for [1, …], and what comes out is read as the weight, entry after entry,
 * by peft when it runs and when it merges.
 */
function ofThreeSides(
  { outputs, inputs, fail }: AdapterModule<unknown>,
  one: { values: ArrayLike<number>; rows: number; columns: number },
  two: AdapterPart,
  scale: number,
): (from: number, to: number) => Float32Array {
  const [count, height, width] = two.shape as [number, number, number]
  const [lines, line] = [one.rows * height, one.columns * width]
  if (count * lines * line !== outputs * inputs) fail(`w2 [${two.shape}] does not fit [${outputs}, ${inputs}]`)
  return (from, to) =>
    Float32Array.from({ length: (to - from) * inputs }, (_, at) => {
      const place = from * inputs + at
      const [q, p, x] = [place % line, Math.floor(place / line) % lines, Math.floor(place / (line * lines))]
      const outer = one.values[Math.floor(p / height) * one.columns + Math.floor(q / width)]!
      return scale * outer * two.values[(x * height + (p % height)) * width + (q % width)]!
    })
}

/** HiRA (Huang et al., ICLR 2025): W + W∘(B·A), without a scale; of an embedding W + W∘(B·A)ᵀ. */
const hira = adapterKind({
  type: 'HIRA',
  parts: ['hira_A', 'hira_B', 'hira_embedding_A', 'hira_embedding_B'],
  convolutions: true,
  gives: 'rounded delta',
  config: z.looseObject({}),
  open(module) {
    const { outputs, inputs, parts } = module
    const isEmbedding = parts.has('hira_embedding_A')
    const rank = (parts.get(isEmbedding ? 'hira_embedding_A' : 'hira_A') ?? module.fail('hira_A is missing')).shape[0]!
    const [up, down] = isEmbedding
      ? [
          turned(need(module, 'hira_embedding_A', rank, outputs)),
          turned(need(module, 'hira_embedding_B', inputs, rank)),
        ]
      : [needMatrix(module, 'hira_B', outputs, rank), needMatrix(module, 'hira_A', rank, inputs)]
    return {
      async rows(from, to, base) {
        const weight = await base(from, to)
        return module.round(productRows(up, down, { from, to })).map((value, i) => value * weight[i]!)
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
    if (rank !== config.r)
      module.fail(`gralora_A [${a.shape.join(', ')}] is not of the rank ${config.r} that adapter_config.json says`)
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

export const LOW_RANK = [adalora, loha, lokr, hira, gralora, delora]
