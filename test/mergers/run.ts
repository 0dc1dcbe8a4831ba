// Hands small models to a merger, checks what every run must keep, and returns what came out.
import assert from 'node:assert/strict'
import {
  type Convention,
  dataOf,
  type MergeInputs,
  type Merger,
  mergeTensors,
  parseMerging,
  scanModels,
  type TensorPart,
} from '../../src/mergers/index.js'
import { tf } from '../../src/tensor/index.js'

export interface Try {
  options?: Record<string, unknown>
  /** Options of the models, taken in turn. */
  models?: Record<string, unknown>[]
}

const shapes = [[1], [1, 1], [3], [1, 5], [5, 1], [8, 12], [37], [0], [0, 4]]
const sizeOf = (shape: readonly number[]) => shape.reduce((n, side) => n * side, 1)

/** Heavy-tailed values with exact zeros and ties; another `phase`, another model. */
export const values = (size: number, phase: number) =>
  Float32Array.from({ length: size }, (_, i) =>
    i % 9 === 4 ? 0 : i % 7 === 2 ? -0.5 : Math.tan((i + 7 * phase) * 1.7) * 0.01,
  )
const baseOf = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * 2.1 + 1))

export interface Setting extends Try {
  /** Post minus base of each model, by the size of the tensor. */
  deltas: ((size: number) => Float32Array)[]
  convention?: Convention
  /** Order in which the models are handed in. */
  order?: number[]
}

/** Whether the merger gets and returns deltas, in these laws with a base whenever it takes one. */
export const ofDeltas = (merger: Merger) => merger.input !== 'weights'

/** What was handed in and what came out, for a model that has a tensor of every shape. */
export async function run(
  merger: Merger,
  { options, models = [{}], convention, deltas, order = [...deltas.keys()] }: Setting,
) {
  const own = order.map((m) => ({ delta: deltas[m], options: models[m % models.length], m }))
  const merging = parseMerging(merger, { convention, options, models: own.map((one) => one.options) })
  const data = (shape: number[], m: number): Float32Array | undefined => {
    if (dataOf(merger) === 'fisher') return values(sizeOf(shape), m + 3).map((v) => v * v)
    if (dataOf(merger) !== 'gram' || shape.length !== 2) return undefined
    const n = shape[1]!
    return Float32Array.from({ length: n * n }, (_, i) =>
      i % (n + 1) === 0 ? 2 + m : Math.cos(Math.floor(i / n) * (i % n) + m) / n,
    )
  }
  const parts = shapes.map((shape): TensorPart => {
    const [base, size] = [baseOf(sizeOf(shape)), sizeOf(shape)]
    const given = own.map(({ m }) => data(shape, m))
    return {
      name: String(shape),
      shape,
      given: given.every((one) => one) ? (given as Float32Array[]) : undefined,
      models: own.map(({ delta }) => (ofDeltas(merger) ? delta!(size) : delta!(size).map((d, i) => d + base[i]!))),
    }
  })
  const before = tf.memory().numTensors
  const walk = async function* () {
    yield* parts
  }
  const warnings: string[] = []
  const scannedModels = await scanModels(merging, walk, (text) => warnings.push(text))
  assert.equal(tf.memory().numTensors, before, 'the scan leaves no tensor behind')
  const results = []
  for (const { name, shape, models: given, given: information } of parts) {
    const square = dataOf(merger) === 'gram' ? [shape[1], shape[1]] : shape
    const inputs: MergeInputs = {
      name,
      models: given.map((v) => tf.tensor(v, [...shape])),
      given: information?.map((v) => tf.tensor(v, square as number[])),
      base: tf.tensor(baseOf(sizeOf(shape)), [...shape]),
      embedding: false,
    }
    const held = tf.memory().numTensors
    const out = await mergeTensors({ ...merging, scannedModels }, inputs, (text) => warnings.push(text))
    assert.equal(tf.memory().numTensors, held + 1, 'exactly one new tensor')
    assert.deepEqual([out.shape, out.dtype], [shape, 'float32'])
    const alive = await Promise.all(inputs.models.map((t) => t.data()))
    alive.forEach((v, m) => assert.deepEqual(v, given[m], 'the inputs are as they were'))
    results.push({ shape, result: (await out.data()) as Float32Array, inputs: given })
    tf.dispose([out, inputs.base!, inputs.models, inputs.given ?? []] as Parameters<typeof tf.dispose>[0])
  }
  assert.equal(tf.memory().numTensors, before)
  return { results, warnings }
}

export function close(actual: Float32Array, expected: ArrayLike<number>, what: string, tolerance = 2e-6) {
  const size = actual.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3)
  actual.forEach((v, i) =>
    assert.ok(Math.abs(v - expected[i]!) <= tolerance * size, `${what}[${i}]: ${v} against ${expected[i]}`),
  )
}
