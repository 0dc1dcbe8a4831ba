// What laws are tried on: values that are hard to treat, shapes that are small, and options made up from a schema.
import { factsOf, type OptionFacts, type OptionsSchema } from '../schema/index.js'
import { tf } from '../tensor/index.js'

/** The shape that most laws are tried on, and its entries. */
export const SHAPE: readonly [rows: number, columns: number] = [8, 12]
export const SIZE = 96

/** Vectors and matrices, some of one entry. */
export const SHAPES: readonly (readonly number[])[] = [[1], [1, 1], [3], [1, 5], [5, 1], SHAPE, [37]]

/** Heavy-tailed values with exact zeros and ties; another `phase`, other values. */
export const sampleValues = (size: number, phase = 0): Float32Array =>
  Float32Array.from({ length: size }, (_, i) =>
    i % 9 === 4 ? 0 : i % 7 === 2 ? -0.5 : Math.tan((i + 7 * phase) * 1.7) * 0.01,
  )

/** Values that kernels may treat otherwise than they should: many ties, zeros of both signs, subnormal numbers, rounded ones. */
export const hardValues = (size: number, phase = 0): Float32Array =>
  sampleValues(size, phase).map((value, i) => {
    const kind = (5 * i + 3 * phase) % 13
    if (kind === 0) return -0
    if (kind === 1) return (i % 5) * 2 ** -149
    if (kind === 2) return -(2 ** -127) * (1 + (i % 3))
    return kind < 8 ? Math.round(value * 256) / 256 : value
  })

/** Tensors that programs on kernels are tried on, by their values in each model. */
export const PROGRAM_SAMPLES: readonly {
  shape: readonly number[]
  valuesOf: (size: number, model: number) => Float32Array
}[] = [
  ...SHAPES.map((shape) => ({ shape, valuesOf: sampleValues })),
  // One row, strips that do not fill the last one, and rows longer than a strip.
  ...[[...SHAPE], [130, 129], [2, 3, 5711], [3, 20001], [40000]].map((shape) => ({ shape, valuesOf: hardValues })),
  { shape: [150, 127], valuesOf: (size) => new Float32Array(size) },
  { shape: [150, 127], valuesOf: (size, model) => new Float32Array(size).fill(model % 2 ? -0.25 : 0.25) },
  { shape: [150, 127], valuesOf: (size, model) => sampleValues(size, model).map((value) => 1e-9 * value) },
]

export const sampleGradient = (size: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => Math.cos(i * 2.3))

/** XᵀX of seven inputs of a layer with so many columns. */
export function gramOf(columns: number): Float64Array {
  const inputs = sampleValues(7 * columns).map((value) => value + 0.1)
  return Float64Array.from({ length: columns * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns]
    let sum = 0
    for (let row = 0; row < 7; row++) sum += (inputs[row * columns + i] ?? 0) * (inputs[row * columns + j] ?? 0)
    return sum
  })
}

/** Values of an option to try: its ends and its middle where it has any, every word, both truths. */
function candidates({ type, minimum, maximum, choices, default: usual }: OptionFacts): unknown[] {
  if (choices) return choices
  if (type === 'boolean') return [false, true]
  if (type === 'string') return usual === undefined ? [] : [usual]
  const [least, most] = [minimum ?? (type === 'integer' ? 1 : -1), maximum ?? Math.max(minimum ?? 1, 1) + 3]
  const middle = type === 'integer' ? Math.floor((least + Math.min(most, least + 6)) / 2) : (least + most) / 2
  return [middle, least, most]
}

/**
 * Options to try: required ones at their middle, then each option in turn at its other values; only those that the schema takes.
 */
export function madeUpOptions(schema: OptionsSchema): Record<string, unknown>[] {
  const facts = factsOf(schema)
  const usual = Object.fromEntries(
    facts.filter(({ required }) => required).map((fact) => [fact.name, candidates(fact)[0]]),
  )
  const all = [usual, ...facts.flatMap((fact) => candidates(fact).map((value) => ({ ...usual, [fact.name]: value })))]
  const texts = all.map((options) => JSON.stringify(options))
  return all.filter((options, i) => texts.indexOf(texts[i] ?? '') === i && schema.safeParse(options).success)
}

/** Runs `work` on another backend, and goes back. */
export async function onBackend<T>(name: string, work: () => Promise<T>): Promise<T> {
  const before = tf.getBackend()
  const isSilent = tf.env().getBool('PROD')
  tf.env().set('PROD', true) // without it TensorFlow.js prints a greeting on the cpu backend
  await tf.setBackend(name)
  try {
    return await work()
  } finally {
    tf.env().set('PROD', isSilent)
    await tf.setBackend(before)
  }
}
