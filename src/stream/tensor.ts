// One tensor through the engine: the passes of its program, over blocks, each by a thread that is free. A tensor is read again in each
// pass, unless its values went through stages that cost more than that: then they stay in the memory of one thread, if they fit. The
// result is the same.
import {
  columnsOf,
  countEntries,
  type FileBytes,
  type Interval,
  joined,
  needsOf,
  type PassAnswer,
  type PassResult,
  type PassSource,
  type PassTarget,
  type ProgramStep,
  runsOf,
  type Stage,
  searchCuts,
  stripOf,
  type TensorPass,
  type TensorProgram,
  WIDTHS,
  workingBytes,
} from '../kernels/index.js'
import { keepChoices } from './choices.js'
import { type StreamEngine, stayingBytes } from './engine.js'
import type { Lane } from './lanes.js'
import { type MadeInput, type MadePiece, madeName } from './made.js'
import { inParallel } from './parallel.js'

/**
 * Where the values of a tensor are: in a file as they are stored, in one that is made when it is read, or computed when asked for, float32,
 * entries from … to − 1, in a buffer of which nobody else has a part.
 */
export type TensorSource = StoredSource | MadeSource | ((from: number, to: number) => Promise<Float32Array>)
type StoredSource = Exclude<PassSource, { values: Float32Array }>
type MadeSource = Pick<StoredSource, 'begin' | 'dtype'> & {
  /** The pieces that so many bytes from a position on are in. */
  pieces(position: number, bytes: number): Promise<readonly MadePiece[]>
}

const isStored = (source: TensorSource): source is StoredSource => 'file' in source
const isMade = (source: TensorSource | null): source is MadeSource => source !== null && 'pieces' in source

/** One tensor of the work. */
export interface TensorJob<R> {
  shape: readonly number[]
  base: TensorSource | null
  models: readonly TensorSource[]
  /** Per model, whether its values are its weights less the base. */
  deltas: readonly boolean[]
  program: TensorProgram<R>
  /** Null for a program that writes nothing. */
  target: PassTarget | null
  /** Whether an earlier run wrote a block: asked once for each, when it is due. */
  isDone?(from: number, to: number): boolean
  onBlock?(from: number, to: number, checksum: string): void
  /** Whether the checksum of bytes of an input is known, and what is told of those that are read whole; before the block that they are for. */
  isRead?(piece: FileBytes): boolean
  onRead?(piece: FileBytes, checksum: string): void
}

/** Stages that cost more than reading a tensor again. What `prune` chooses is kept as bits. */
const COSTLY: readonly Stage['stage'][] = ['keepRows', 'dropRows']
const isCostly = ({ stage }: Stage): boolean => COSTLY.includes(stage)

/** Sizes of a tensor, and what of it a thread can keep from pass to pass: its values, and the inputs that it makes (bytes). */
function factsOf<R>({ bytes }: Pick<StreamEngine, 'bytes'>, { shape, base, models }: TensorJob<R>) {
  const [size, columns] = [countEntries(shape), columnsOf(shape)]
  const strip = stripOf(columns)
  const made = size * [base, ...models].filter(isMade).reduce((sum, { dtype }) => sum + WIDTHS[dtype], 0)
  const madeStay = made <= bytes - workingBytes(strip, columns, models.length)
  return { size, columns, strip, made, madeStay, stay: stayingBytes(shape, models.length) <= bytes }
}

/** Number of the next tensor, so that none is taken for another in the memory of a thread. */
let begun = 0

/** Runs the program of one tensor. @returns what the program returns */
export async function runTensor<R>(
  engine: Pick<StreamEngine, 'bytes' | 'block' | 'choices' | 'lease'>,
  job: TensorJob<R>,
): Promise<R> {
  const { size, columns, strip, made, stay, madeStay } = factsOf(engine, job)
  const stages: Stage[][] = job.models.map(() => [])
  const tensor = begun++
  let step = next(job.program, [], stages)
  /** The thread that has the values in its memory. */
  let own = null as Lane | null
  let resident = false
  /** Per model, the stages that its values in memory have gone through; null where they are not there. */
  let held: number[] | null = null
  const taken: SharedArrayBuffer[] = []
  const whole = splitBlocks(size, strip, engine.block)
  const runPass = async ({ reductions, write }: PassStep): Promise<PassAnswer[]> => {
    resident ||= stay && !write && stages.some((list) => list.some(isCostly))
    // A block may begin in the piece in which the last one ended: one thread makes them all.
    if (resident || made) own ??= await engine.lease()
    if (!write && !resident) taken.push(...keepChoices(engine.choices, stages, { size, strip }))
    const runs = write ? null : runsOf(reductions, { size, strip, columns }, resident)
    const plan = { tensor, size, strip, columns, deltas: job.deltas, resident, stages, reductions }
    const blocks = whole
      .map((block) => ({ ...block, runs: runs && runsIn(runs, block) }))
      .filter((block) => block.runs?.length !== 0)
    const pending = stages.map((list, i) => list.slice(held?.[i] ?? 0))
    const needs = needsOf({ ...plan, write: write ?? null }, pending, held !== null)
    const results: PassResult[] = []
    await inParallel(own ? 1 : blocks.length, [...blocks.entries()], async ([i, block]) => {
      const lane = own ?? (await engine.lease())
      try {
        results[i] = await runBlock(
          { ...plan, ...block },
          job,
          { write, needs, stay: madeStay && !resident && !write },
          lane,
        )
      } finally {
        if (!own) lane.release()
      }
    })
    if (resident && !runs) held = stages.map((list) => list.length)
    return reductions.map((_, i) => joined(results.map((result) => result.answers[i]!)))
  }
  /** The thread of a tensor of one block searches for cuts by itself. */
  const answer = async (asked: PassStep): Promise<readonly PassAnswer[]> => {
    if (whole.length === 1 || !asked.reductions.some(({ sum }) => sum === 'cuts')) return runPass(asked)
    const search = searchCuts(asked.reductions, size)
    let pass = search.next([])
    while (!pass.done) pass = search.next(await runPass({ reductions: pass.value }))
    return pass.value
  }
  try {
    while (!step.done) step = next(job.program, await answer(step.value), stages)
    return step.value
  } finally {
    own?.release()
    engine.choices.giveBack(taken)
  }
}

type PassStep = Extract<ProgramStep, { reductions: unknown }>

/** Goes on to the next pass; stages are noted. */
function next<R>(
  program: TensorProgram<R>,
  answers: readonly PassAnswer[],
  stages: Stage[][],
): IteratorResult<PassStep, R> {
  for (let step = program.next(answers); ; step = program.next([])) {
    if (step.done || !('stage' in step.value)) return step as IteratorResult<PassStep, R>
    stages[step.value.model]!.push(step.value.stage)
  }
}

/** Blocks of whole strips. */
export function splitBlocks(size: number, strip: number, most: number): Interval[] {
  const length = strip * Math.max(1, Math.floor(most / strip))
  return Array.from({ length: Math.ceil(size / length) }, (_, i) => ({
    from: i * length,
    to: Math.min(size, (i + 1) * length),
  }))
}

/** The parts of runs that lie in a block. */
const runsIn = (runs: readonly Interval[], block: Interval): Interval[] =>
  runs
    .map(({ from, to }) => ({ from: Math.max(from, block.from), to: Math.min(to, block.to) }))
    .filter(({ from, to }) => from < to)

/** Where entries from … to − 1 of a tensor are. */
const bytesOf = ({ file, begin, dtype }: StoredSource, { from, to }: Interval): FileBytes => ({
  file,
  begin: begin + from * WIDTHS[dtype],
  bytes: (to - from) * WIDTHS[dtype],
})

/** What a thread makes of entries from … to − 1. */
async function madeInput(
  of: MadeInput['of'],
  { begin, dtype, pieces }: MadeSource,
  { from, to, stay }: Interval & { stay: boolean },
): Promise<MadeInput> {
  return { of, pieces: await pieces(begin + from * WIDTHS[dtype], (to - from) * WIDTHS[dtype]), stay }
}

async function runBlock<R>(
  plan: Omit<TensorPass, 'base' | 'models' | 'write'>,
  { base, models, target, isDone, onBlock, isRead, onRead }: TensorJob<R>,
  { write, needs, stay }: { write: PassStep['write']; needs: ReturnType<typeof needsOf>; stay: boolean },
  lane: Lane,
): Promise<PassResult> {
  const { from, to } = plan
  const made: MadeInput[] = []
  const read = async (
    of: MadeInput['of'],
    source: TensorSource | null,
    isNeeded: boolean,
  ): Promise<PassSource | null> => {
    if (!source || !isNeeded) return null
    if (typeof source === 'function') return { values: await source(from, to) }
    if (isMade(source)) {
      made.push(await madeInput(of, source, { from, to, stay }))
      return { file: madeName(of), begin: source.begin, dtype: source.dtype }
    }
    return { ...source, sum: onRead !== undefined && !plan.runs && !isRead?.(bytesOf(source, plan)) }
  }
  const isWritten = write !== undefined && (isDone?.(from, to) ?? false)
  if (isWritten && !plan.reductions.length) return { answers: [], checksum: '', read: [] }
  const written = write && target && !isWritten ? { ...write, target } : null
  const inputs = {
    base: await read('base', base, needs.base),
    models: await Promise.all(models.map((source, i) => read(i, source, needs.models || (i === 0 && needs.post)))),
  }
  const result = await lane.run({ ...plan, ...inputs, write: written }, made)
  for (const [i, source] of [base, ...models].entries())
    if (source && isStored(source) && result.read[i]) onRead?.(bytesOf(source, plan), result.read[i])
  if (written) onBlock?.(from, to, result.checksum)
  return result
}
