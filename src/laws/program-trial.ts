// Programs on kernels, as the laws try them: in this thread, with a tensor that stays in memory, and strip by strip.
import { makeMachine, type PassWrite, type TensorProgram } from '../kernels/index.js'
import { type Lane, openChoices, runTensor } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'

/** Enough for all tensors of a trial. */
const MEMORY = 1 << 24

/** How the values of a tensor are held between the passes of a program. */
export const HOLDINGS = ['in memory', 'strip by strip'] as const

/** One tensor of each model, and what is done to it. */
export interface ProgramTrial<R> {
  shape: readonly number[]
  models: readonly Float32Array[]
  /** What it yields last is combined and written. */
  program: TensorProgram<R>
  holding: (typeof HOLDINGS)[number]
  /** Entries of a block, about; one strip by default. */
  block?: number
}

/** The trial as a program that writes what `combine` makes of the values, without a base. */
export function* writes<R>(program: TensorProgram<R>, combine: (found: R) => PassWrite['combine']): TensorProgram<R> {
  const found = yield* program
  yield { reductions: [], write: { combine: combine(found), finish: 'plain' } }
  return found
}

/** Runs programs one after the other, each on one tensor; gives what it wrote and what it returned. */
export function openTrials(): <R>(trial: ProgramTrial<R>) => Promise<{ result: Float32Array; found: R }> {
  let out = new Uint8Array(0)
  const machine = makeMachine(MEMORY, {
    read: (file) => {
      throw new Error(`there is no file ${file}`)
    },
    write: (_, bytes, position) => out.set(bytes, position),
  })
  return async ({ shape, models, program, holding, block = 1 }) => {
    out = new Uint8Array(4 * countEntries(shape))
    const bytes = holding === 'in memory' ? MEMORY : 0
    const lane: Lane = {
      run: async (pass) => machine.run(pass),
      check: async (bytes) => machine.check(bytes),
      copy: async (bytes) => machine.copy(bytes),
      release: () => undefined,
    }
    const found = await runTensor(
      { bytes, block, choices: openChoices(MEMORY), lease: async () => lane },
      {
        shape,
        base: null,
        models: models.map((values) => async (from: number, to: number) => values.slice(from, to)),
        deltas: models.map(() => false),
        program,
        target: { file: '', begin: 0, dtype: 'F32' },
      },
    )
    return { result: new Float32Array(out.buffer), found }
  }
}
