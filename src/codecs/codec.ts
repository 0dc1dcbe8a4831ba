// What a codec of delta files is that keeps less than all of a delta: a name, options, and the form that `kernels` writes and reads.
import type { LossyForm } from '../kernels/index.js'
import type { OptionsSchema } from '../schema/index.js'

/** A tensor that a codec stores. */
export interface CodedTensor {
  shape: readonly number[]
  /** Format of the weights. */
  dtype: string
  /** Matrices [rows, columns] that lie one after the other; 1 for a tensor that is no batch. */
  matrices: number
}

/** A codec of delta files. */
export interface LossyCodec<O = any> {
  /** In files, code and on the command line. */
  readonly name: string
  /** One sentence for people. */
  readonly title: string
  /** Whose layout or idea it is; empty where it is nobody's. */
  readonly cite: string
  /** The editor whose result it stores, under the same names of options; null where any may come before it. */
  readonly editor: string | null
  /** Strict zod object of what a reader must know, and of what is stored. */
  readonly options: OptionsSchema<O>
  /** Whether it stores matrices alone. */
  readonly ofMatrices?: boolean
  /** Whether pieces are whole rows. */
  readonly ofRows?: boolean
  form(options: O, tensor: CodedTensor): LossyForm
  /** Whether what is written is held to the edit, entry by entry. */
  restores(options: O): boolean
  /** Why these options do not fit the tensor; null where they do. */
  unfit?(options: O, tensor: CodedTensor): string | null
}
