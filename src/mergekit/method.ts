// What a method of mergekit is here: one tensor of every model, in one format, to the tensor that mergekit writes.
import type { TorchGenerator } from '../twister/index.js'
import type { FloatFormat, Numbers } from './format.js'

/** One tensor of every model. */
export interface MergekitInputs {
  /** Name of the tensor, for warnings. */
  name: string
  /** What all of it is computed in. */
  format: FloatFormat
  shape: readonly number[]
  /** The base, where the method has one. */
  base: Numbers | null
  /** The models, row-major; without the base where the method sets it apart. */
  models: readonly Numbers[]
  /** torch's generator, at the place where this tensor draws. */
  generator: TorchGenerator
  /** Says that the method degenerates. */
  warn(text: string): void
}

/** A method, with what is known of it before it runs. */
export interface MergekitMethod {
  /**
   * mergekit's numbers by its own operations.
   * @param options of the merge, parsed, as mergekit names them
   * @param models options of each model
   */
  merge(inputs: MergekitInputs, options: any, models: readonly any[]): Numbers
  /** The format of the result of a computation in `format`; by default the same. */
  formatOf?(format: FloatFormat): FloatFormat
  /** Numbers that a tensor of so many entries draws from the generator; by default none. */
  draws?(size: number, models: readonly any[]): number
}
