// Kinds whose change is made of the weight itself: OSF, FRoD, DEFT, PEANuT, GLoRA.
import { z } from 'zod'
import { actOf } from './activations.js'
import { matrixProduct, productRows, transpose } from './matrix.js'
import {
  type AdapterModule,
  type AdapterPart,
  adapterKind,
  type ModuleShape,
  madeOver,
  need,
  type ReadBaseRows,
} from './module.js'
import { orthonormalColumns, singularOf } from './singular.js'

/** OSF (arXiv 2504.07097): the part of the smallest singular values is replaced by that of the file. */
const osf = adapterKind({
  type: 'OSF',
  parts: ['osf_svd_params.U_low', 'osf_svd_params.S_low', 'osf_svd_params.V_low'],
  gives: 'weight',
  config: z.looseObject({}),
  open(module) {
    const { outputs, inputs, round } = module
    const count = Math.min(outputs, inputs)
    const { values, shape } = need(module, 'osf_svd_params.S_low', -1)
    const low = shape[0]!
    if (low > count) module.fail(`S_low [${low}] is more than the ${count} singular values`)
    const across = need(module, 'osf_svd_params.V_low', low, inputs)
    const up = { ...need(module, 'osf_svd_params.U_low', outputs, low) }
    up.values = up.values.map((value, i) => value * values[i % low]!)
    const rest = madeOver(module, async (weight) => {
      const { u, s, v } = await singularOf(weight, outputs, inputs)
      const first = count - low
      // peft keeps them in the format of the base.
      const left = round(
        Float32Array.from({ length: outputs * low }, (_, i) => u[Math.floor(i / low) * count + first + (i % low)]!),
      )
      const sizes = round(Float32Array.from(s.subarray(first)))
      const right = round(Float32Array.from(v.subarray(first * inputs)))
      const own = matrixProduct(
        left.map((value, i) => value * sizes[i % low]!),
        right,
        low,
        inputs,
      )
      return weight.map((value, i) => value - own[i]!)
    })
    return {
      async rows(from, to, base) {
        const rows = await rest(base)(from, to)
        const change = productRows(up, across, { from, to })
        return rows.map((value, i) => value + change[i]!)
      },
    }
  },
})

/** The last two names of a module, as peft.tuners.frod joins them. */
function categoryOf(name: string): string {
  const parts = name.split('.')
  const [own, owner] = [parts.at(-1)!, parts.at(-2)]
  if (owner === undefined || /^\d+$/.test(owner)) return own
  return own === 'dense' && owner === 'output' && parts.at(-3) === 'attention' ? 'attention_output' : `${owner}_${own}`
}

/**
 * FRoD (peft.tuners.frod): U·(S + diag(l))·Vᵀ, with V of the category of the module, a sparse S, and U the columns of W·V⁻ᵀ with unit
 * length.
 */
const frod = adapterKind({
  type: 'FROD',
  parts: ['frod_lambda_l', 'frod_lambda_s_values'],
  shared: ['frod_V.*', 'frod_s_indices.*', 'frod_s_size.*'],
  mayBeEmpty: true,
  gives: 'weight',
  config: z.looseObject({}),
  open(module) {
    const { outputs, inputs, round, shared } = module
    const category = categoryOf(module.name)
    if (!shared.has(`frod_V.${category}`))
      module.fail(
        'the file has no matrix V (save_projection: false), and that of the base depends on the signs of its eigenvectors; save the adapter with save_projection: true',
      )
    const stored = need(module, `frod_V.${category}`, inputs, inputs)
    if (stored.dtype !== module.dtype)
      module.fail(
        `its matrix V is ${stored.dtype} and the base ${module.dtype}: peft makes U with the V of the base as it was before it was rounded; give both in one format`,
      )
    const v = stored.values
    const lengths = round(need(module, 'frod_lambda_l', inputs).values)
    const values = round(need(module, 'frod_lambda_s_values', -1).values)
    const indices = need(module, `frod_s_indices.${category}`, 2, values.length).values
    const inner = new Float32Array(inputs * inputs)
    for (let n = 0; n < values.length; n++) inner[indices[n]! * inputs + indices[values.length + n]!]! += values[n]!
    for (let i = 0; i < inputs; i++) inner[i * inputs + i]! += lengths[i]!
    const whole = madeOver(module, async (weight) => {
      const u = round(Float32Array.from(await unitColumns(weight, v, module)))
      const turned = round(Float32Array.from(matrixProduct(u, round(inner), inputs, inputs)))
      const made = round(Float32Array.from(matrixProduct(turned, transpose(v, inputs, inputs), inputs, inputs)))
      // The difference to the base is rounded, and then added to it.
      const change = round(made.map((value, i) => value - weight[i]!))
      return weight.map((value, i) => value + change[i]!)
    })
    return { rows: (from, to, base) => whole(base)(from, to) }
    /** W·V⁻ᵀ, its columns divided by their lengths. */
    async function unitColumns(weight: Float32Array, v: Float32Array, shape: ModuleShape): Promise<Float64Array> {
      const { Matrix, solve } = await import('ml-matrix')
      const right = Matrix.from1DArray(inputs, outputs, transpose(weight, outputs, inputs))
      let solved: number[]
      try {
        solved = solve(Matrix.from1DArray(inputs, inputs, v), right).to1DArray()
      } catch {
        return module.fail('its matrix V has no inverse')
      }
      const columns = new Float64Array(shape.outputs * inputs)
      for (let i = 0; i < inputs; i++) {
        let size = 0
        for (let row = 0; row < outputs; row++) size += solved[i * outputs + row]! ** 2
        if (Math.sqrt(size) <= 1e-12) continue
        for (let row = 0; row < outputs; row++) columns[row * inputs + i] = solved[i * outputs + row]! / Math.sqrt(size)
      }
      return columns
    }
  },
})

/** Rows of the base that are read together. */
const BLOCK = 1 << 8

/** M·W of the base, [count, inputs], for M [count, outputs]. */
async function productWithBase(
  m: ArrayLike<number>,
  { outputs, inputs }: ModuleShape,
  base: ReadBaseRows,
): Promise<Float64Array> {
  const count = m.length / outputs
  const product = new Float64Array(count * inputs)
  for (let from = 0; from < outputs; from += BLOCK) {
    const to = Math.min(outputs, from + BLOCK)
    const own = Float64Array.from({ length: count * (to - from) }, (_, i) => {
      const [k, row] = [Math.floor(i / (to - from)), i % (to - from)]
      return m[k * outputs + from + row]!
    })
    const part = matrixProduct(own, await base(from, to), to - from, inputs)
    for (let i = 0; i < product.length; i++) product[i]! += part[i]!
  }
  return product
}

/** What is added, as a product whose second factor is made of the base once. */
function addedProduct(
  up: AdapterPart,
  make: (base: ReadBaseRows) => Promise<Float64Array | Float32Array>,
  inputs: number,
): (from: number, to: number, base: ReadBaseRows) => Promise<Float32Array> {
  let down: Promise<AdapterPart> | undefined
  return async (from, to, base) => {
    down ??= make(base).then((values) => ({
      shape: [values.length / inputs, inputs],
      values: Float32Array.from(values),
    }))
    return productRows(up, await down, { from, to })
  }
}

/** DEFT (peft.tuners.deft): the space of P is taken from W, and R put in its place: W + Q·(s·R − Fᵀ·W). */
const deft = adapterKind({
  type: 'DEFT',
  parts: ['deft_P', 'deft_R'],
  gives: 'rounded delta',
  config: z.looseObject({
    decomposition_method: z.enum(['relu', 'qr']).default('relu'),
    alpha: z.number().nullish(),
    para: z.boolean().nullish(),
  }),
  open(module) {
    const { outputs, inputs, config } = module
    const p = need(module, 'deft_P', outputs, -1)
    const rank = p.shape[1]!
    const isQr = config.decomposition_method === 'qr'
    const q = isQr
      ? Float32Array.from(orthonormalColumns(p.values, { rows: outputs, columns: rank, count: rank }))
      : p.values
    const right = transpose(isQr ? q : q.map((value) => Math.max(0, value)), outputs, rank)
    const injected = config.para ? null : need(module, 'deft_R', rank, inputs).values
    const scale = config.alpha ? config.alpha / rank : 1
    const down = async (base: ReadBaseRows) => {
      const removed = await productWithBase(right, module, base)
      return removed.map((value, i) => (injected ? scale * injected[i]! : 0) - value)
    }
    return { rows: addedProduct({ shape: [outputs, rank], values: q }, down, inputs) }
  },
})

/** PEANuT (arXiv 2410.01870): a small network on each column of W, whose output is added to it. */
const peanut = adapterKind({
  type: 'PEANUT',
  parts: ['peanut_A.weight', 'peanut_B.weight', 'peanut_encoders.*.weight', 'peanut_decoders.*.weight'],
  gives: 'rounded delta',
  config: z.looseObject({ act_fn: z.string().default('relu'), scaling: z.number().default(1) }),
  open(module) {
    const { outputs, inputs, config, parts } = module
    const a = need(module, 'peanut_A.weight', -1, outputs)
    const rank = a.shape[0]!
    const b = need(module, 'peanut_B.weight', outputs, rank)
    const depth = [...parts.keys()].filter((name) => name.startsWith('peanut_encoders')).length
    const squares = (side: string) =>
      Array.from({ length: depth }, (_, i) => need(module, `peanut_${side}.${i}.weight`, rank, rank).values)
    const [encoders, decoders] = [squares('encoders'), squares('decoders')]
    const act = actOf(config.act_fn) ?? module.fail(`act_fn ${JSON.stringify(config.act_fn)} is not known`)
    const network = async (base: ReadBaseRows) => {
      let x = (await productWithBase(a.values, module, base)).map(act)
      const held: Float64Array[] = []
      for (const encoder of encoders) {
        held.push(x)
        x = matrixProduct(encoder, x, rank, inputs).map(act)
      }
      for (const decoder of decoders) {
        const before = held.pop()!
        x = matrixProduct(decoder, x, rank, inputs).map((value, i) => act(value) + before[i]!)
      }
      return x.map((value) => config.scaling * value)
    }
    return { rows: addedProduct(b, network, inputs) }
  },
})

/** A path of GLoRA, rows of [rows, columns]: nothing, a product, a value for each row, or one for all. */
function pathOf(
  module: AdapterModule<unknown>,
  letter: string,
  rows: number,
  columns: number,
): (from: number, to: number) => Float32Array {
  const [up, down, own] = ['Xd', 'Xu', 'X'].map((name) => module.parts.get(`glora_${letter}.${name}`))
  if (up && down) {
    const rank = need(module, `glora_${letter}.Xu`, -1, columns).shape[0]!
    need(module, `glora_${letter}.Xd`, rows, rank)
    return (from, to) => module.round(productRows(up, down, { from, to }))
  }
  const values = module.round(own ? own.values.slice() : new Float32Array(1))
  if (values.length !== 1 && values.length !== rows)
    module.fail(`glora_${letter}.X [${own!.shape}] does not fit [${rows}, ${columns}]`)
  return (from, to) =>
    Float32Array.from(
      { length: (to - from) * columns },
      (_, i) => values[values.length === 1 ? 0 : from + Math.floor(i / columns)]!,
    )
}

/** GLoRA (arXiv 2306.07967): W + W∘A + B, and b + b∘D + E + W·C for the bias; each step in the format of the base. */
const glora = adapterKind({
  type: 'GLORA',
  parts: ['A', 'B', 'C', 'D', 'E'].flatMap((letter) =>
    ['Xd', 'Xu', 'X', 'zeros'].map((end) => `glora_${letter}.${end}`),
  ),
  changesBias: () => 'where it is',
  gives: 'weight',
  config: z.looseObject({}),
  open(module) {
    const { outputs, inputs, round } = module
    const [a, b] = [pathOf(module, 'A', outputs, inputs), pathOf(module, 'B', outputs, inputs)]
    /** x + round(round(x · factor) + more), in place of x. */
    const step = (x: Float32Array, factor: Float32Array, ...more: Float32Array[]): Float32Array => {
      let change = round(x.map((value, i) => value * factor[i]!))
      for (const each of more) change = round(change.map((value, i) => value + each[i]!))
      return round(x.map((value, i) => value + change[i]!))
    }
    return {
      rows: async (from, to, base) => step(await base(from, to), a(from, to), b(from, to)),
      async bias(bias, base) {
        const [d, e] = [pathOf(module, 'D', outputs, 1)(0, outputs), pathOf(module, 'E', outputs, 1)(0, outputs)]
        const c = pathOf(module, 'C', inputs, 1)(0, inputs)
        const along = new Float32Array(outputs)
        for (let from = 0; from < outputs; from += BLOCK) {
          const to = Math.min(outputs, from + BLOCK)
          along.set(matrixProduct(await base(from, to), c, inputs, 1), from)
        }
        return step(bias, d, e, round(along))
      },
    }
  },
})

export const OF_BASE = [osf, frod, deft, peanut, glora]
