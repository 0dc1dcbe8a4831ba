// One merger on small models, as the laws try it.
import {
  type Convention,
  dataOf,
  type MergeInputs,
  type Merger,
  mergeTensors,
  parseMerging,
  scanModels,
  type TensorPart,
} from '../mergers/index.js'
import { countEntries, type Tensor, tf } from '../tensor/index.js'
import { difference } from './law.js'
import { SHAPES, sampleValues } from './samples.js'

/** Options of a merge and of its models, as in a YAML file. */
export interface MergerSetting {
  /** Options of the merge. */
  options?: Record<string, unknown>
  /** Options of the models, taken in turn. */
  models?: readonly Record<string, unknown>[]
  /** False where these options change the weights even if no model differs from the base: scaled weights. */
  keepsBase?: boolean
}

export interface MergeTrial extends MergerSetting {
  convention: Convention
  /** Post minus base of each model, by the size of the tensor. */
  deltas: readonly ((size: number) => Float32Array)[]
  /** Order in which the models are handed in. */
  order?: readonly number[]
}

/** What was handed in of one tensor, and what came out. */
interface Merged {
  shape: readonly number[]
  result: Float32Array
  inputs: readonly Float32Array[]
}

export const baseOf = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * 2.1 + 1))

/** Whether the merger gets and returns deltas; in the laws there is a base whenever it takes one. */
export const ofDeltas = (merger: Merger) => merger.input !== 'weights'

/** The data of one model and tensor that the merger asks for. */
function dataFor(merger: Merger, shape: readonly number[], m: number): Float32Array | undefined {
  const kind = dataOf(merger)
  if (kind === 'fisher') return sampleValues(countEntries(shape), m + 3).map((v) => v * v)
  const [, n] = shape
  if (kind !== 'gram' || shape.length !== 2 || n === undefined) return undefined
  return Float32Array.from({ length: n * n }, (_, i) =>
    i % (n + 1) === 0 ? 2 + m : Math.cos(Math.floor(i / n) * (i % n) + m) / n,
  )
}

/** One tensor of every shape, also without entries, of every model. */
export function partsOf(merger: Merger, { deltas, order = [...deltas.keys()] }: MergeTrial): TensorPart[] {
  return [...SHAPES, [0], [0, 4]].map((shape) => {
    const size = countEntries(shape)
    const base = baseOf(size)
    const given = order.flatMap((m) => dataFor(merger, shape, m) ?? [])
    const models = order.map((m) => {
      const delta = deltas[m]?.(size) ?? new Float32Array(size)
      return ofDeltas(merger) ? delta : delta.map((d, i) => d + base[i]!)
    })
    return { name: String(shape), shape, models, given: given.length === order.length ? given : undefined }
  })
}

/** Merges a tensor of every shape; complains of what every merge must keep. */
export async function merged(
  merger: Merger,
  trial: MergeTrial,
  complain: (how: string) => never,
): Promise<{ results: Merged[]; warnings: string[] }> {
  const { options, models = [{}], convention, deltas, order = [...deltas.keys()] } = trial
  const merging = parseMerging(merger, { convention, options, models: order.map((m) => models[m % models.length]) })
  const where = withSetting(trial)
  const parts = partsOf(merger, trial)
  const before = tf.memory().numTensors
  const warnings: string[] = []
  const warn = (text: string) => void warnings.push(text)
  const scannedModels = await scanModels(
    merging,
    async function* () {
      yield* parts
    },
    warn,
  )
  const left = tf.memory().numTensors - before
  if (left) complain(`${where} the scan of the models leaves ${left} tensors behind`)
  const results: Merged[] = []
  for (const { name, shape, models: handed, given } of parts) {
    const at = `${where} on a tensor [${shape}]`
    const square = dataOf(merger) === 'gram' ? [shape[1]!, shape[1]!] : [...shape]
    const inputs: MergeInputs = {
      name,
      models: handed.map((values) => tf.tensor(values, [...shape])),
      given: given?.map((values) => tf.tensor(values, square)),
      base: tf.tensor(baseOf(countEntries(shape)), [...shape]),
      embedding: false,
    }
    const all = [...inputs.models, ...(inputs.given ?? []), ...(inputs.base ? [inputs.base] : [])]
    const held = tf.memory().numTensors
    const out = await mergeTensors({ ...merging, scannedModels }, inputs, warn)
    const more = tf.memory().numTensors - held
    const returned = all.some(({ id }) => id === out.id)
    const result = (await out.data()) as Float32Array
    const changed = await changedInput(inputs.models, handed)
    const { dtype } = out
    tf.dispose([out, ...all])
    if (returned) complain(`${at}, it returns a tensor that it was given: return a clone()`)
    if (more !== 1) complain(`${at}, there are ${more} new tensors, not one`)
    if (dtype !== 'float32') complain(`${at}, the dtype of the result is ${dtype}, not float32`)
    if (changed) complain(`${at}, ${changed}`)
    const wild = result.findIndex((value) => !Number.isFinite(value))
    if (wild >= 0) complain(`${at}, entry ${wild} is ${result[wild]}`)
    results.push({ shape, result, inputs: handed })
  }
  return { results, warnings }
}

async function changedInput(tensors: readonly Tensor[], handed: readonly Float32Array[]): Promise<string | null> {
  for (const [m, tensor] of tensors.entries()) {
    if (tensor.isDisposed) return `the tensor of model ${m + 1} is disposed`
    const found = difference(await tensor.data(), handed[m] ?? [])
    if (found) return `the tensor of model ${m + 1} is not as it was: ${found}`
  }
  return null
}

export const withSetting = ({ options = {}, models = [{}], convention }: Omit<MergeTrial, 'deltas'>): string =>
  `with options ${JSON.stringify(options)}, models ${JSON.stringify(models)} and convention ${convention}`

/** `difference` where the tolerance is a share of the largest magnitude, of 0.001 at least. */
export function relative(actual: Float32Array, expected: ArrayLike<number>, share = 2e-6): string | null {
  const size = actual.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3)
  return difference(actual, expected, share * size)
}
