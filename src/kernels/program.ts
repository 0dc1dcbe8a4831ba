// Programs of editors and mergers on kernels: generators that yield the stages of a model and ask for reductions. Whoever runs a
// program makes passes of what it yields.
import type { Key, Largest, PassWrite, Reduction, Stage } from './pass.js'

/** What a program on a tensor of several models yields: a stage of one model, or a pass that is to be made now. */
export type ProgramStep =
  | { model: number; stage: Stage }
  | { reductions: readonly Reduction[]; write?: Omit<PassWrite, 'target'> | undefined }

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
  /** Entries above the threshold, and entries of its very magnitude. */
  above: number
  ties: number
}

/** The bin, counted from the top, that holds the wanted one, and its place in that bin. */
function descend(counts: Float64Array, wanted: number): { bin: number; left: number; size: number } {
  let [bin, left] = [counts.length - 1, wanted]
  for (; counts[bin]! < left; bin--) left -= counts[bin]!
  return { bin, left, size: counts[bin]! }
}

/**
 * Where the k-th largest magnitudes lie among `size` entries, for each k of a list; ties go to the lowest index. Exact: bits of
 * non-negative float32 order like integers, so two histograms find the threshold, and a count of ties per strip finds the last one.
 */
export function* findLargest(wanted: readonly number[], size: number): EntriesProgram<FoundCut[]> {
  const cuts = wanted.map((k): FoundCut | null => {
    if (!(k >= 0 && k <= size)) throw new Error(`cannot keep ${k} of ${size} entries`)
    return k === 0 ? { threshold: Number.POSITIVE_INFINITY, lastTie: -1, above: 0, ties: 0 } : null
  })
  const open = [...cuts.keys()].filter((i) => cuts[i] === null)
  if (open.length === 0) return cuts as FoundCut[]
  const [upper] = yield [{ sum: 'upper' }]
  const high = open.map((i) => descend(upper!, wanted[i]!))
  const lower = yield high.map(({ bin }) => ({ sum: 'lower', upper: bin }) as const)
  const found = high.map(({ bin, left }, n) => {
    const low = descend(lower[n]!, left)
    return { bits: (bin << 15) | low.bin, left: low.left, ties: low.size }
  })
  const split = found.filter(({ left, ties }) => left < ties)
  const equal = split.length ? yield split.map(({ bits }) => ({ sum: 'equal', bits }) as const) : []
  const places = split.map(({ bits, left }, n) => {
    let [strip, rest] = [0, left]
    for (; equal[n]![strip]! < rest; strip++) rest -= equal[n]![strip]!
    return { sum: 'find', bits, n: rest, strip } as const
  })
  const last = places.length ? yield places : []
  for (const [n, i] of open.entries()) {
    const { bits, left, ties } = found[n]!
    const at = split.indexOf(found[n]!)
    cuts[i] = { threshold: floatOf(bits), lastTie: at < 0 ? size - 1 : last[at]![0]!, above: wanted[i]! - left, ties }
  }
  return cuts as FoundCut[]
}

const floatOf = (bits: number): number => new Float32Array(new Int32Array([bits]).buffer)[0]!

/** What the program of an editor may know of the tensor besides its values. */
export interface ProgramTensor {
  /** Random key of (seed, editor, tensor). */
  key: Key
  /** Number of entries, and of those in a row. */
  size: number
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
