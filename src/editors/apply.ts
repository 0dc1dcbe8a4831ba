// Applies a chain of steps to the values of one tensor. This file makes the keys and runs the scans, so editors stay pure functions.
// A tensor larger than the backend's heap (an embedding of an 8B model) is edited block by block. The law "block by block equals the
// whole" allows that.
import {
  checkResult,
  countEntries,
  type Key,
  keyOf,
  makeWeights,
  type Tensor,
  tf,
  turnedShape,
  turnMatrices,
} from '../tensor/index.js'
import { isByRow, isPerMatrix, needsGradient, needsModel, type Step } from './editor.js'

/** Entries of one block: 4 MB of float32. */
const BLOCK = 1 << 20

export interface ApplyContext {
  seed: number
  /** Name of the tensor: it keys the draws and the cache. */
  tensor: string
  /** Gradient of the loss at the post-trained weights, row-major, for editors that need it. */
  gradient?: Float32Array | undefined
  /** XᵀX of the inputs of the layer, for editors that need it. */
  gram?: ArrayLike<number> | undefined
  /** Keep mask of the whole tensor (1 kept, 0 dropped) for the steps that draw a mask. */
  keep?: ArrayLike<number> | undefined
  /** The tensor is a batch of matrices [count, rows, columns], such as the experts of a layer, or of vectors [count, length]. */
  batch?: boolean | undefined
  /** Its matrices are stored [inputs, outputs]. */
  turned?: boolean | undefined
  /** Index of the first value in the tensor, where the values are only a part of it. Allowed only where `editsBlocks(steps)`. */
  offset?: number | undefined
  /** What `scanModel` returned for these steps. */
  scanned?: readonly unknown[] | undefined
  /** Called with a sentence when a method degenerates on this tensor, such as when nothing is kept. */
  onWarning?: ((text: string) => void) | undefined
  /** What `factorise` returned (plain data), shared by the runs of a sweep. One cache serves one source of deltas. */
  cache?: Map<string, Promise<unknown>> | undefined
  /** Number of entries that are edited at a time, unless an editor needs the whole tensor. Default 2^20. */
  block?: number | undefined
}

/** Name of one matrix of a batch: it keys the random draws and appears in warnings. */
export const matrixName = (tensor: string, i: number): string => `${tensor}[${i}]`

/**
 * The edited values in a new array.
 * @param values float32, row-major, of a tensor of this shape
 */
export async function applySteps(
  steps: readonly Step[],
  values: Float32Array,
  shape: readonly number[],
  context: ApplyContext,
): Promise<Float32Array> {
  const edited = values.slice()
  await makeWeights(async () => {
    for (const i of steps.keys()) await applyStep({ steps, i, shape, context }, edited)
  })
  return edited
}

/** Bytes that `applySteps` takes at its largest moment besides the values that it is given, those of the result among them. */
export function stepsBytes(
  steps: readonly Step[],
  shape: readonly number[],
  { batch, turned }: Pick<ApplyContext, 'batch' | 'turned'>,
): number {
  const size = countEntries(shape)
  const work = steps.map((step) => {
    const { editor, options } = step
    const stored = batch && isPerMatrix(editor) ? shape.slice(1) : shape
    const part = countEntries(stored)
    const turns = turned && isByRow(step)
    const own = turns ? turnedShape(stored) : stored
    // Turned, and turned back.
    const extra = turns ? 8 * part : 0
    if (editor.reads !== 'matrix') return extra + 4 * (2 * part + 16 * Math.min(part, BLOCK))
    return own.length === 2 ? extra + 8 * part + editor.workBytes(options, own) : 0
  })
  return Math.max(0, ...work.map((bytes) => bytes + 4 * size))
}

/** Whether a block of a tensor can be edited without the rest: no step scans the tensor or the model, or needs a whole matrix. */
export const editsBlocks = (steps: readonly Step[]): boolean =>
  steps.every(
    (step) =>
      !isByRow(step) &&
      (step.editor.reads === 'entries' || (step.editor.reads === 'tensor' && !step.editor.needsScan(step.options))),
  )

/** Key of (seed, editor, tensor). A second use of an editor in a chain gets a key of its own. */
export function keyAt(steps: readonly Step[], i: number, { seed, tensor }: Pick<ApplyContext, 'seed' | 'tensor'>): Key {
  const { name } = steps[i]!.editor
  const earlier = steps.slice(0, i).filter((step) => step.editor.name === name).length
  return earlier ? keyOf(seed, name, tensor, earlier) : keyOf(seed, name, tensor)
}

/** Step `i` of a chain on one tensor. */
interface StepAt {
  steps: readonly Step[]
  i: number
  shape: readonly number[]
  context: ApplyContext
}

/** Applies the step; writes the result into `values`. */
async function applyStep(at: StepAt, values: Float32Array): Promise<void> {
  const { steps, i, shape, context } = at
  const step = steps[i]!
  const { editor, options } = step
  const { tensor, gradient, gram, keep, batch, offset = 0, onWarning, block = BLOCK } = context
  if (batch && isPerMatrix(editor)) return applyByMatrix(at, values)
  if (context.turned && isByRow(step)) return applyTurned(at, values)
  if (values.length === 0 || (editor.reads === 'matrix' && shape.length !== 2)) return // nothing to edit
  if (!gradient && needsGradient(step))
    throw new Error(`${editor.name} with these options needs the gradient of the loss`)
  const whole = editor.reads === 'matrix' || (context.offset === undefined && values.length <= block)
  const size = whole ? values.length : block
  const key = keyAt(steps, i, context)
  const found = await readFor(at, values)
  for (let from = 0; from < values.length; from += size) {
    const tensorOf = (all: Float32Array): Tensor => {
      const part = all.subarray(from, from + size)
      return tf.tensor(part, whole ? [...shape] : [part.length], 'float32')
    }
    const edited = tf.tidy(() => {
      const slope = gradient && tensorOf(gradient)
      return editor.edit(tensorOf(values), {
        options,
        key,
        offset: offset + from,
        gradient: slope,
        gram,
        keep,
        ...found,
      })
    })
    checkResult(edited, whole ? shape : [Math.min(size, values.length - from)], `${tensor}: editor ${editor.name}`)
    values.set((await edited.data()) as Float32Array, from)
    edited.dispose()
  }
  if (offset === 0)
    for (const text of editor.warnings(options, { shape, gram, ...found }))
      onWarning?.(`${tensor}: ${editor.name} ${text}`)
}

/** Applies the step to the transpose, whose rows are outputs. */
async function applyTurned({ shape, context, ...at }: StepAt, values: Float32Array): Promise<void> {
  const { gradient, keep } = context
  const turned = turnMatrices(values, shape)
  const own = {
    ...context,
    turned: false,
    gradient: gradient && turnMatrices(gradient, shape),
    keep: keep?.length === values.length ? turnMatrices(Float32Array.from(keep), shape) : keep,
  }
  await applyStep({ ...at, shape: turnedShape(shape), context: own }, turned)
  values.set(turnMatrices(turned, turnedShape(shape)))
}

/** Applies the step to each matrix of a batch, under the name of the matrix. */
async function applyByMatrix({ context, ...at }: StepAt, values: Float32Array): Promise<void> {
  const [matrices = 0, ...matrix] = at.shape
  for (let m = 0; m < matrices; m++) {
    const partOf = (all: ArrayLike<number>): Float32Array => {
      const size = all.length / matrices
      return Float32Array.from({ length: size }, (_, at) => all[m * size + at]!)
    }
    const { gradient, gram, keep } = context
    const part = partOf(values)
    const own = {
      ...context,
      batch: false,
      tensor: matrixName(context.tensor, m),
      gradient: gradient && partOf(gradient),
      gram: gram && partOf(gram),
      keep: keep && partOf(keep),
    }
    await applyStep({ ...at, shape: matrix, context: own }, part)
    values.set(part, m * part.length)
  }
}

/** What the editor read before the edit; undefined for what it does not read. */
interface Found {
  scanned: unknown
  factors: unknown
}

/** Scans or factorises the whole tensor, as the editor asks. */
async function readFor({ steps, i, shape, context }: StepAt, values: Float32Array): Promise<Found> {
  const step = steps[i]!
  const { editor, options } = step
  const { tensor, keep } = context
  const about = { tensor, shape, key: keyAt(steps, i, context), keep }
  switch (editor.reads) {
    case 'entries':
      return { scanned: undefined, factors: undefined }
    case 'tensor':
      return {
        scanned: editor.needsScan(options) ? editor.scanTensor(values, options, about) : undefined,
        factors: undefined,
      }
    case 'model': {
      const model = context.scanned?.[i]
      if (model === undefined && needsModel(step))
        throw new Error(`${editor.name} with these options needs a scan of the model`)
      return { scanned: editor.scanTensor(values, options, { ...about, model }), factors: undefined }
    }
    case 'matrix': {
      const name = factorName(steps, i, shape, context)
      const known = context.cache?.get(name)
      if (known) return { scanned: undefined, factors: await known }
      const input = tf.tensor2d(values, [shape[0]!, shape[1]!])
      const fresh = editor.factorise(input, options).finally(() => input.dispose())
      context.cache?.set(name, fresh)
      return { scanned: undefined, factors: await fresh }
    }
  }
}

/** Cache key of the factors: they depend on the tensor, on the steps before, and on the options that `factorKey` names. */
export function factorName(
  steps: readonly Step[],
  i: number,
  shape: readonly number[],
  { seed, tensor }: Pick<ApplyContext, 'seed' | 'tensor'>,
): string {
  const { editor, options } = steps[i]!
  const before = steps
    .slice(0, i)
    .map((step) => [step.editor.name, step.options, step.editor.stochastic(step.options) ? seed : null])
  return JSON.stringify([
    tensor,
    before,
    editor.name,
    editor.reads === 'matrix' ? editor.factorKey(options, shape) : '',
  ])
}
