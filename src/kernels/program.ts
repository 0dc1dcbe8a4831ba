// Programs of editors and mergers on kernels: generators that yield the stages of a model and ask for reductions. Whoever runs a
// program makes passes of what it yields.
import type { PassAnswer } from './answer.js'
import type { Key } from './key.js'
import type { PassWrite, Reduction, Stage } from './pass.js'

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
export type TensorProgram<R> = Generator<ProgramStep, R, readonly PassAnswer[]>

/** What is asked of the values of one model. */
export type Question = Reduction extends infer R ? (R extends Reduction ? Omit<R, 'of' | 'with'> : never) : never

/** A program on the values of one model: yields stages, and questions whose answers it gets. Returns R. */
export type EntriesProgram<R> = Generator<Stage | readonly Question[], R, readonly PassAnswer[]>

/** The sum of the parts of an answer, in their order. */
export const sumOf = (parts: PassAnswer): number => (parts as Float64Array).reduce((sum, part) => sum + part, 0)

/** Σ |x| of the values after the stages so far. */
export function* sumMagnitudes(): EntriesProgram<number> {
  const [parts] = yield [{ sum: 'magnitudes' }]
  return sumOf(parts!)
}

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
  const advance = function* (model: number, answers: readonly PassAnswer[]): TensorProgram<void> {
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
