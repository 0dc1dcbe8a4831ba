// Tensors of checkpoints through the streaming engine: where it reads and writes them, and what is said where it stops.
import { countEntries, type FileBytes, PassError, type StoredFormat } from '../kernels/index.js'
import {
  inParallel,
  largestFirst,
  openProgress,
  readRest,
  runTensor,
  type StreamEngine,
  type TensorJob,
  type TensorProgress,
  type TensorSource,
} from '../stream/index.js'
import { badResult } from './bytes.js'
import type { StoredPlace, TensorAt } from './checkpoint.js'
import { isFloating, type WritableDtype } from './dtype.js'
import type { PlannedTensor } from './layout.js'
import { madeFile } from './made-file.js'
import type { WeightFiles } from './write.js'

/** The program of one tensor on those of checkpoints. */
export interface TensorWork<R> extends Pick<TensorJob<R>, 'shape' | 'deltas' | 'program'> {
  base: TensorAt | null
  models: readonly TensorAt[]
}

/** What becomes of a tensor of an output: a program is run, or stored bytes are copied, of which is known what is found. */
export type StreamedWork<R> = TensorWork<R> | { copy: TensorAt; found: R }

/** The tensors of an output. R is what is found of a tensor: plain data, kept in the journal for a run that goes on. */
export interface StreamedOutput<R> {
  engine: StreamEngine
  files: WeightFiles
  plan: readonly PlannedTensor[]
  /** The work on a tensor of the plan by its number; null where it has no program. */
  workOf(tensor: number): StreamedWork<R> | null
  /** Writes those without one, by their numbers, and tells of each; the engine has given its memory back. */
  others(tensors: readonly number[], finish: (tensor: number, found: R) => Promise<void>): Promise<void>
  /** Is told what an earlier run finished, if anything. */
  say(text: string): void
  onTensor?: ((tensor: number) => void) | undefined
}

/** First, last, second, last but one, …: small tensors keep a thread for so short that it would wait for this one at the end. */
const alternate = (list: readonly number[]): number[] => list.map((_, i) => list.at(i % 2 ? -(i + 1) / 2 : i / 2)!)

/** Tensors that are begun for each thread: while one waits for its next pass, the thread has another. */
const AHEAD = 4

/**
 * Writes all tensors but those that an earlier run finished: those with programs, large and small ones in turn, then the others.
 * @returns what was found of each
 * @throws UserError for inputs and results that are not finite, and results too large for their format
 */
export async function streamTensors<R>(output: StreamedOutput<R>): Promise<R[]> {
  const { engine, files, plan } = output
  const progress = await openProgress(engine, files.journal, files.places, output.say)
  const found: R[] = []
  const tell = (i: number, what: R): void => {
    found[i] = what
    output.onTensor?.(i)
  }
  const finish = async (i: number, what: R): Promise<void> => {
    await progress.finish(plan[i]!.name, JSON.stringify(what))
    tell(i, what)
  }
  const isLeft = (i: number): boolean => {
    const { name, shape } = plan[i]!
    const note = progress.noteOf(name)
    if (note === undefined) return true
    files.wrote(name, countEntries(shape), true)
    tell(i, JSON.parse(note) as R)
    return false
  }
  const left = alternate(largestFirst(plan).filter(isLeft))
  const works = new Map(left.map((i) => [i, output.workOf(i)]))
  // Before anything is finished: a run that goes on must find what changed.
  await readRest(engine, files.journal, files.inputs, [...works.values()].flatMap(placesIn))
  const stream = async (i: number): Promise<void> => {
    const [{ name }, work] = [plan[i]!, works.get(i)!]
    if ('copy' in work) {
      const { checkpoint, name: source } = work.copy
      const place = countEntries(plan[i]!.shape) ? checkpoint.place(source) : null
      if (place) await progress.copy(name, place, (from, to) => files.wrote(name, to - from))
      else await files.write({ name, bytes: await checkpoint.readBytes(source) })
      return finish(i, work.found)
    }
    await finish(i, await streamTensor(work, { engine, files, name, blocks: progress.blocksOf(name) }))
  }
  await inParallel(
    AHEAD * engine.jobs,
    left.filter((i) => works.get(i)),
    stream,
  )
  const others = left.filter((i) => !works.get(i)).sort((a, b) => a - b)
  if (others.length) {
    await engine.close()
    await output.others(others, finish)
  }
  return found
}

/** Bytes of files that the work on a tensor reads as they are. */
function placesIn<R>(work: StreamedWork<R> | null): FileBytes[] {
  const tensors = !work ? [] : 'copy' in work ? [work.copy] : [work.base, ...work.models]
  return tensors.flatMap((tensor) => {
    const place = tensor && tensor.checkpoint.place(tensor.name)
    const { begin, end } = (place && tensor.checkpoint.tensors.get(tensor.name)) ?? { begin: 0, end: 0 }
    return place && (isFloating(place.dtype) || (work && 'copy' in work))
      ? [{ file: place.file, begin: place.begin, bytes: end - begin }]
      : []
  })
}

/** How many of these tensors are computed when they are read. */
export const countComputed = (tensors: readonly (TensorAt | null)[]): number =>
  tensors.filter((each) => each && !each.checkpoint.place(each.name)).length

interface Writing {
  engine: StreamEngine
  files: WeightFiles
  /** Under which the tensor is written. */
  name: string
  blocks: ReturnType<TensorProgress['blocksOf']>
}

/** Runs the program of a tensor, which writes it to its place. */
async function streamTensor<R>(work: TensorWork<R>, { engine, files, name, blocks }: Writing): Promise<R> {
  const target = files.target(name)
  const count = (from: number, to: number, earlier = false) => files.wrote(name, to - from, earlier)
  if (countEntries(work.shape) === 0) count(0, 0)
  try {
    return await runWork(engine, work, {
      target,
      isDone(from, to) {
        const done = blocks.isDone(from, to)
        if (done) count(from, to, true)
        return done
      },
      isRead: blocks.isRead,
      onRead: blocks.onRead,
      onBlock(from, to, checksum) {
        blocks.onBlock(from, to, checksum)
        count(from, to)
      },
    })
  } catch (error) {
    if (error instanceof PassError) throw badResult({ name, dtype: target.dtype }, error)
    throw error
  }
}

/** Runs a program that writes nothing. @throws UserError for inputs that are not finite */
export const surveyTensor = <R>(engine: StreamEngine, work: TensorWork<R>): Promise<R> =>
  runWork(engine, work, { target: null })

/** Runs a program that writes to a place of its own. @throws UserError for inputs and results that are not finite */
export async function streamInto<R>(
  engine: StreamEngine,
  work: TensorWork<R>,
  name: string,
  target: { file: string; begin: number; dtype: WritableDtype },
): Promise<R> {
  try {
    return await runWork(engine, work, { target })
  } catch (error) {
    if (error instanceof PassError) throw badResult({ name, dtype: target.dtype }, error)
    throw error
  }
}

/** @throws UserError for inputs that are not finite; PassError for such results */
async function runWork<R>(
  engine: StreamEngine,
  { base, models, ...work }: TensorWork<R>,
  output: Pick<TensorJob<R>, 'target' | 'isDone' | 'onBlock' | 'isRead' | 'onRead'>,
): Promise<R> {
  try {
    return await runTensor(engine, { ...work, ...output, base: base && sourceOf(base), models: models.map(sourceOf) })
  } catch (error) {
    if (!(error instanceof PassError) || error.of === 'result') throw error
    const source = error.of === 'base' ? base! : models[error.of]!
    await source.checkpoint.read(source.name) // says what is wrong with it
    throw new Error(`${source.name}: ${error.message}`)
  }
}

/** A tensor as the engine reads it: from the file where its weights are stored as they are, else computed. */
function sourceOf({ checkpoint, name }: TensorAt): TensorSource {
  const place = checkpoint.place(name, true)
  if (place && isFloating(place.dtype)) {
    const stored = place as StoredPlace & { dtype: StoredFormat }
    const made = madeFile(stored.file)
    return made ? { begin: stored.begin, dtype: stored.dtype, pieces: made.pieces } : stored
  }
  return (from, to) => checkpoint.readEntries(name, { from, to })
}
