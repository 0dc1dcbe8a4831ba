// What a merger is: a way to make one tensor of the same tensor of several models, with the facts that config, docs and the
// streaming runner need.
import type { Path } from '../errors/index.js'
import { type OptionsSchema } from '../schema/index.js'
import type { Tensor } from '../tensor/index.js'

/**
 * Whose numbers: `paper` is the method as its authors published it, their code included (where text and code differ, the
 * code); the others are what that tool computes under the same name.
 */
export const CONVENTIONS = ['paper', 'mergelm', 'peft', 'mergekit'] as const
export type Convention = (typeof CONVENTIONS)[number]

/** One tensor of every model. */
export interface Inputs {
  name: string
  /** Deltas (post minus base) or weights, as the merger's `input` says; all of one shape. */
  models: Tensor[]
  /** The base weights, when there is a base. */
  base?: Tensor | undefined
  /** What `data` names, per model; absent for a tensor that has none. */
  given?: Tensor[] | undefined
  /** True for a matrix with a row per token. */
  embedding: boolean
  /** Index of the first entry in the whole tensor, where the inputs are a run of its entries. */
  offset?: number
}

/** The same as plain float32, row-major, for a pass over the whole models. */
export interface Part {
  name: string
  shape: readonly number[]
  models: Float32Array[]
  given?: Float32Array[] | undefined
}

/** All tensors of the models, always in the same order; each call is a new pass. */
export type Walk = () => AsyncIterable<Part>

export interface MergeContext<O, M, S, F> {
  convention: Convention
  options: O
  /** Options of each model, in the order of the models. */
  models: M[]
  /** What `survey` found in the whole models. */
  survey: S
  /** What `prepare` found in this tensor. */
  facts: F
  /** Says that the method degenerates on this tensor. */
  warn(text: string): void
}

/** A method that makes one tensor of the same tensor of several models. */
export interface Merger<O = any, M = any, S = any, F = any> {
  /** File name = YAML word. */
  name: string
  title: string
  cite: string
  /** Strict zod objects: options of the merge, and of each model. */
  options: OptionsSchema<O>
  modelOptions: OptionsSchema<M>
  /** The conventions it can follow; they agree unless the file says how they differ. The first is the default. */
  conventions: readonly [Convention, ...Convention[]]
  /** What `models` holds and `merge` returns. `either`: deltas when a base is given, else weights. */
  input: 'delta' | 'weights' | 'either'
  /** Fewest and most models, the base not counted. */
  count: readonly [number, number]
  /** Tensors that come with each model: diagonals of the Fisher information, or Gram matrices XᵀX of a linear layer's inputs. */
  data?: 'fisher' | 'gram'
  /** The models have different parts, so that their order matters. */
  ordered?: boolean
  /** What it knows of a tensor is a matter of one matrix: of a batch [count, rows, columns], each is merged by itself. */
  perMatrix?: (convention: Convention) => boolean
  /** A method that weighs the models anew for every input: whether these options leave that to a router, and the same merge with the gates given. */
  gating?: {
    routed: (options: O) => boolean
    fix: (options: O, models: readonly M[], gates: readonly number[]) => { options: O; models: M[] }
  }
  /** What is wrong with options that are right one by one; `path` leads to the option from `{ options, models }`. */
  check?: (options: O, models: M[], convention: Convention) => { path: Path; message: string } | undefined
  /** Passes over the whole models, where the method is defined on all tensors at once; options are the same for all of them. */
  survey?: (
    walk: Walk,
    context: Pick<MergeContext<O, M, S, F>, 'convention' | 'options' | 'models' | 'warn'>,
  ) => Promise<S>
  /** Whether these options need the survey; absent: all do. */
  needsSurvey?: (options: O, convention: Convention) => boolean
  /** Plain data that needs values of this tensor: thresholds, angles, decompositions. Leaves no tensor behind. */
  prepare?: (inputs: Inputs, context: Omit<MergeContext<O, M, S, F>, 'facts'>) => Promise<F>
  /**
   * In place of `prepare`, for mergers that treat every entry by itself, given the facts: what needs values of the whole tensor,
   * as plain float32. A tensor larger than the backend's heap is then merged as runs of entries; see blocks.ts.
   */
  measure?: (
    models: Float32Array[],
    context: Omit<MergeContext<O, M, S, F>, 'facts'> & { name: string },
  ) => F | Promise<F>
  /** One new float32 tensor of the same shape (tidied by the caller): merged delta or weights; the inputs stay alive. */
  merge: (inputs: Inputs, context: MergeContext<O, M, S, F>) => Tensor
}
