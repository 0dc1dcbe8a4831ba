// LoRA: factors of the matrices of a model are trained, and their product is added to it.
import { dtypeNamed, planAdapter, writeAdapter } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { keyOf, uniformAt } from '../tensor/index.js'
import { type Span, spansOf } from './layout.js'
import type { StartingPoint, Tuning } from './tuning.js'

/** A matrix, and where its factors are in the vector of parameters. */
interface Factored {
  span: Span
  outputs: number
  inputs: number
  /** The matrix is stored [inputs, outputs]. */
  turned: boolean
  a: Span
  b: Span
}

/**
 * LoRA (Hu et al. 2021, arXiv 2106.09685) with alpha = rank: W + B·A for each matrix of attention and MLP layers. A is drawn from
 * U(−1/√inputs, 1/√inputs), as in peft, and B is 0.
 * @throws UserError for a model with matrices that an adapter of peft has no factors of
 */
export function lowRank({ recipe, model, config, spans, weights, stored, baseOf }: StartingPoint): Tuning {
  const { rank } = recipe.lora!
  const base = { config, tensors: stored }
  const plan = planAdapter(base)
  const matrices = spans.filter(({ name }) => model.linear.includes(name))
  const factored = matrices.map((span): Omit<Factored, 'a' | 'b'> => {
    const place = plan.placeOf(span.name)
    if (place.as !== 'linear')
      throw new UserError(`${recipe.name}: \`lora\` has no factors of ${span.name} of this ${model.architecture}`)
    const [rows, columns] = span.shape as [number, number]
    return { span, turned: place.turned, outputs: place.turned ? columns : rows, inputs: place.turned ? rows : columns }
  })
  const parameters = spansOf(
    factored.flatMap(({ span, outputs, inputs }): [string, number[]][] => [
      [`${span.name} A`, [rank, inputs]],
      [`${span.name} B`, [outputs, rank]],
    ]),
  )
  const all = factored.map((each, i): Factored => ({ ...each, a: parameters[2 * i]!, b: parameters[2 * i + 1]! }))
  // A head that peft keeps with its task must be in the file, though it stays as it is.
  const kept = spans.filter(({ name }) => {
    const place = plan.placeOf(name)
    return place.as === 'whole' && place.always
  })
  const start = new Float32Array(parameters.at(-1)!.end)
  for (const { a, span, inputs } of all) {
    const key = keyOf(recipe.seed, 'lora', span.name)
    for (let i = a.begin; i < a.end; i++) start[i] = (2 * uniformAt(key, i - a.begin) - 1) / Math.sqrt(inputs)
  }
  return {
    parameters,
    start,
    trained: matrices.map((span) => spans.indexOf(span)),
    apply(values, into) {
      for (const each of all) addProduct(each, values, weights, into)
    },
    pull(gradient, values) {
      const into = new Float32Array(values.length)
      for (const each of all) pullProduct(each, values, gradient, into)
      return into
    },
    write: (folder, values, extras) =>
      writeAdapter(folder, {
        factors: new Map(
          all.map(({ span, a, b }) => [
            span.name,
            { rank, a: values.subarray(a.begin, a.end), b: values.subarray(b.begin, b.end) },
          ]),
        ),
        whole: new Map(
          kept.map(({ name, shape, begin, end }) => [name, { shape, values: weights.subarray(begin, end) }]),
        ),
        model: base,
        baseModel: baseOf(folder),
        dtype: dtypeNamed(recipe.dtype),
        ...extras,
      }),
  }
}

/** into = weights + B·A for one matrix. Sums are float64. */
function addProduct(
  { span, outputs, inputs, turned, a, b }: Factored,
  values: Float32Array,
  weights: Float32Array,
  into: Float32Array,
): void {
  const rank = a.shape[0]!
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++) {
      let sum = 0
      for (let r = 0; r < rank; r++) sum += values[b.begin + o * rank + r]! * values[a.begin + r * inputs + i]!
      const at = span.begin + (turned ? i * outputs + o : o * inputs + i)
      into[at] = weights[at]! + sum
    }
}

/** The gradient of the factors, dA = Bᵀ·G and dB = G·Aᵀ, from that of one matrix. Sums are float64. */
function pullProduct(
  { span, outputs, inputs, turned, a, b }: Factored,
  values: Float32Array,
  gradient: Float32Array,
  into: Float32Array,
): void {
  const rank = a.shape[0]!
  const at = (o: number, i: number) => span.begin + (turned ? i * outputs + o : o * inputs + i)
  for (let r = 0; r < rank; r++) {
    for (let i = 0; i < inputs; i++) {
      let sum = 0
      for (let o = 0; o < outputs; o++) sum += values[b.begin + o * rank + r]! * gradient[at(o, i)]!
      into[a.begin + r * inputs + i] = sum
    }
    for (let o = 0; o < outputs; o++) {
      let sum = 0
      for (let i = 0; i < inputs; i++) sum += values[a.begin + r * inputs + i]! * gradient[at(o, i)]!
      into[b.begin + o * rank + r] = sum
    }
  }
}
