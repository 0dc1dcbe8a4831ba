// Kinds with a few numbers for the whole model, which are dealt out over its modules: TinyLoRA, UniLoRA.
import { z } from 'zod'
import { seedTorch } from '../twister/index.js'
import { matrixProduct, productRows } from './matrix.js'
import { type AdapterModule, type AdapterPart, adapterKind, type ModuleShape, need } from './module.js'
import { seedNumpy } from './numpy.js'

const placeOf = ({ name, inOrder }: AdapterModule<unknown>): [place: number, count: number] => {
  const modules = inOrder()
  return [modules.findIndex((each) => each.name === name), modules.length]
}

/**
 * TinyLoRA (arXiv 2602.04118): W + B·(Σ vᵢ·Pᵢ)·A. The modules share as many vectors v as `weight_tying` leaves; the random P of each are in
 * the file, or made of the seed plus the place of the module.
 */
const tinylora = adapterKind({
  type: 'TINYLORA',
  parts: ['tinylora_A', 'tinylora_B', 'tinylora_P'],
  shared: ['tinylora_v.*'],
  isDealtOut: true,
  gives: 'delta',
  config: z.looseObject({
    weight_tying: z.number().min(0).max(1).default(0),
    projection_seed: z.number().int().min(0).default(42),
  }),
  open(module) {
    const { outputs, inputs, config, parts } = module
    const [a, b] = [need(module, 'tinylora_A', -1, inputs), need(module, 'tinylora_B', outputs, -1)]
    const rank = a.shape[0]!
    const [place, count] = placeOf(module)
    const groups = Math.max(1, roundHalfEven(count * (1 - config.weight_tying)))
    const group = Math.min(Math.floor(place / Math.max(1, Math.floor(count / groups))), groups - 1)
    const v = need(module, `tinylora_v.${group}`, -1).values
    const size = v.length * rank * rank
    const p = parts.has('tinylora_P')
      ? need(module, 'tinylora_P', v.length, rank, rank).values
      : module.round(seedTorch(config.projection_seed + place).normal(size, 1 / Math.sqrt(rank)))
    const inner = new Float64Array(rank * rank)
    for (let i = 0; i < size; i++) inner[i % inner.length]! += v[Math.floor(i / inner.length)]! * p[i]!
    const down = { shape: [rank, inputs], values: Float32Array.from(matrixProduct(inner, a.values, rank, inputs)) }
    return { rows: (from, to) => productRows(b, down, { from, to }) }
  },
})

/** As Python rounds: halves to the even one. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value)
}

const UniLora = z.looseObject({
  r: z.number().int().min(1).default(4),
  theta_d_length: z.number().int().min(1).default(256),
  proj_seed: z.number().int().min(0).default(42),
})

/** UniLoRA (arXiv 2506.00799): each entry of A and B is one of the numbers θ, over the root of how often that is used in the model. */
const unilora = adapterKind({
  type: 'UNILORA',
  parts: ['unilora_indices_A', 'unilora_indices_B', 'unilora_scales_A', 'unilora_scales_B'],
  shared: ['unilora_theta_d'],
  everyModule: true,
  gives: 'delta',
  config: UniLora,
  open(module) {
    const { outputs, inputs, parts, config } = module
    const theta = need(module, 'unilora_theta_d', -1).values
    const factor = (side: string, shape: [number, number]): AdapterPart => {
      const indices = need(module, `unilora_indices_${side}`, ...shape).values
      const scales = module.round(need(module, `unilora_scales_${side}`, ...shape).values)
      return {
        shape,
        values: scales.map(
          (scale, i) =>
            scale *
            (theta[indices[i]!] ??
              module.fail(
                `unilora_indices_${side} names the number ${indices[i]}, and unilora_theta_d has ${theta.length}`,
              )),
        ),
      }
    }
    const [a, b] = parts.has('unilora_indices_A')
      ? [factor('A', [config.r, inputs]), factor('B', [outputs, config.r])]
      : deal(module, theta)
    return { rows: (from, to) => productRows(b!, a!, { from, to }) }
  },
})

/** A and B of a module, with the indices that the seed gives: the modules in their order, A before B. */
function deal(module: AdapterModule<z.infer<typeof UniLora>>, theta: Float32Array): [a: AdapterPart, b: AdapterPart] {
  const { outputs, inputs, config } = module
  const { r: rank, theta_d_length: length } = config
  if (theta.length !== length)
    module.fail(`unilora_theta_d has ${theta.length} numbers, and theta_d_length is ${length}`)
  const modules = module.inOrder()
  const countOf = (each: ModuleShape) => rank * (each.inputs + each.outputs)
  const total = modules.reduce((sum, each) => sum + countOf(each), 0)
  const indices = dealtIndices(total, length, config.proj_seed)
  const uses = new Uint32Array(length)
  for (const index of indices) uses[index]!++
  const before = modules.slice(0, placeOf(module)[0]).reduce((sum, each) => sum + countOf(each), 0)
  const take = (from: number, shape: [number, number]): AdapterPart => {
    const own = indices.subarray(from, from + shape[0] * shape[1])
    const scales = module.round(Float32Array.from(own, (index) => 1 / Math.sqrt(uses[index]!)))
    return { shape, values: scales.map((scale, i) => scale * theta[own[i]!]!) }
  }
  return [take(before, [rank, inputs]), take(before + rank * inputs, [outputs, rank])]
}

/** Each index as often as any other, or once more; in a random order. */
function dealtIndices(total: number, length: number, seed: number): Int32Array {
  const generator = seedNumpy(seed)
  const [each, more] = [Math.floor(total / length), total % length]
  const indices = Int32Array.from({ length: total }, (_, i) => Math.floor(i / each))
  if (more) indices.set(generator.choice(length, more), each * length)
  generator.shuffle(indices)
  return indices
}

export const FEW = [tinylora, unilora]
