// Applies a chain of steps to one delta tensor: keys, surveys and shared work are arranged here, so editors stay pure.
import { keyOf, tf, type Key, type Tensor, type Tensor2D } from '../tensor/index.js'
import { sparseBits } from './bits.js'
import type { Step } from './editor.js'

export interface ApplyContext {
  seed: number
  /** Name of the tensor: it keys the draws and the cache. */
  tensor: string
  /** Gradient of the loss at the post-trained weights, for editors that need it. */
  gradient?: Tensor
  /** What `prepare` returned (plain data), shared by the runs of a sweep. One cache serves one source of deltas. */
  cache?: Map<string, Promise<unknown>>
}

/** The edited delta as one new tensor; `delta` stays alive. Not to be called inside a tidy (it awaits). */
export async function applySteps(steps: readonly Step[], delta: Tensor, context: ApplyContext): Promise<Tensor> {
  let current = delta.clone()
  try {
    for (const [i, { editor, options }] of steps.entries()) {
      if (editor.scope === 'matrix' && current.rank !== 2) continue
      const key = keyAt(steps, i, context)
      const facts = editor.survey ? editor.survey((await current.data()) as Float32Array, options)
        : await prepared(steps, i, current, context)
      const input = current
      current = tf.tidy(() => editor.edit(input, { options, key, offset: 0, facts, gradient: context.gradient }))
      input.dispose()
    }
    return current
  } catch (error) {
    current.dispose()
    throw error
  }
}

/**
 * Bits that store the result of `applySteps` with `kept` non-zero entries: what the last step says, or the sparse form if
 * that is smaller. Give the same context, after applying: the rank that an energy asks for is known from its cache.
 */
export async function bitsOf(steps: readonly Step[], shape: readonly number[], kept: number, context: ApplyContext): Promise<number> {
  const last = steps.length - 1
  if (last < 0) return sparseBits(shape, kept)
  const { editor, options } = steps[last]
  const facts = await context.cache?.get(cacheKey(steps, last, shape, context))
  return Math.min(editor.bits(options, shape, kept, facts), sparseBits(shape, kept))
}

/** (seed, editor, tensor); the second use of an editor in a chain draws anew. */
export function keyAt(steps: readonly Step[], i: number, { seed, tensor }: ApplyContext): Key {
  const { name } = steps[i].editor
  const earlier = steps.slice(0, i).filter((step) => step.editor.name === name).length
  return earlier ? keyOf(seed, name, tensor, earlier) : keyOf(seed, name, tensor)
}

function prepared(steps: readonly Step[], i: number, current: Tensor, context: ApplyContext): Promise<unknown> | undefined {
  const { editor, options } = steps[i]
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
  const { editor, options } = steps[i]
  const before = steps.slice(0, i).map((step) => [step.editor.name, step.options, step.editor.stochastic(step.options) ? seed : null])
  return JSON.stringify([tensor, before, editor.name, editor.prepareKey?.(options, shape) ?? ''])
}
