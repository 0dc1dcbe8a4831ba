// What an editor is: a pure function of one delta tensor, with the facts that config, sweep, report and docs need.
import type { z } from 'zod'
import type { Key, Tensor, Tensor2D } from '../tensor/index.js'

/** What an editor may read besides the delta block itself. */
export interface EditContext<O, F> {
  options: O
  /** Random key of (seed, editor, tensor name); the element index in the whole tensor is the counter. */
  key: Key
  /** Index, in the whole flattened tensor, of the first element of this block (0 when the block is the whole tensor). */
  offset: number
  /** What `survey` or `prepare` returned for the whole tensor. */
  facts: F
  /** Gradient of the loss at the post-trained weights, same shape as the block; given when `needsGradient`. */
  gradient?: Tensor
  /** Keep mask of the whole tensor (1 kept, 0 dropped) that replaces the draws of a mask: reference masks, masks shared by models. */
  keep?: ArrayLike<number>
  /** When `needsGram`: XᵀX [columns, columns] of the inputs X of the layer, up to a factor; absent for what is no linear layer. */
  gram?: ArrayLike<number>
}

/** The whole tensor that a survey reads, values aside. */
export interface Whole {
  /** Name of the tensor: its place in a census. */
  tensor: string
  shape: readonly number[]
  key: Key
  keep?: ArrayLike<number>
  /** What `census` returned for the whole model. */
  census?: unknown
}

/** The deltas of a whole model, one after the other, as often as a census wants to read them; of a batch, the number of its matrices. */
export type ModelDeltas = () => AsyncIterable<readonly [tensor: string, values: Float32Array, matrices?: number]>

/** A method that edits the delta of one tensor. */
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
  /** `element`: works on any block of a flattened tensor. `matrix`: needs the whole 2-D tensor (others pass unchanged). */
  scope: 'element' | 'matrix'
  /** What it knows of a tensor is a matter of one matrix: of a batch, each is edited by itself. Of `matrix` editors true without a word. */
  perMatrix?: boolean
  /** E over keys of edit(delta) equals delta. Checked by a law. */
  unbiased?: (options: O) => boolean
  needsGradient?: (options: O) => boolean
  needsGram?: (options: O) => boolean
  /**
   * Statistics of the whole delta (threshold, block means; where every entry has a factor of its own, those), from its
   * float32 values row-major. At most one of survey and prepare; undefined when these options need none.
   */
  survey?: (values: Float32Array, options: O, whole: Whole) => F
  /** Whether these options need the survey, so that the values need not be read; absent: all do. */
  needsSurvey?: (options: O) => boolean
  /** Statistics of the whole model (a threshold common to all tensors), read before any tensor is edited. */
  census?: (deltas: ModelDeltas, options: O) => Promise<unknown>
  needsCensus?: (options: O) => boolean
  /** Costly work (SVD) that options share, as plain data; `matrix` scope only. Done once per (tensor, prepareKey) of a sweep. */
  prepare?: (delta: Tensor2D, options: O) => Promise<F>
  /** Options of equal prepareKey share what `prepare` returned; absent: all do. */
  prepareKey?: (options: O, shape: readonly number[]) => string
  /** Exactly one new float32 tensor of the same shape (tidied by the caller); the input stays alive. */
  edit: (delta: Tensor, context: EditContext<O, F>) => Tensor
  /** Sentences about a tensor on which the method degenerates (nothing kept, many ties at the threshold). */
  warnings?: (options: O, shape: readonly number[], facts: F, gram?: ArrayLike<number>) => string[]
  /** Bits of one entry, shared numbers aside: what the column `bits` says; absent: the option of that name, if there is one. */
  entryBits?: (options: O) => number
  /** Bits that store an edited delta of this shape with `kept` non-zero entries; the formula stands in the file. */
  bits: (options: O, shape: readonly number[], kept: number, facts?: F) => number
}

/** An editor with its parsed options; a chain is a list of steps applied in order. */
export interface Step<O = any> {
  editor: Editor<O>
  options: O
}
