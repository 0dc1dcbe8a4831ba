// Applies a chain of steps to one delta tensor: keys, surveys and shared work are arranged here, so editors stay pure.
import { UserError } from '../errors/index.js'
import { type Key, keyOf, type Tensor, type Tensor2D, tf } from '../tensor/index.js'
import { count, sparseBits } from './bits.js'
import type { Editor, ModelDeltas, Step } from './editor.js'

export interface ApplyContext {
  seed: number
  /** Name of the tensor: it keys the draws and the cache. */
  tensor: string
  /** Gradient of the loss at the post-trained weights, for editors that need it. */
  gradient?: Tensor
  /** XᵀX of the inputs of the layer, for editors that need it. */
  gram?: ArrayLike<number>
  /** Keep mask of the whole tensor (1 kept, 0 dropped) for the steps that draw a mask. */
  keep?: ArrayLike<number>
  /** The tensor is a batch of matrices [count, rows, columns], such as the experts of a layer, or of vectors [count, length]. */
  batch?: boolean
  /** What `takeCensus` returned for these steps. */
  census?: readonly unknown[]
  /** Called with a sentence when a step degenerates on this tensor. */
  onWarning?: (text: string) => void
  /** What `prepare` returned (plain data), shared by the runs of a sweep. One cache serves one source of deltas. */
  cache?: Map<string, Promise<unknown>>
}

/** Whether the editor works on one matrix at a time. */
export const byMatrix = ({ scope, perMatrix }: Editor): boolean => scope === 'matrix' || (perMatrix ?? false)

/** A matrix of a batch has a name of its own: it keys draws, and says where a warning belongs. */
export const matrixName = (tensor: string, i: number): string => `${tensor}[${i}]`

/** The edited delta as one new tensor; `delta` stays alive. Not to be called inside a tidy (it awaits). A batch goes by values: applyToValues. */
export async function applySteps(steps: readonly Step[], delta: Tensor, context: ApplyContext): Promise<Tensor> {
  let current = delta.clone()
  for (const i of steps.keys()) {
    const input = current
    current = await applyStep(steps, i, input, context).finally(() => input.dispose())
  }
  return current
}

/** Step `i` of a chain, as one new tensor; `input` stays alive. */
export async function applyStep(
  steps: readonly Step[],
  i: number,
  input: Tensor,
  context: ApplyContext,
): Promise<Tensor> {
  const { editor, options } = steps[i]!
  if (input.size === 0 || (editor.scope === 'matrix' && input.rank !== 2)) return input.clone() // nothing to edit
  const key = keyAt(steps, i, context)
  const facts = editor.survey ? await surveyed(steps, i, input, key, context) : await prepared(steps, i, input, context)
  const { gradient, gram, keep } = context
  const edited = tf.tidy(() => editor.edit(input, { options, key, offset: 0, facts, gradient, gram, keep }))
  for (const text of editor.warnings?.(options, input.shape, facts, gram) ?? [])
    context.onWarning?.(`${context.tensor}: ${editor.name} ${text}`)
  return edited
}

const asks = ({ editor, options }: Step): boolean => Boolean(editor.needsCensus?.(options))

/** @throws UserError when a step after the first reads the whole model: it would need the edited deltas of all tensors. */
export function checkChain(steps: readonly Step[]): void {
  const late = steps.slice(1).find(asks)
  if (late)
    throw new UserError(
      `${late.editor.name} with these options reads the whole model, which only the first editor of a chain can`,
    )
}

/**
 * What the steps must know of the whole model before a tensor of it is edited, per step; reads `deltas` only if one asks.
 * Throws what checkChain throws.
 */
export async function takeCensus(steps: readonly Step[], deltas: ModelDeltas): Promise<unknown[]> {
  checkChain(steps)
  return Promise.all(
    steps.map((step) =>
      asks(step) ? step.editor.census!(step.editor.perMatrix ? apart(deltas) : deltas, step.options) : undefined,
    ),
  )
}

/** The matrices of a batch one by one, under their own names. */
const apart = (deltas: ModelDeltas): ModelDeltas =>
  async function* () {
    for await (const [tensor, values, matrices = 1] of deltas()) {
      const size = values.length / matrices
      if (matrices === 1) yield [tensor, values]
      else for (let i = 0; i < matrices; i++) yield [matrixName(tensor, i), values.subarray(i * size, (i + 1) * size)]
    }
  }

/**
 * An estimate of the bits that store the result of `applySteps` with `kept` non-zero entries, where a value that is kept takes 16
 * (no file is written so): what the last step says, or the sparse form if that is smaller. Give the same context, after applying:
 * the rank that an energy asks for is known from its cache.
 */
export async function bitsOf(
  steps: readonly Step[],
  shape: readonly number[],
  kept: number,
  context: ApplyContext,
): Promise<number> {
  if (count(shape) === 0) return 0
  const last = steps.length - 1
  if (last < 0) return sparseBits(shape, kept)
  const { editor, options } = steps[last]!
  if (context.batch && byMatrix(editor)) {
    const [matrices, ...matrix] = shape
    let bits = 0
    for (let i = 0; i < matrices!; i++)
      bits += await bitsOf(steps, matrix, kept / matrices!, {
        ...context,
        batch: false,
        tensor: matrixName(context.tensor, i),
      })
    return Math.min(bits, sparseBits(shape, kept))
  }
  const facts = await context.cache?.get(cacheKey(steps, last, shape, context))
  return Math.min(editor.bits(options, shape, kept, facts), sparseBits(shape, kept))
}

/** (seed, editor, tensor); the second use of an editor in a chain draws anew. */
export function keyAt(steps: readonly Step[], i: number, { seed, tensor }: Pick<ApplyContext, 'seed' | 'tensor'>): Key {
  const { name } = steps[i]!.editor
  const earlier = steps.slice(0, i).filter((step) => step.editor.name === name).length
  return earlier ? keyOf(seed, name, tensor, earlier) : keyOf(seed, name, tensor)
}

async function surveyed(
  steps: readonly Step[],
  i: number,
  current: Tensor,
  key: Key,
  { tensor, keep, census }: ApplyContext,
) {
  const { editor, options } = steps[i]!
  if (editor.needsSurvey && !editor.needsSurvey(options)) return undefined
  if (editor.needsCensus?.(options) && census?.[i] === undefined)
    throw new Error(`${editor.name} with these options needs a census`)
  return editor.survey!((await current.data()) as Float32Array, options, {
    tensor,
    shape: current.shape,
    key,
    keep,
    census: census?.[i],
  })
}

function prepared(
  steps: readonly Step[],
  i: number,
  current: Tensor,
  context: ApplyContext,
): Promise<unknown> | undefined {
  const { editor, options } = steps[i]!
  if (!editor.prepare) return undefined
  const name = cacheKey(steps, i, current.shape, context)
  const known = context.cache?.get(name)
  if (known) return known
  const fresh = editor.prepare(current as Tensor2D, options)
  context.cache?.set(name, fresh)
  return fresh
}

/** What a step prepares depends on the tensor, on all that was done to it before, and on the part of the options it names. */
function cacheKey(steps: readonly Step[], i: number, shape: readonly number[], { seed, tensor }: ApplyContext): string {
  const { editor, options } = steps[i]!
  const before = steps
    .slice(0, i)
    .map((step) => [step.editor.name, step.options, step.editor.stochastic(step.options) ? seed : null])
  return JSON.stringify([tensor, before, editor.name, editor.prepareKey?.(options, shape) ?? ''])
}
