// Programs of editors and mergers on kernels: generators that yield the stages of a model and ask for reductions. Whoever runs a
// program makes passes of what it yields.
import type { Key, Largest, PassWrite, Reduction, Stage } from './pass.js'

/** What a program on a tensor of several models yields: a stage of one model, or a pass that is to be made now. */
export type ProgramStep =
  | {
      /** Number of the model, from 0. */
      model: number
      /** What is done to its values. */
      stage: Stage
    }
  | {
      /** What is counted in the pass. */
      reductions: readonly Reduction[]
      /** What is written in it; only the last pass writes. */
      write?: Omit<PassWrite, 'target'> | undefined
    }

/** A program on one tensor: what it yields last is the pass that writes. Answers are those of the reductions of each pass. */
export type TensorProgram<R> = Generator<ProgramStep, R, readonly Float64Array[]>

/** What is asked of the values of one model. */
export type Question = Reduction extends infer R ? (R extends Reduction ? Omit<R, 'of' | 'with'> : never) : never

/** A program on the values of one model: yields stages, and questions whose answers it gets. Returns R. */
export type EntriesProgram<R> = Generator<Stage | readonly Question[], R, readonly Float64Array[]>

/** The sum of the parts of an answer, in their order. */
export const sumOf = (parts: Float64Array): number => parts.reduce((sum, part) => sum + part, 0)

/** Σ |x| of the values after the stages so far. */
export function* sumMagnitudes(): EntriesProgram<number> {
  const [parts] = yield [{ sum: 'magnitudes' }]
  return sumOf(parts!)
}

/** Where a selection cuts. */
export interface FoundCut extends Largest {
  /** Number of entries above the threshold. */
  above: number
  /** Number of entries of its very magnitude. */
  ties: number
}

/** The bin, counted from the top, that holds the wanted one, and its place in that bin. */
function descend(counts: Float64Array, wanted: number): { bin: number; left: number; size: number } {
  let [bin, left] = [counts.length - 1, wanted]
  for (; counts[bin]! < left; bin--) left -= counts[bin]!
  return { bin, left, size: counts[bin]! }
}

/** Tensors of fewer entries are not sampled. */
const SAMPLED = 1 << 20
/** One strip of so many is a sample. */
const SAMPLE = 16

const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value))

/** The bits of magnitudes near the k-th largest, from a sample. Where they are those of the k-th largest itself, passes are saved. */
function* guessLargest(wanted: readonly number[], size: number): EntriesProgram<number[]> {
  const [upper] = yield [{ sum: 'upper', sample: SAMPLE }]
  const seen = sumOf(upper!)
  const high = wanted.map((k) => descend(upper!, clamp(Math.round((k * seen) / size), 1, seen)))
  const lower = yield high.map(({ bin }) => ({ sum: 'lower', upper: bin, sample: SAMPLE }) as const)
  return high.map(({ bin, left }, n) => (bin << 15) | descend(lower[n]!, clamp(left, 1, sumOf(lower[n]!))).bin)
}

/**
 * Where the k-th largest magnitudes lie among `size` entries, for each k of a list; ties go to the lowest index. Exact: bits of
 * non-negative float32 order like integers, so two histograms find the threshold, and a count of ties per strip finds the last one.
 * The second histogram and the count are made in the pass of the first one, for a guess; they are made again where it was wrong.
 */
export function* findLargest(wanted: readonly number[], size: number): EntriesProgram<FoundCut[]> {
  const cuts = wanted.map((k): FoundCut | null => {
    if (!(k >= 0 && k <= size)) throw new Error(`cannot keep ${k} of ${size} entries`)
    return k === 0 ? { threshold: Number.POSITIVE_INFINITY, lastTie: -1, above: 0, ties: 0 } : null
  })
  const open = [...cuts.keys()].filter((i) => cuts[i] === null)
  if (open.length === 0) return cuts as FoundCut[]
  const places = open.map((i) => wanted[i]!)
  const guesses = size < SAMPLED ? [] : yield* guessLargest(places, size)
  const [upper, ...early] = yield [
    { sum: 'upper' },
    ...guesses.map((bits) => ({ sum: 'lower', upper: bits >>> 15 }) as const),
    ...guesses.map((bits) => ({ sum: 'equal', bits }) as const),
  ]
  const high = places.map((k) => descend(upper!, k))
  const lower = yield* known(
    early,
    high.map(({ bin }, n) => n in guesses && guesses[n]! >>> 15 === bin),
    (n) => ({
      sum: 'lower',
      upper: high[n]!.bin,
    }),
  )
  const found = high.map(({ bin, left }, n) => {
    const low = descend(lower[n]!, left)
    return { bits: (bin << 15) | low.bin, left: low.left, ties: low.size }
  })
  const isSplit = found.map(({ left, ties }) => left < ties)
  const equal = yield* known(
    early.slice(guesses.length),
    found.map(({ bits }, n) => !isSplit[n] || guesses[n] === bits),
    (n) => ({ sum: 'equal', bits: found[n]!.bits }),
  )
  const last = yield* known(
    [],
    found.map((_, n) => !isSplit[n]),
    (n) => placeOf(found[n]!, equal[n]!),
  )
  for (const [n, i] of open.entries()) {
    const { bits, left, ties } = found[n]!
    const lastTie = isSplit[n] ? last[n]![0]! : size - 1
    cuts[i] = { threshold: floatOf(bits), lastTie, above: wanted[i]! - left, ties }
  }
  return cuts as FoundCut[]
}

/** Answers by number: those that are known from earlier passes, and those of one more pass for the rest. */
function* known(
  early: readonly Float64Array[],
  isKnown: readonly boolean[],
  question: (n: number) => Question,
): EntriesProgram<Float64Array[]> {
  const missing = [...isKnown.keys()].filter((n) => !isKnown[n])
  const found = missing.length ? yield missing.map(question) : []
  const answers = [...early]
  for (const [at, n] of missing.entries()) answers[n] = found[at]!
  return answers
}

/** Asks for the index of the last tie that is kept, from the ties in each strip. */
function placeOf({ bits, left }: { bits: number; left: number }, equal: Float64Array): Question {
  let [strip, rest] = [0, left]
  for (; equal[strip]! < rest; strip++) rest -= equal[strip]!
  return { sum: 'find', bits, n: rest, strip }
}

/** The float32 of these bits. */
export const floatOf = (bits: number): number => new Float32Array(new Int32Array([bits]).buffer)[0]!

/** What the program of an editor may know of the tensor besides its values. */
export interface ProgramTensor {
  /** Random key of (seed, editor, tensor). */
  key: Key
  /** Number of entries. */
  size: number
  /** Number of entries in a row. */
  columns: number
}

/** Runs a program on each model's values side by side: one pass answers the questions of all. Returns what each returned. */
export function* together<R>(programs: readonly EntriesProgram<R>[]): TensorProgram<R[]> {
  const results: R[] = []
  const asked = new Map<number, readonly Question[]>()
  const advance = function* (model: number, answers: readonly Float64Array[]): TensorProgram<void> {
    for (let next = programs[model]!.next(answers); ; next = programs[model]!.next([])) {
      if (next.done) {
        results[model] = next.value
        return
      }
      if (!('stage' in next.value)) return void asked.set(model, next.value)
      yield { model, stage: next.value }
    }
  }
  for (const model of programs.keys()) yield* advance(model, [])
  while (asked.size) {
    const questions = [...asked]
    asked.clear()
    const answers = yield {
      reductions: questions.flatMap(([of, list]) => list.map((question) => ({ ...question, of }) as Reduction)),
    }
    let at = 0
    for (const [model, list] of questions) yield* advance(model, answers.slice(at, (at += list.length)))
  }
  return results
}
