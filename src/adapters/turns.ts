// Kinds that turn the weight: OFT, BOFT, HRA, RoAd.
import { z } from 'zod'
import { euclideanNorm, identityMatrix, matrixProduct, transpose } from './matrix.js'
import { adapterKind, need, type ReadBaseRows } from './module.js'

/** A skew matrix from the numbers above its diagonal, row by row. */
function skewOf(upper: ArrayLike<number>, side: number): Float64Array {
  const skew = new Float64Array(side * side)
  for (let i = 0, at = 0; i < side; i++)
    for (let j = i + 1; j < side; j++, at++) {
      skew[i * side + j] = upper[at]!
      skew[j * side + i] = -upper[at]!
    }
  return skew
}

/** I + 2Q + 2Q² + … with so many terms; the last power, Q³ or more, counts once, as in peft. */
function neumann(skew: Float64Array, side: number, terms: number): Float64Array {
  const sum = identityMatrix(side)
  let power = identityMatrix(side)
  const add = (factor: number) => {
    power = matrixProduct(power, skew, side, side)
    for (let i = 0; i < sum.length; i++) sum[i]! += factor * power[i]!
  }
  for (let n = 1; n < Math.min(terms, 3); n++) add(2)
  for (let n = 3; n < terms - 1; n++) add(2)
  if (terms > 2) add(1)
  return sum
}

/** (I − S)(I + S)⁻¹. */
async function cayley(skew: Float64Array, side: number): Promise<Float64Array> {
  const { Matrix, solve } = await import('ml-matrix')
  const one = identityMatrix(side)
  const [minus, plus] = [-1, 1].map((sign) =>
    Matrix.from1DArray(
      side,
      side,
      one.map((value, i) => value + sign * skew[i]!),
    ),
  )
  // The two commute, so that the inverse may stand on the left.
  return Float64Array.from(solve(plus!, minus!).to1DArray())
}

/** Rows times a block diagonal of matrices that are turned over: each row's pieces times the block of their place. */
async function timesBlocks(
  blocks: readonly Float64Array[],
  side: number,
  { from, to, base }: { from: number; to: number; base: ReadBaseRows },
): Promise<Float32Array> {
  const rows = await base(from, to)
  const inputs = rows.length / (to - from)
  const turned = new Float32Array(rows.length)
  for (let start = 0; start < rows.length; start += side) {
    const block = blocks[blocks.length === 1 ? 0 : Math.floor((start % inputs) / side)]!
    for (let i = 0; i < side; i++) {
      let sum = 0
      for (let j = 0; j < side; j++) sum += rows[start + j]! * block[i * side + j]!
      turned[start + i] = sum
    }
  }
  return turned
}

/** OFT (arXiv 2306.07280): W · blockdiag(R)ᵀ, of an embedding W · blockdiag(R); R by a Neumann series (which is not quite a turn) or exactly. */
const oft = adapterKind({
  type: 'OFT',
  parts: ['oft_R.weight', 'oft_embedding_R.weight'],
  convolutions: true,
  gives: 'weight',
  config: z.looseObject({
    use_cayley_neumann: z.boolean().default(true),
    num_cayley_neumann_terms: z.number().int().min(1).default(5),
    coft: z.boolean().default(false),
    eps: z.number().default(6e-5),
    block_share: z.boolean().default(false),
  }),
  async open(module) {
    const { config, inputs, parts } = module
    const isEmbedding = parts.has('oft_embedding_R.weight')
    const { values, shape } = need(module, isEmbedding ? 'oft_embedding_R.weight' : 'oft_R.weight', -1, -1)
    const [count, entries] = shape as [number, number]
    const side = (1 + Math.sqrt(1 + 8 * entries)) / 2
    if (!Number.isInteger(side) || (count !== 1 && count * side !== inputs) || inputs % side)
      module.fail(`oft_R.weight [${shape}] does not fit ${inputs} inputs`)
    const make = async (n: number) => {
      let skew = skewOf(values.subarray(n * entries, (n + 1) * entries), side)
      if (config.coft) {
        const [most, size] = [config.eps / Math.sqrt(count), euclideanNorm(skew)]
        if (size > most) skew = skew.map((value) => (value * most) / size)
      }
      return config.use_cayley_neumann ? neumann(skew, side, config.num_cayley_neumann_terms) : cayley(skew, side)
    }
    const made = await Promise.all(Array.from({ length: count }, (_, n) => make(n)))
    // An embedding is multiplied by R itself.
    const blocks = isEmbedding ? made.map((block) => transpose(block, side, side)) : made
    return { rows: (from, to, base) => timesBlocks(blocks, side, { from, to, base }) }
  },
})

/** BOFT (arXiv 2311.06243) with one butterfly factor, which is all that peft uses without a CUDA compiler: s∘(W · blockdiag(C)ᵀ). */
const boft = adapterKind({
  type: 'BOFT',
  parts: ['boft_R', 'boft_s'],
  convolutions: true,
  gives: 'weight',
  config: z.looseObject({}),
  async open(module) {
    const { outputs, inputs } = module
    const { values, shape } = need(module, 'boft_R', -1, -1, -1, -1)
    const [factors, count, side] = shape as [number, number, number]
    if (factors !== 1) module.fail(`boft_R has ${factors} butterfly factors; one is read`)
    if (count * side !== inputs) module.fail(`boft_R [${shape}] does not fit ${inputs} inputs`)
    // Of a convolution the scales lie in a row.
    const isRow = outputs > 1 && module.parts.get('boft_s')?.shape[0] === 1
    const scale = (isRow ? need(module, 'boft_s', 1, outputs) : need(module, 'boft_s', outputs, 1)).values
    const make = (n: number) => {
      const own = values.subarray(n * side * side, (n + 1) * side * side)
      const over = transpose(own, side, side)
      return cayley(
        Float64Array.from(own, (value, i) => (value - over[i]!) / 2),
        side,
      )
    }
    const blocks = await Promise.all(Array.from({ length: count }, (_, n) => make(n)))
    return {
      rows: async (from, to, base) =>
        (await timesBlocks(blocks, side, { from, to, base })).map(
          (value, i) => value * scale[from + Math.floor(i / inputs)]!,
        ),
    }
  },
})

/** HRA (arXiv 2405.17484): W · H₁ · … · H_r with Householder reflections, or W · (I − 2QQᵀ) with the columns made orthonormal. */
const hra = adapterKind({
  type: 'HRA',
  parts: ['hra_u'],
  convolutions: true,
  gives: 'weight',
  config: z.looseObject({ apply_GS: z.boolean().default(false) }),
  open(module) {
    const { values, shape } = need(module, 'hra_u', module.inputs, -1)
    const rank = shape[1]!
    const columns = Array.from({ length: rank }, (_, k) =>
      Float64Array.from({ length: module.inputs }, (_, i) => values[i * rank + k]!),
    )
    const units: Float64Array[] = []
    for (const column of columns) {
      if (module.config.apply_GS)
        for (const unit of units) {
          const along = dot(column, unit)
          for (let i = 0; i < column.length; i++) column[i]! -= along * unit[i]!
        }
      const size = euclideanNorm(column)
      units.push(column.map((value) => value / size))
    }
    return {
      async rows(from, to, base) {
        const rows = await base(from, to)
        for (let start = 0; start < rows.length; start += module.inputs) {
          const row = Float64Array.from(rows.subarray(start, start + module.inputs))
          for (const unit of units) {
            const along = 2 * dot(row, unit)
            for (let i = 0; i < row.length; i++) row[i]! -= along * unit[i]!
          }
          rows.set(row, start)
        }
        return rows
      },
    }
  },
})

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!
  return sum
}

/** RoAd (arXiv 2409.00119): pairs of outputs, half a group apart, are turned by θ and stretched by α; the bias too. */
const road = adapterKind({
  type: 'ROAD',
  parts: ['road_theta', 'road_alpha'],
  changesBias: () => 'where it is',
  gives: 'weight',
  config: z.looseObject({
    variant: z.enum(['road_1', 'road_2', 'road_4']).default('road_1'),
    group_size: z.number().int().min(2).default(64),
  }),
  open(module) {
    const { outputs, inputs, config } = module
    const { variant, group_size: group } = config
    const count = { road_1: outputs / 2, road_2: outputs, road_4: 2 * outputs }[variant]
    const [theta, alpha] = [need(module, 'road_theta', count).values, need(module, 'road_alpha', count).values]
    if (outputs % group) module.fail(`${outputs} outputs are no whole number of groups of ${group}`)
    const half = group / 2
    /** Factors of an output and of its partner. */
    const factorsOf = (row: number): [own: number, other: number] => {
      const [n, place] = [Math.floor(row / group), row % group]
      const [cosine, sine] =
        variant === 'road_1'
          ? [n * half + (place % half), n * half + (place % half)]
          : variant === 'road_2'
            ? [row, row]
            : [2 * n * group + place, 2 * n * group + group + place]
      const pair = Float32Array.of(
        alpha[cosine]! * Math.cos(theta[cosine]!),
        (place < half ? -1 : 1) * alpha[sine]! * Math.sin(theta[sine]!),
      )
      return [...module.round(pair)] as [number, number]
    }
    const partnerOf = (row: number) => (row % group < half ? row + half : row - half)
    return {
      async rows(from, to, base) {
        const first = Math.floor(from / group) * group
        const rows = await base(first, Math.min(outputs, Math.ceil(to / group) * group))
        return Float32Array.from({ length: (to - from) * inputs }, (_, at) => {
          const [row, column] = [from + Math.floor(at / inputs), at % inputs]
          const [own, other] = factorsOf(row)
          return (
            own * rows[(row - first) * inputs + column]! + other * rows[(partnerOf(row) - first) * inputs + column]!
          )
        })
      },
      bias: (bias) =>
        bias.map((value, row) => {
          const [own, other] = factorsOf(row)
          return own * value + other * bias[partnerOf(row)]!
        }),
    }
  },
})

export const TURNS = [oft, boft, hra, road]
