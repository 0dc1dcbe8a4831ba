// What a merger is: a way to make one tensor of the same tensor of several models, with the facts that config, docs and the
// streaming runner need. There are three kinds, by how much of a tensor they need at once; `defineMerger` makes one.
import type { Path } from '../errors/index.js'
import type { Combine, TensorProgram } from '../kernels/index.js'
import type { OptionsSchema } from '../schema/index.js'
import type { Tensor } from '../tensor/index.js'

/**
 * Whose numbers: `paper` is the method as its authors published it, their code included (where text and code differ, the
 * code); the others are what that tool computes under the same name. `mergekit` is 0.1.5; only what has other numbers in 0.1.4
 * knows that convention too.
 */
export const CONVENTIONS = ['paper', 'mergelm', 'peft', 'mergekit', 'mergekit-0.1.4'] as const
export type Convention = (typeof CONVENTIONS)[number]

/** Parsed options by name. */
export type MergerOptions = Record<string, unknown>

/** Diagonals of the Fisher information, or Gram matrices XᵀX of the inputs of linear layers. */
export type GivenData = 'fisher' | 'gram'

/** One tensor of every model. */
export interface MergeInputs {
  /** Name of the tensor. */
  name: string
  /** Deltas (post minus base) or weights, as the merger's `input` says; float32, all of one shape. */
  models: Tensor[]
  /** The base weights, when there is a base. */
  base?: Tensor | undefined
  /** What `data` names, per model; absent for a tensor that has none, and where the inputs are a run of entries. */
  given?: Tensor[] | undefined
  /** True for a matrix with a row per token. */
  embedding: boolean
  /** Index of the first entry in the whole tensor, where the inputs are a run of its entries. */
  offset?: number | undefined
}

/** One tensor of every model as plain float32, row-major. */
export interface TensorPart {
  /** Name of the tensor. */
  name: string
  /** Its shape. */
  shape: readonly number[]
  /** Values of each model. */
  models: Float32Array[]
  /** What `data` names, per model. */
  given?: Float32Array[] | undefined
}

/** All tensors of the models, always in the same order; each call is a new pass. */
export type Walk = () => AsyncIterable<TensorPart>

/** What a merger may use besides the models. */
export interface ScanContext<O = MergerOptions, M = MergerOptions> {
  /** Whose numbers are wanted. */
  convention: Convention
  /** Options of the merge, checked, with defaults. */
  options: O
  /** Options of each model, in the order of the models. */
  modelOptions: readonly M[]
  /** Says that the method degenerates. */
  warn(text: string): void
}

/** What a merger may use besides the tensors. */
export interface MergeContext<O = MergerOptions, M = MergerOptions, W = unknown> extends ScanContext<O, M> {
  /** What `scanModels` returned; undefined for a merger that scans no models, and where `needsModels` says no. */
  scannedModels: W | undefined
}

/** What is known of every merger. */
interface MergerFacts<O, M, W> {
  /** Name in YAML and error messages: lower_snake. */
  readonly name: string
  /** One sentence for people. */
  readonly title: string
  /** Paper and equation; empty where there is none. */
  readonly cite: string
  /** Strict zod objects: options of the merge, and of each model. */
  readonly options: OptionsSchema<O>
  /** Strict zod object: options of each model. */
  readonly modelOptions: OptionsSchema<M>
  /** The conventions it can follow; they agree unless the file says how they differ. The first is the default. */
  readonly conventions: readonly [Convention, ...Convention[]]
  /** What `models` holds and `merge` returns. `either`: deltas when a base is given, else weights. */
  readonly input: 'delta' | 'weights' | 'either'
  /** Fewest and most models, the base not counted. */
  readonly count: readonly [number, number]
  /** The models have different parts, so that their order matters. */
  readonly ordered: boolean
  /** Of a batch of matrices [count, rows, columns], each is merged by itself. */
  perMatrix(convention: Convention): boolean
  /**
   * Whether the rows of a matrix play another part than its columns. A row is an output of the layer: matrices that are stored
   * [inputs, outputs] are then merged as their transposes.
   */
  byRow(options: O, convention: Convention): boolean
  /** What is wrong with options that are right one by one; undefined where nothing is. */
  check(options: O, modelOptions: readonly M[], convention: Convention): Wrong | undefined
  /** Passes over the whole models, for a method that is defined on all tensors at once; its options are the same for all tensors. */
  scanModels?(walk: Walk, context: ScanContext<O, M>): Promise<W>
  /** Whether these options need `scanModels`, where there is one. */
  needsModels(options: O, convention: Convention): boolean
  /**
   * Bytes that scanning and merging take at their largest moment besides the inputs and the result, both counted on the backend too:
   * of n models of this shape, which is that of a run of entries where the merger takes runs.
   */
  workBytes(shape: readonly number[], n: number): number
  /**
   * The same merge of one tensor as a program on kernels, which workers run on tensors of any size; absent or null where there is none.
   * It gives the bits of `merge`. `checkMerger` compares the two.
   * @param context `size`: entries of the tensor
   */
  program?(context: ScanContext<O, M> & { size: number }): TensorProgram<Combine> | null
  /** For a method that weighs the models anew for every input of the model. */
  readonly gating?: Gating<O, M>
}

/** What is wrong with options; `path` leads to the option from `{ options, models }`. */
export interface Wrong {
  /** Keys that lead to the option. */
  path: Path
  /** What is wrong, and what would be right. */
  message: string
}

/** How a merger that weighs the models anew for every input takes its weights. */
export interface Gating<O = MergerOptions, M = MergerOptions> {
  /** Whether these options leave the weights to a router. */
  routed(options: O): boolean
  /** The same merge with the gates given. */
  fix(
    options: O,
    modelOptions: readonly M[],
    gates: readonly number[],
  ): {
    /** Options of the merge. */
    options: O
    /** Options of each model. */
    modelOptions: M[]
  }
}

/** Treats every entry by itself: a tensor larger than the backend's heap is merged in runs of entries. */
interface EntriesMerger<O = MergerOptions, M = MergerOptions, W = unknown> extends MergerFacts<O, M, W> {
  /** How much of a tensor the merger needs at once. */
  readonly reads: 'entries'
  /** One new float32 tensor of the same shape: merged delta or weights; the inputs stay alive; the caller tidies what lies between. */
  merge(inputs: MergeInputs, context: MergeContext<O, M, W>): Tensor
}

/** Scans the values of the whole tensor first (thresholds, angles); then treats every entry by itself. */
interface TensorMerger<O = MergerOptions, M = MergerOptions, W = unknown, S = unknown> extends MergerFacts<O, M, W> {
  /** How much of a tensor the merger needs at once. */
  readonly reads: 'tensor'
  /**
   * What `merge` must know of the whole tensor.
   * @param models values of each model, row-major
   */
  scanTensor(models: Float32Array[], context: MergeContext<O, M, W> & { name: string }): S | Promise<S>
  /** `scanned`: what `scanTensor` returned. */
  merge(inputs: MergeInputs, context: MergeContext<O, M, W> & { scanned: S }): Tensor
}

/** Needs whole tensors at once. */
interface WholeMerger<O = MergerOptions, M = MergerOptions, W = unknown, S = unknown> extends MergerFacts<O, M, W> {
  /** How much of a tensor the merger needs at once. */
  readonly reads: 'whole'
  /** Tensors that come with each model. */
  readonly data?: GivenData
  /** Plain data of the whole tensor that takes reading values: decompositions, angles. Leaves no tensor behind. */
  scanTensor(inputs: MergeInputs, context: MergeContext<O, M, W>): S | Promise<S>
  /** As `merge` of `EntriesMerger`; `scanned` is what `scanTensor` returned. */
  merge(inputs: MergeInputs, context: MergeContext<O, M, W> & { scanned: S }): Tensor
}

/** A method that makes one tensor of the same tensor of several models. */
export type Merger = EntriesMerger | TensorMerger | WholeMerger

/** The tensors that have to come with each model; null for none. */
export const dataOf = (merger: Merger): GivenData | null => (merger.reads === 'whole' && merger.data) || null
