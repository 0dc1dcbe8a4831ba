// Runs a reference case of a merger through our own code: inputs, masks and data as the case gives them.
import { readFileSync } from 'node:fs'
import { applySteps } from '../../src/editors/index.js'
import { dataOf, type MergeInputs, mergeTensors, scanModels, type TensorPart } from '../../src/mergers/index.js'
import { type Tensor, tf } from '../../src/tensor/index.js'
import { type Entry, readTensors } from '../editors/fixtures.js'
import { type Case, meant } from './meant.js'

const root = new URL('../../../test/fixtures/methods/', import.meta.url)
export const cases = (JSON.parse(readFileSync(new URL('mergers.json', root), 'utf8')) as { cases: Case[] }).cases

export interface Outcome {
  /** |ours - expected| at its worst, and the largest share of the tolerance, 1 at most. */
  error: number
  share: number
  where: string
  compared: number
  warnings: string[]
}

/** One case: the merged tensors against the expected ones. */
export async function runCase(reference: Case): Promise<Outcome> {
  const expected = readTensors(reference.expected)
  if (reference.output !== 'delta per model') return compare(reference, await merged(reference), expected)
  const outcomes = []
  for (const [i, model] of reference.models.entries()) {
    const own = new Map(
      [...expected]
        .filter(([key]) => key.startsWith(`${model}/`))
        .map(([key, entry]) => [key.slice(model.length + 1), entry]),
    )
    outcomes.push(
      compare(reference, await merged({ ...reference, parameters: { ...reference.parameters, task: i + 1 } }), own),
    )
  }
  const worst = outcomes.reduce((a, b) => (b.share > a.share ? b : a))
  return {
    ...worst,
    error: Math.max(...outcomes.map(({ error }) => error)),
    compared: outcomes.reduce((sum, { compared }) => sum + compared, 0),
  }
}

/** Merged values by tensor name, in the form that the case expects (delta or weights). */
export async function merged(reference: Case): Promise<{ values: Map<string, Float32Array>; warnings: string[] }> {
  const { merging, steps } = meant(reference)
  const base = readTensors('inputs/base.safetensors')
  const posts = reference.models.map((model) => readTensors(`inputs/${model}.safetensors`))
  const given = reference.given ? readTensors(reference.given[0]!) : new Map<string, Entry>()
  const { input } = merging.merger
  const deltas = input === 'delta' || (input === 'either' && reference.parameters.base)
  const warnings: string[] = []

  const parts: TensorPart[] = []
  for (const [name, before] of base) {
    const keys = reference.models.map((model) => `${model}/${name}`)
    const models = []
    for (const [i, post] of posts.entries()) {
      const delta = post.get(name)!.values.map((v, j) => v - before.values[j]!)
      const edited = steps.length
        ? await applySteps(steps[i]!, delta, before.shape, { seed: 0, tensor: name, keep: given.get(keys[i]!)?.values })
        : null
      models.push(
        deltas ? (edited ?? delta) : edited ? edited.map((v, j) => v + before.values[j]!) : post.get(name)!.values,
      )
    }
    const data =
      dataOf(merging.merger) && keys.every((key) => given.has(key))
        ? keys.map((key) => given.get(key)!.values)
        : undefined
    parts.push({ name, shape: before.shape, models, given: data })
  }
  const walk = async function* (): AsyncGenerator<TensorPart> {
    yield* parts
  }
  const scannedModels = await scanModels(merging, walk)
  const values = new Map<string, Float32Array>()
  for (const { name, shape, models, given: data } of parts) {
    const before = base.get(name)!
    const tensors = models.map((v) => tf.tensor(v, [...shape]))
    const own = data?.map((v) =>
      tf.tensor(
        v,
        v.length === shape.reduce((a, b) => a * b, 1) ? [...shape] : [Math.sqrt(v.length), Math.sqrt(v.length)],
      ),
    )
    const inputs: MergeInputs = {
      name,
      models: tensors,
      base: tf.tensor(before.values, before.shape),
      given: own,
      embedding: name.includes('embed'),
    }
    const out = await mergeTensors({ ...merging, scannedModels }, inputs, (text) => warnings.push(`${name}: ${text}`))
    const result = (await out.data()) as Float32Array
    values.set(name, deltas && reference.output === 'weights' ? result.map((v, i) => v + before.values[i]!) : result)
    tf.dispose([tensors, own ?? [], inputs.base!, out] as Tensor[][])
  }
  return { values, warnings }
}

/** Tensors that the tool spoils are only checked to be finite. */
function compare(
  reference: Case,
  { values, warnings }: { values: Map<string, Float32Array>; warnings: string[] },
  expected: Map<string, Entry>,
): Outcome {
  if (reference.tolerance.kind !== 'close') throw new Error(`${reference.id}: not a case of numbers`)
  const { rtol, atol } = reference.tolerance
  const outcome: Outcome = { error: 0, share: 0, where: '', compared: 0, warnings }
  for (const [name, actual] of values) {
    if (!actual.every(Number.isFinite)) outcome.share = Infinity
    const wanted = expected.get(name)
    if (!wanted) continue
    if (wanted.values.length !== actual.length) outcome.share = Infinity
    outcome.compared++
    wanted.values.forEach((b, i) => {
      const error = Math.abs(actual[i]! - b)
      const share = error / (rtol * Math.abs(b) + atol)
      outcome.error = Math.max(outcome.error, error)
      if (share > outcome.share) Object.assign(outcome, { share, where: `${name}[${i}]: ${actual[i]} against ${b}` })
    })
  }
  return outcome
}
