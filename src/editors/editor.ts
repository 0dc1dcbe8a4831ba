// What an editor is: a pure function of one delta tensor, with the facts that config, sweeps, reports and docs need. There are four
// kinds, by what an editor reads before it edits; `defineEditor` makes one.
import type { EntriesProgram, ProgramTensor } from '../kernels/index.js'
import type { OptionsSchema } from '../schema/index.js'
import type { Key, Tensor, Tensor2D } from '../tensor/index.js'

/** Parsed options by name. */
export type Options = Record<string, unknown>

/** What the edit of a block may use besides the block itself. */
export interface EditContext<O = Options> {
  /** Options of the editor, checked, with defaults. */
  options: O
  /** Random key of (seed, editor, tensor name); the element index in the whole tensor is the counter. */
  key: Key
  /** Index, in the whole flattened tensor, of the first element of this block (0 when the block is the whole tensor). */
  offset: number
  /** Gradient of the loss at the post-trained weights, of the block's shape; there when `needsGradient` says so. */
  gradient?: Tensor | undefined
  /** Keep mask of the whole tensor (1 kept, 0 dropped) that replaces random draws: reference masks, masks shared by models. */
  keep?: ArrayLike<number> | undefined
}

/** What a scan is told about the tensor besides its values. */
export interface ScannedTensor {
  /** Name of the tensor. */
  tensor: string
  /** Its shape. */
  shape: readonly number[]
  /** Random key of (seed, editor, tensor name). */
  key: Key
  /** Keep mask that replaces random draws, as in `EditContext`. */
  keep?: ArrayLike<number> | undefined
}

/**
 * The deltas of a whole model, one after the other: float32, row-major; with the number of matrices where a tensor is a batch of them.
 * Every call is a new pass.
 */
export type ModelDeltas = () => AsyncIterable<readonly [tensor: string, values: Float32Array, matrices?: number]>

/** What is known of every editor. */
interface EditorFacts<O> {
  /** Name in YAML, CSV and error messages: lower_snake. */
  readonly name: string
  /** One sentence for people. */
  readonly title: string
  /** Paper and equation; empty where there is none. */
  readonly cite: string
  /** Strict zod object: every option has a default or is required, and has a range and a `.describe()` sentence. */
  readonly options: OptionsSchema<O>
  /** The option that a plot puts on its x axis; null for an editor without options. */
  readonly axis: string | null
  /** Options that leave a delta unchanged, bit for bit; null where no such options exist. */
  readonly neutral: Partial<O> | null
  /** Whether these options draw from the key; only then are several seeds planned. */
  stochastic(options: O): boolean
  /** Whether the mean over all keys of the edited delta is the delta. */
  unbiased(options: O): boolean
  /** Whether these options need the gradient of a task's loss; absent: none do. */
  needsGradient?(options: O): boolean
  /**
   * Whether with these options the rows of a matrix play another part than its columns. A row is an output of the layer: a matrix that
   * is stored [inputs, outputs] is then edited as its transpose. Absent: only where Gram matrices are needed.
   */
  byRow?(options: O): boolean
  /**
   * The same edit as a program on kernels, which workers run on tensors of any size; absent or null where there is none. It gives the
   * bits of `edit`, and returns what `warnings` says. `checkEditor` compares the two.
   */
  program?(options: O, about: ProgramTensor): EntriesProgram<readonly string[]> | null
  /** Bits of one entry, numbers shared by many entries aside: the column `bits`; null where that is no fixed number. */
  entryBits(options: O): number | null
}

/** The shape of a tensor and how many of its edited entries are not 0. */
export interface EditedShape {
  /** Shape of the tensor. */
  shape: readonly number[]
  /** Number of its edited entries that are not 0. */
  kept: number
}

/** Reads nothing but the entries that it edits: any block of a flattened tensor, without the rest. */
interface EntriesEditor<O = Options> extends EditorFacts<O> {
  /** What the editor reads before it edits. */
  readonly reads: 'entries'
  /** One new float32 tensor of the same shape; the input stays alive; the caller tidies what lies between. */
  edit(delta: Tensor, context: EditContext<O>): Tensor
  /** Sentences about a tensor on which the method degenerates. */
  warnings(options: O, about: { shape: readonly number[] }): readonly string[]
  /** An estimate of the bits that store an edited tensor; a kept value counts 16. */
  bits(options: O, stored: EditedShape): number
}

/** Scans the whole tensor first (a threshold, block means); then edits it block by block. */
interface TensorEditor<O = Options, S = unknown> extends EditorFacts<O> {
  /** What the editor reads before it edits. */
  readonly reads: 'tensor'
  /** Of a batch of matrices, each is scanned and edited by itself. */
  readonly perMatrix: boolean
  /** Whether these options need the scan, so that the values of the whole tensor must be read first. */
  needsScan(options: O): boolean
  /**
   * What `edit` must know of the whole tensor.
   * @param values float32, row-major
   */
  scanTensor(values: Float32Array, options: O, about: ScannedTensor): S
  /** As for entries. `scanned`: what `scanTensor` returned; undefined where `needsScan` says no. */
  edit(delta: Tensor, context: EditContext<O> & { scanned: S }): Tensor
  /** Sentences about a tensor on which the method degenerates. */
  warnings(options: O, about: { shape: readonly number[]; scanned: S }): readonly string[]
  /** An estimate of the bits that store an edited tensor; a kept value counts 16. */
  bits(options: O, stored: EditedShape): number
}

/** Scans the whole model first (a threshold common to all tensors), then every tensor. */
interface ModelEditor<O = Options, S = unknown, M = unknown>
  extends Omit<TensorEditor<O, S>, 'reads' | 'needsScan' | 'scanTensor'> {
  /** What the editor reads before it edits. */
  readonly reads: 'model'
  /** Whether these options need the scan of the model. */
  needsModel(options: O): boolean
  /** Reads the deltas of the whole model; what it returns goes to every `scanTensor`. */
  scanModel(deltas: ModelDeltas, options: O): Promise<M>
  /** `model`: what `scanModel` returned; undefined where `needsModel` says no. */
  scanTensor(values: Float32Array, options: O, about: ScannedTensor & { model: M | undefined }): S
}

/** Edits whole matrices, by factors of them (an SVD) where it has any; a tensor that is no matrix stays as it is. */
export interface MatrixEditor<O = Options, F = unknown> extends EditorFacts<O> {
  /** What the editor reads before it edits. */
  readonly reads: 'matrix'
  /** Costly work on a matrix [rows, columns] that the options of a sweep share, as plain data. */
  factorise(delta: Tensor2D, options: O): Promise<F>
  /** Bytes that factorising and editing take at their largest moment besides the matrix [rows, columns] and the result. */
  workBytes(options: O, shape: readonly number[]): number
  /** Options of one key share what `factorise` returned. */
  factorKey(options: O, shape: readonly number[]): string
  /** Whether these options need the Gram matrix of the inputs of the layer; absent: none do. */
  needsGram?(options: O): boolean
  /** `gram`: XᵀX [columns, columns] of the inputs X, up to a factor; the matrix is [outputs, inputs] then; absent for a matrix that is no linear layer. */
  edit(delta: Tensor, context: EditContext<O> & { factors: F; gram?: ArrayLike<number> | undefined }): Tensor
  /** Sentences about a tensor on which the method degenerates. */
  warnings(
    options: O,
    about: { shape: readonly number[]; factors: F; gram?: ArrayLike<number> | undefined },
  ): readonly string[]
  /** `factors`: those of the tensor, where they are at hand. */
  bits(options: O, stored: EditedShape & { factors?: F | undefined }): number
}

/** A method that edits the delta of one tensor. */
export type Editor = EntriesEditor | TensorEditor | ModelEditor | MatrixEditor

/** An editor with its parsed options; a chain is a list of steps that are applied in order. */
export interface Step {
  readonly editor: Editor
  readonly options: Options
}

/** Bits of one entry, of the first step that stores a fixed number of them; null where none does. */
export const entryBitsOf = (steps: readonly Step[]): number | null =>
  steps.map(({ editor, options }) => editor.entryBits(options)).find((bits) => bits !== null) ?? null

/** Whether the step needs the gradient of a task's loss. */
export const needsGradient = ({ editor, options }: Step): boolean => editor.needsGradient?.(options) ?? false

/** Whether the step needs Gram matrices of the inputs of linear layers. */
export const needsGram = ({ editor, options }: Step): boolean =>
  editor.reads === 'matrix' && (editor.needsGram?.(options) ?? false)

/** Whether the step tells the outputs of a matrix from its inputs. */
export const isByRow = (step: Step): boolean => needsGram(step) || (step.editor.byRow?.(step.options) ?? false)

/** Whether the step scans the whole model before it edits a tensor. */
export const needsModel = ({ editor, options }: Step): boolean => editor.reads === 'model' && editor.needsModel(options)

/** Whether the editor takes the matrices of a batch one by one. */
export const isPerMatrix = (editor: Editor): boolean =>
  editor.reads === 'matrix' || (editor.reads !== 'entries' && editor.perMatrix)
