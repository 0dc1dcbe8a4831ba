// What is stored of a tensor with loss, made when its turn comes: its edited delta or weights in a file of its own, and magnitudes.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BadWeights, matricesOf, type Pair, surveyTensor } from '../checkpoint/index.js'
import { placesOf } from '../codecs/index.js'
import { type LossySource, STORE_LOSSLESS } from '../delta/index.js'
import { editApart, readInput } from '../edit/index.js'
import { type MatrixEditor, needsModel, type Options, scanModel } from '../editors/index.js'
import { UserError } from '../errors/index.js'
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
import type { StreamEngine } from '../stream/index.js'
import { countEntries, tf } from '../tensor/index.js'
import { optionsFor, type ParsedChoice } from './choice.js'

/** What sources are made with. */
export interface SourceWork {
  pair: Pair
  engine: StreamEngine
  /** Folder for files that are there for a while. */
  folder(): string
  onWarning?: ((text: string) => void) | undefined
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
    const warnings = await editApart(work.pair, name, { ...choice, scanned: await scanned, of }, { ...work, file })
    for (const text of warnings) work.onWarning?.(text)
    return { ...bare, edited: { file, begin: 0, of }, close: () => rm(file, { force: true }) }
  }
  return (name) =>
    sourceOf(name).catch((error: unknown) => {
      if (!(error instanceof BadWeights)) throw error
      throw new UserError(`${error.message}; ${STORE_LOSSLESS}`, { cause: error })
    })
}

const scanChosen = ({ post, ...pair }: Pair, { choice, names }: ChosenTensors): Promise<readonly unknown[]> =>
  scanModel(choice.steps, async function* () {
    for (const name of choice.steps.some(needsModel) ? names : [])
      yield [name, await readInput({ post, ...pair }, name, 'delta'), matricesOf(post.tensors.get(name)!)] as const
  })

/** The magnitude that BitDelta gives the entries of each matrix: their mean, float32, and that times the multiplier. */
async function magnitudesOf(
  { pair, engine }: SourceWork,
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
    scales[0] = Math.fround((await surveyTensor(engine, work)) / size) * multiplier
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
export function factorBytes({ post }: Pair, name: string, { codec, steps }: ParsedChoice): number {
  if (!codec?.ofMatrices) return 0
  const entry = post.tensors.get(name)!
  const shape = entry.shape.slice(-2)
  const { editor, options } = steps[0]! as { editor: MatrixEditor; options: Options }
  return 8 * countEntries(entry.shape) + 8 * countEntries(shape) + editor.workBytes(options, shape)
}

/** The records of a tensor whose matrices are stored as singular vectors. */
async function factorsOf(
  { pair, engine }: SourceWork,
  name: string,
  choice: ParsedChoice,
): Promise<NonNullable<LossySource['given']>> {
  const entry = pair.post.tensors.get(name)!
  const [matrices, shape] = [matricesOf(entry), entry.shape.slice(-2)]
  const { editor, options } = choice.steps[0]! as { editor: MatrixEditor; options: Options }
  await engine.close() // Its memory is given back; threads start again when they are needed.
  const triplets: Triplets[] = []
  for (let m = 0; m < matrices; m++) {
    const values = await readInput(pair, name, 'delta', matrices > 1 ? { from: m, to: m + 1 } : null)
    const matrix = tf.tensor2d(values, [shape[0]!, shape[1]!])
    triplets.push((await editor.factorise(matrix, options).finally(() => matrix.dispose())) as Triplets)
  }
  const codec = choice.codec!
  const tensor = { name, shape: entry.shape, dtype: entry.dtype, matrices }
  const form = codec.form(optionsFor(choice, tensor), tensor) as Bands
  try {
    const head = encodeBandsHead(form, triplets)
    return { head, records: [...placesOf(codec, tensor)].map((place) => encodeBands(form, place, triplets, head)) }
  } catch (error) {
    if (!(error instanceof BadValue)) throw error
    throw new UserError(
      `tensor ${JSON.stringify(name)}: its singular values or vectors become too large for their format; ${STORE_LOSSLESS}`,
    )
  }
}

function* sumOnly(): TensorProgram<number> {
  const [sum] = yield* together([sumMagnitudes()])
  return sum!
}
