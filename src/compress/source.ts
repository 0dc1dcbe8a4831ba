// What is stored of a tensor with loss, made when its turn comes: its edited delta or weights in a file of its own, and magnitudes.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BadWeights, matricesOf, type Pair, surveyTensor } from '../checkpoint/index.js'
import { type CodedTensor, placesOf } from '../codecs/index.js'
import { type LossySource, NotStored } from '../delta/index.js'
import { editApart, readInput } from '../edit/index.js'
import { type MatrixEditor, needsModel, type Options, scanModel } from '../editors/index.js'
import { makeTemporary } from '../files/index.js'
import {
  BadValue,
  type Bands,
  encodeBands,
  encodeBandsHead,
  holdsWeights,
  sumMagnitudes,
  type TensorProgram,
  type Triplets,
  together,
} from '../kernels/index.js'
import { openStream, type StreamEngine, type StreamedTensors, type StreamOptions } from '../stream/index.js'
import { countEntries, tf } from '../tensor/index.js'
import { optionsFor, type ParsedChoice } from './choice.js'

/** What sources are made with. */
export interface SourceWork {
  pair: Pair
  engine: StreamEngine
  /** Folder for files that are there for a while. */
  folder(): string
  turns: Turns
  /** Leading triplets of each matrix of a tensor, at least as many as the choice takes. */
  triplets(name: string, choice: ParsedChoice): Promise<readonly Triplets[]>
  onWarning?: ((text: string) => void) | undefined
}

/** Work of two kinds: some runs beside each other, and some alone, each behind what was asked for earlier. */
interface Turns {
  beside<T>(work: () => Promise<T>): Promise<T>
  alone<T>(work: () => Promise<T>): Promise<T>
}

function openTurns(): Turns {
  const open = new Set<Promise<unknown>>()
  let last: Promise<unknown> = Promise.resolve()
  return {
    beside(work) {
      const run = last.then(work)
      open.add(run)
      const end = (): void => void open.delete(run)
      run.then(end, end)
      return run
    },
    alone(work) {
      const run = Promise.allSettled([last, ...open]).then(work)
      last = run.catch(() => undefined)
      return run
    },
  }
}

/** Where and within which bounds sources are made. */
export interface SourceOptions extends StreamOptions {
  /** Of the temporary folder. */
  parent?: string | undefined
  /** All tensors that are edited. */
  tensors: StreamedTensors
  onWarning?: ((text: string) => void) | undefined
}

/** Work with sources: its threads end with it, and so do its temporary files. */
export async function withSources<T>(
  pair: Pair,
  { parent, tensors, onWarning, ...options }: SourceOptions,
  run: (work: SourceWork) => Promise<T>,
): Promise<T> {
  const engine = openStream(options, tensors)
  let temporary: ReturnType<typeof makeTemporary> | undefined
  const folder = (): string => {
    temporary ??= makeTemporary('compress', parent)
    return temporary.path
  }
  const turns = openTurns()
  const triplets: SourceWork['triplets'] = (name, choice) =>
    turns.alone(async () => {
      await engine.close() // Its memory is given back; threads start again when they are needed.
      return factorise(pair, name, choice)
    })
  try {
    return await run({ pair, engine, folder, turns, triplets, onWarning })
  } finally {
    temporary?.remove()
    await engine.close()
  }
}

/** The tensors of a model that are stored by one choice. */
export interface ChosenTensors {
  choice: ParsedChoice
  /** In the order of the model. */
  names: readonly string[]
}

/** Number of the next temporary file. */
let files = 0

/** What makes the source of each of these tensors. */
export function openSources(
  work: SourceWork,
  { choice, names }: ChosenTensors,
): (name: string) => Promise<LossySource> {
  const { codec, steps, options } = choice
  let scanned: Promise<readonly unknown[]> | undefined
  const sourceOf = async (name: string): Promise<LossySource> => {
    const { shape, dtype } = work.pair.post.tensors.get(name)!
    const close = async (): Promise<void> => undefined
    const bare = { edited: null, scales: null, given: null, close }
    if (codec!.name === 'sign') return { ...bare, scales: await magnitudesOf(work, name, choice) }
    // Groups are parts of rows: pieces are rounded where they lie.
    if (codec!.name === 'bits') return bare
    if (codec!.ofMatrices) return { ...bare, given: await factorsOf(work, name, choice) }
    const of = holdsWeights(codec!.form(options, { shape, dtype, matrices: 1 })) ? 'weights' : 'delta'
    if (!steps.length) {
      const { file, begin } = work.pair.post.place(name)!
      return { ...bare, edited: of === 'weights' ? { file, begin, of } : null }
    }
    scanned ??= scanChosen(work.pair, { choice, names })
    // Tensors of other choices are made at the same time.
    const file = join(work.folder(), String(files++))
    const edit = { ...choice, scanned: await scanned, of } as const
    const warnings = await work.turns.beside(() => editApart(work.pair, name, edit, { ...work, file }))
    for (const text of warnings) work.onWarning?.(text)
    return { ...bare, edited: { file, begin: 0, of }, close: () => rm(file, { force: true }) }
  }
  return (name) =>
    sourceOf(name).catch((error: unknown) => {
      if (!(error instanceof BadWeights)) throw error
      throw new NotStored(error.message, 'post', error)
    })
}

const scanChosen = ({ post, ...pair }: Pair, { choice, names }: ChosenTensors): Promise<readonly unknown[]> =>
  scanModel(choice.steps, async function* () {
    for (const name of choice.steps.some(needsModel) ? names : [])
      yield [name, await readInput({ post, ...pair }, name, 'delta'), matricesOf(post.tensors.get(name)!)] as const
  })

/** The magnitude that BitDelta gives the entries of each matrix: their mean, float32, and that times the multiplier. */
async function magnitudesOf(
  { pair, engine, turns }: SourceWork,
  name: string,
  { steps }: ParsedChoice,
): Promise<Float32Array> {
  const entry = pair.post.tensors.get(name)!
  const { shape } = entry
  const [matrices, size] = [matricesOf(entry), countEntries(shape)]
  const { multiplier } = steps[0]!.options as { multiplier: number }
  const scales = new Float32Array(matrices)
  if (matrices === 1) {
    const work = {
      shape,
      base: { checkpoint: pair.base, name },
      models: [{ checkpoint: pair.post, name }],
      deltas: [true],
      program: sumOnly(),
    }
    const sum = await turns.beside(() => surveyTensor(engine, work))
    scales[0] = Math.fround(sum / size) * multiplier
    return scales
  }
  for (let m = 0; m < matrices; m++) {
    const values = await readInput(pair, name, 'delta', { from: m, to: m + 1 })
    let sum = 0
    for (const value of values) sum += Math.abs(value)
    scales[m] = Math.fround(sum / values.length) * multiplier
  }
  return scales
}

/** Bytes that the singular vectors of a tensor take while they are sought, besides the program; 0 for a choice that needs none. */
export function factorBytes({ shape }: Pick<CodedTensor, 'shape'>, { codec, steps }: ParsedChoice): number {
  if (!codec?.ofMatrices) return 0
  const matrix = shape.slice(-2)
  const { editor, options } = steps[0]! as { editor: MatrixEditor; options: Options }
  return 8 * countEntries(shape) + 8 * countEntries(matrix) + editor.workBytes(options, matrix)
}

async function factorise(pair: Pair, name: string, { steps }: ParsedChoice): Promise<Triplets[]> {
  const entry = pair.post.tensors.get(name)!
  const [matrices, [rows, columns]] = [matricesOf(entry), entry.shape.slice(-2) as [number, number]]
  const { editor, options } = steps[0]! as { editor: MatrixEditor; options: Options }
  const triplets: Triplets[] = []
  for (let m = 0; m < matrices; m++) {
    const values = await readInput(pair, name, 'delta', matrices > 1 ? { from: m, to: m + 1 } : null)
    const matrix = tf.tensor2d(values, [rows, columns])
    triplets.push((await editor.factorise(matrix, options).finally(() => matrix.dispose())) as Triplets)
  }
  return triplets
}

/** The records of a tensor whose matrices are stored as singular vectors. */
async function factorsOf(
  { pair, triplets: tripletsOf }: SourceWork,
  name: string,
  choice: ParsedChoice,
): Promise<NonNullable<LossySource['given']>> {
  const triplets = await tripletsOf(name, choice)
  const { shape, dtype } = pair.post.tensors.get(name)!
  const codec = choice.codec!
  const tensor = { name, shape, dtype, matrices: matricesOf({ name, shape }) }
  const form = codec.form(optionsFor(choice, tensor), tensor) as Bands
  try {
    const head = encodeBandsHead(form, triplets)
    return { head, records: [...placesOf(codec, tensor)].map((place) => encodeBands(form, place, triplets, head)) }
  } catch (error) {
    if (!(error instanceof BadValue)) throw error
    throw new NotStored(
      `tensor ${JSON.stringify(name)}: its singular values or vectors become too large for their format`,
      'range',
    )
  }
}

function* sumOnly(): TensorProgram<number> {
  const [sum] = yield* together([sumMagnitudes()])
  return sum!
}
