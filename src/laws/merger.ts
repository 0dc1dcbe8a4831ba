// The laws of mergers: what every merger must keep whatever it does.
import { UserError } from '../errors/index.js'
import {
  CONVENTIONS,
  type Convention,
  dataOf,
  type MergeInputs,
  type Merger,
  mergeTensors,
  mergeValues,
  parseMerging,
  scanModels,
  type TensorPart,
} from '../mergers/index.js'
import { factsOf } from '../schema/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import { difference, keepLaws, law } from './law.js'
import { entriesOf, madeUpOptions, onBackend, onWasm, SHAPES, valuesOf } from './samples.js'

/** Options of a merge and of its models, as in a YAML file. */
export interface MergerSetting {
  options?: Record<string, unknown>
  /** Options of the models, taken in turn. */
  models?: readonly Record<string, unknown>[]
  /** False where these options change the weights even if no model differs from the base: scaled weights. */
  keepsBase?: boolean
}

export interface MergerCheck {
  /** Settings to try in every convention; by default some are made up from the schemas. */
  settings?: readonly MergerSetting[]
  /** Settings under which one model comes out as it went in; by default the method has none. */
  one?: MergerSetting | null
  /** Settings under which equal models come out as they are; by default the method has none. */
  same?: MergerSetting | null
}

/** A merger with what the laws try on it. */
export interface MergerSubject extends MergerCheck {
  name: string
  merger: Merger
  settings: readonly MergerSetting[]
}

/** @throws UserError where no settings are given and none can be made up */
export function mergerSubject(merger: Merger, check: MergerCheck = {}): MergerSubject {
  const settings = check.settings ?? madeUpSettings(merger)
  if (!settings.length)
    throw new UserError(
      `checkMerger: no settings of ${merger.name} to try: give them, like { settings: [{ options: { t: 0.5 } }] }`,
    )
  return { ...check, name: `merger ${merger.name}`, merger, settings }
}

/** Made-up options of the merge with the first of the models, and the other way round. */
function madeUpSettings({ options, modelOptions }: Merger): MergerSetting[] {
  const [merges, models] = [madeUpOptions(options), madeUpOptions(modelOptions)]
  const [first] = models
  if (!first) return []
  return [
    ...merges.map((one) => ({ options: one, models: [first] })),
    ...merges.slice(0, 1).flatMap((one) => models.slice(1).map((each) => ({ options: one, models: [each] }))),
  ]
}

interface Trial extends MergerSetting {
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

const baseOf = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * 2.1 + 1))

/** Whether the merger gets and returns deltas; in the laws there is a base whenever it takes one. */
const ofDeltas = (merger: Merger) => merger.input !== 'weights'

/** The data of one model and tensor that the merger asks for. */
function dataFor(merger: Merger, shape: readonly number[], m: number): Float32Array | undefined {
  const kind = dataOf(merger)
  if (kind === 'fisher') return valuesOf(entriesOf(shape), m + 3).map((v) => v * v)
  const [, n] = shape
  if (kind !== 'gram' || shape.length !== 2 || n === undefined) return undefined
  return Float32Array.from({ length: n * n }, (_, i) =>
    i % (n + 1) === 0 ? 2 + m : Math.cos(Math.floor(i / n) * (i % n) + m) / n,
  )
}

/** One tensor of every shape, also without entries, of every model. */
function partsOf(merger: Merger, { deltas, order = [...deltas.keys()] }: Trial): TensorPart[] {
  return [...SHAPES, [0], [0, 4]].map((shape) => {
    const size = entriesOf(shape)
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
async function merged(
  { merger }: Pick<MergerSubject, 'merger'>,
  trial: Trial,
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
      base: tf.tensor(baseOf(entriesOf(shape)), [...shape]),
      embedding: false,
    }
    const all = [...inputs.models, ...(inputs.given ?? []), ...(inputs.base ? [inputs.base] : [])]
    const held = tf.memory().numTensors
    const out = await mergeTensors({ ...merging, scannedModels }, inputs, warn)
    const more = tf.memory().numTensors - held
    const returned = all.some(({ id }) => id === out.id)
    const result = (await out.data()) as Float32Array
    const changed = await changedInput(inputs.models, handed)
    const [outShape, dtype] = [out.shape, out.dtype]
    tf.dispose([out, ...all])
    if (returned) complain(`${at}, it returns a tensor that it was given: return a clone()`)
    if (more !== 1) complain(`${at}, there are ${more} new tensors, not one`)
    if (outShape.join() !== shape.join()) complain(`${at}, the shape of the result is [${outShape}]`)
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

const withSetting = ({ options = {}, models = [{}], convention }: Omit<Trial, 'deltas'>): string =>
  `with options ${JSON.stringify(options)}, models ${JSON.stringify(models)} and convention ${convention}`

/** `difference` where the tolerance is a share of the largest magnitude, of 0.001 at least. */
function relative(actual: Float32Array, expected: ArrayLike<number>, share = 2e-6): string | null {
  const size = actual.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3)
  return difference(actual, expected, share * size)
}

/** Deltas of as many models as the merger takes, three at most. */
const different = ({ merger }: MergerSubject): ((size: number) => Float32Array)[] =>
  Array.from({ length: Math.min(Math.max(3, merger.count[0]), merger.count[1]) }, (_, m) => (size) => valuesOf(size, m))

/** Every setting in every convention. */
const trials = ({ merger, settings }: MergerSubject): (MergerSetting & { convention: Convention })[] =>
  settings.flatMap((each) => merger.conventions.map((convention) => ({ ...each, convention })))

const repeatable = law<MergerSubject>(
  'shape and dtype are kept, results are finite, inputs stay, nothing is left behind; equal runs give equal bits',
  async (subject, complain) => {
    for (const setting of trials(subject)) {
      const trial = { ...setting, deltas: different(subject) }
      const first = await merged(subject, trial, complain)
      const again = await merged(subject, trial, complain)
      for (const [i, { result, shape }] of first.results.entries()) {
        const found = difference(again.results[i]?.result ?? [], result)
        if (found) complain(`${withSetting(trial)} twice on a tensor [${shape}], ${found}`)
      }
      if (first.warnings.join('\n') !== again.warnings.join('\n'))
        complain(`${withSetting(trial)} twice, the warnings differ`)
    }
  },
)

const zero = law<MergerSubject>('zero deltas give the base', async (subject, complain) => {
  const nothing = different(subject).map(() => (size: number) => new Float32Array(size))
  for (const setting of trials(subject)) {
    if (setting.keepsBase === false) continue
    const { results } = await merged(subject, { ...setting, deltas: nothing }, complain)
    for (const { result, inputs, shape } of results) {
      const found = relative(result, inputs[0]!, ofDeltas(subject.merger) ? 0 : 1e-6)
      if (found) complain(`${withSetting(setting)} on a tensor [${shape}], ${found}`)
    }
  }
})

/** With these deltas, the first model comes out. */
async function firstComesOut(
  subject: MergerSubject,
  setting: MergerSetting,
  deltas: Trial['deltas'],
  complain: (how: string) => never,
): Promise<void> {
  for (const convention of subject.merger.conventions) {
    const trial = { ...setting, convention, deltas }
    const { results } = await merged(subject, trial, complain)
    for (const { result, inputs, shape } of results) {
      const found = relative(result, inputs[0]!)
      if (found) complain(`${withSetting(trial)} on a tensor [${shape}], ${found}`)
    }
  }
}

const one = law<MergerSubject>(
  'one model comes out as it went in, where that is claimed',
  async (subject, complain) => {
    if (subject.one && subject.merger.count[0] <= 1)
      await firstComesOut(subject, subject.one, [(size) => valuesOf(size)], complain)
  },
)

const same = law<MergerSubject>(
  'equal models come out as they are, where that is claimed',
  async (subject, complain) => {
    const equal = different(subject).map(() => (size: number) => valuesOf(size))
    if (subject.same) await firstComesOut(subject, subject.same, equal, complain)
  },
)

const order = law<MergerSubject>(
  'the order of the models matters only where they have parts to play',
  async (subject, complain) => {
    const deltas = different(subject)
    const reversed = [...deltas.keys()].reverse()
    let differs = false
    for (const setting of trials(subject)) {
      const there = await merged(subject, { ...setting, deltas }, complain)
      const back = await merged(subject, { ...setting, deltas, order: reversed }, complain)
      for (const [i, { result, shape }] of there.results.entries()) {
        const other = back.results[i]?.result ?? new Float32Array(0)
        if (subject.merger.ordered) differs ||= difference(result, other, 1e-3) !== null
        else {
          const found = relative(result, other, 1e-5)
          if (found) complain(`${withSetting(setting)} on a tensor [${shape}], the models in reverse: ${found}`)
        }
      }
    }
    if (differs !== subject.merger.ordered && deltas.length > 1)
      complain('it claims that the order matters, but the models in reverse give the same')
  },
)

const backends = law<MergerSubject>('cpu and wasm agree', async (subject, complain) => {
  const deltas = different(subject)
  for (const setting of trials(subject)) {
    const wasm = await merged(subject, { ...setting, deltas }, complain)
    const cpu = await onBackend('cpu', () => merged(subject, { ...setting, deltas }, complain))
    for (const [i, { result, shape }] of wasm.results.entries()) {
      const found = relative(result, cpu.results[i]?.result ?? [], 1e-5)
      if (found) complain(`${withSetting(setting)} on a tensor [${shape}], ${found}`)
    }
  }
})

const runs = law<MergerSubject>('runs of entries give the bits of the whole', async (subject, complain) => {
  const { merger } = subject
  if (merger.reads === 'whole') return
  for (const setting of trials(subject)) {
    const trial = { ...setting, deltas: different(subject) }
    const { models = [{}] } = setting
    const merging = parseMerging(merger, { ...setting, models: trial.deltas.map((_, m) => models[m % models.length]) })
    const parts = partsOf(merger, trial)
    const scannedModels = await scanModels(merging, async function* () {
      yield* parts
    })
    for (const part of parts) {
      const base = baseOf(entriesOf(part.shape))
      const [whole, inRuns] = await Promise.all(
        [1 << 20, 7].map((block) =>
          mergeValues({ ...merging, scannedModels }, { ...part, embedding: false }, base, {
            warn: () => undefined,
            block,
          }),
        ),
      )
      const found = difference(inRuns ?? [], whole ?? [])
      if (found) complain(`${withSetting(setting)} on a tensor [${part.shape}] in runs of 7, ${found}`)
    }
  }
})

/** What parsing these options says; null where they are taken. */
function refusal(work: () => unknown): string | null {
  try {
    work()
    return null
  } catch (error) {
    return error instanceof UserError ? error.message : `${error}`
  }
}

const strict = law<MergerSubject>(
  'options are described and strict; conventions and the number of models are checked',
  async (subject, complain) => {
    const { merger, settings } = subject
    for (const schema of [merger.options, merger.modelOptions])
      for (const { name, description } of factsOf(schema))
        if (!/^.{15,}\.$/s.test(description))
          complain(`the .describe() of ${name} must be a sentence of 15 characters or more; got "${description}"`)
    const [{ options, models: own = [{}] } = {}] = settings
    const models = different(subject).map((_, m) => own[m % own.length])
    const parse = (more: object) => refusal(() => parseMerging(merger, { options, models, ...more }))
    const extra = { no_such_option: 1 }
    const [wrong, wrongModel] = [
      parse({ options: { ...options, ...extra } }),
      parse({ models: models.map((m) => ({ ...m, ...extra })) }),
    ]
    if (!/unknown option of .*"no_such_option"/.test(wrong ?? '')) complain(`no_such_option: ${wrong ?? 'it is taken'}`)
    if (!/unknown option of each model of .*"no_such_option"/.test(wrongModel ?? ''))
      complain(`no_such_option of a model: ${wrongModel ?? 'it is taken'}`)
    for (const convention of CONVENTIONS)
      if (!merger.conventions.includes(convention) && !/has no convention/.test(parse({ convention }) ?? ''))
        complain(`convention ${convention} is not refused`)
    if (!/merges (exactly|at least) \d+ models? \(the base not counted\); got 0/.test(parse({ models: [] }) ?? ''))
      complain('no models at all are not refused')
  },
)

/** All laws of mergers, in the order in which they are checked. */
export const mergerLaws = [repeatable, zero, one, same, order, backends, runs, strict] as const

/**
 * Checks that a merger keeps the laws of all mergers. Call it from any test runner.
 * @param merger what `defineMerger` returned
 * @param check `settings` to try; by default some are made up from the schemas. `one`, `same`: settings under which one model, or
 * several equal ones, come out as they are, where the method has such settings
 * @returns resolves where all laws are kept
 * @throws UserError that names the law that is broken, the options and the values
 */
export const checkMerger = (merger: Merger, check: MergerCheck = {}): Promise<void> =>
  onWasm(() => keepLaws(mergerLaws, mergerSubject(merger, check)))
