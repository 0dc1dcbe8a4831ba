// The laws of mergers: what every merger must keep whatever it does.

import { UserError } from '../errors/index.js'
import {
  CONVENTIONS,
  type Convention,
  dataOf,
  type Merger,
  mergeValues,
  needsModels,
  parseMerging,
  scanModels,
} from '../mergers/index.js'
import { factsOf } from '../schema/index.js'
import { countEntries } from '../tensor/index.js'
import { bitDifference, difference, law } from './law.js'
import {
  baseOf,
  type MergerSetting,
  type MergeTrial,
  merged,
  ofDeltas,
  partsOf,
  relative,
  withSetting,
} from './merger-trial.js'
import { HOLDINGS, openTrials, writes } from './program-trial.js'
import { onBackend, PROGRAM_SAMPLES, sampleValues } from './samples.js'

/** A merger with what the laws try on it. */
export interface MergerSubject {
  name: string
  merger: Merger
  /** Settings to try in every convention. */
  settings: readonly MergerSetting[]
  /** Settings under which one model comes out as it went in. */
  one?: MergerSetting | null | undefined
  /** Settings under which equal models come out as they are. */
  same?: MergerSetting | null | undefined
}

/** Deltas of as many models as the merger takes, three at most. */
const different = ({ merger }: MergerSubject): ((size: number) => Float32Array)[] =>
  Array.from(
    { length: Math.min(Math.max(3, merger.count[0]), merger.count[1]) },
    (_, m) => (size) => sampleValues(size, m),
  )

/** Every setting in every convention. */
const trials = ({ merger, settings }: MergerSubject): (MergerSetting & { convention: Convention })[] =>
  settings.flatMap((each) => merger.conventions.map((convention) => ({ ...each, convention })))

const repeatable = law<MergerSubject>(
  'shape and dtype are kept, results are finite, inputs stay, nothing is left behind; equal runs give equal bits',
  async (subject, complain) => {
    for (const setting of trials(subject)) {
      const trial = { ...setting, deltas: different(subject) }
      const first = await merged(subject.merger, trial, complain)
      const again = await merged(subject.merger, trial, complain)
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
    const { results } = await merged(subject.merger, { ...setting, deltas: nothing }, complain)
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
  deltas: MergeTrial['deltas'],
  complain: (how: string) => never,
): Promise<void> {
  for (const convention of subject.merger.conventions) {
    const trial = { ...setting, convention, deltas }
    const { results } = await merged(subject.merger, trial, complain)
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
      await firstComesOut(subject, subject.one, [(size) => sampleValues(size)], complain)
  },
)

const same = law<MergerSubject>(
  'equal models come out as they are, where that is claimed',
  async (subject, complain) => {
    const equal = different(subject).map(() => (size: number) => sampleValues(size))
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
      const there = await merged(subject.merger, { ...setting, deltas }, complain)
      const back = await merged(subject.merger, { ...setting, deltas, order: reversed }, complain)
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
    const wasm = await merged(subject.merger, { ...setting, deltas }, complain)
    const cpu = await onBackend('cpu', () => merged(subject.merger, { ...setting, deltas }, complain))
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
      const base = baseOf(countEntries(part.shape))
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

const programs = law<MergerSubject>(
  'the program on kernels gives the bits and the warnings of the merge',
  async (subject, complain) => {
    const { merger } = subject
    const run = openTrials()
    for (const setting of trials(subject)) {
      const { models = [{}] } = setting
      const count = different(subject).length
      const merging = parseMerging(merger, {
        ...setting,
        models: Array.from({ length: count }, (_, m) => models[m % models.length]),
      })
      if (needsModels(merging) || dataOf(merger)) continue
      for (const { shape, valuesOf } of PROGRAM_SAMPLES) {
        const size = countEntries(shape)
        const said: string[] = []
        const warn = (text: string) => void said.push(`w: ${text}`)
        const make = () => merger.program?.({ ...merging, size, warn }) ?? null
        if (!make()) continue
        const base = baseOf(size)
        const parts = Array.from({ length: count }, (_, m) => valuesOf(size, m)).map((delta) =>
          ofDeltas(merger) ? delta : delta.map((d, i) => d + base[i]!),
        )
        const warnings: string[] = []
        const part = { name: 'w', shape, models: parts, embedding: false }
        const expected = await mergeValues(merging, part, base, { warn: (text) => void warnings.push(text) })
        for (const holding of HOLDINGS) {
          said.length = 0
          const program = writes(make()!, (combine) => combine)
          const { result } = await run({ shape, models: parts, program, holding })
          const where = `${withSetting(setting)} on a tensor [${shape}] ${holding}`
          const found = bitDifference(result, expected)
          if (found) complain(`${where}, the program and the merge differ: ${found}`)
          if (said.join('\n') !== warnings.join('\n'))
            complain(`${where}, the program warns of ${JSON.stringify(said)}, the merge of ${JSON.stringify(warnings)}`)
        }
      }
    }
  },
)

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
export const mergerLaws = [repeatable, zero, one, same, order, backends, runs, programs, strict] as const
