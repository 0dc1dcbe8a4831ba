// What an editor is: a pure function of one delta tensor, with the facts that config, sweep, report and docs need.
import type { z } from 'zod'
import type { Tensor, Key } from '../tensor/index.js'

/** What an editor may read besides the delta block itself. */
export interface EditContext<O, F> {
  options: O
  /** Random key of (seed, editor, tensor name); the element index in the whole tensor is the counter. */
  key: Key
  /** Index, in the whole flattened tensor, of the first element of this block (0 when the block is the whole tensor). */
  offset: number
  /** What `survey` returned for the whole tensor. */
  facts: F
  /** Gradient of the loss at the post-trained weights, same shape as the block; given when `needsGradient`. */
  gradient?: Tensor
}

export interface Editor<O = any, F = any> {
  /** File name = YAML word = CSV word. */
  name: string
  /** One sentence for people. */
  title: string
  /** Paper and equation. */
  cite: string
  /** Strict zod object: every option has a default or is required, a range, and a `.describe()` sentence. */
  options: z.ZodType<O> & { shape: Record<string, z.ZodType> }
  /** The option a plot puts on its x axis. */
  axis: keyof O & string
  /** Options that leave a delta unchanged (null where no such options exist); the first law. */
  neutral: Partial<O> | null
  /** Whether these options draw from the key (seeds are planned only then). */
  stochastic: (options: O) => boolean
  /** `element`: works on any block of a flattened tensor. `matrix`: needs the whole 2-D tensor (1-D tensors pass unchanged). */
  scope: 'element' | 'matrix'
  /** E over keys of edit(delta) equals delta. Checked by a law. */
  unbiased?: (options: O) => boolean
  needsGradient?: boolean
  /** Small statistics of the whole delta (threshold, block means), as f32 values row-major. */
  survey?: (values: Float32Array, options: O, gradient?: Float32Array) => F
  /** Costly work that depends on the delta only (SVD), shared by every option of a sweep; the result is the `facts` of `edit`. */
  prepare?: (delta: Tensor) => Promise<F & { dispose(): void }>
  /** Exactly one new tensor of the same shape and dtype float32; the input stays alive. */
  edit: (delta: Tensor, context: EditContext<O, F>) => Tensor
  /** Bits needed to store this edited delta (shape and number of non-zero entries given); documented in the file. */
  bits: (options: O, shape: readonly number[], kept: number) => number
}
