// Makes a merger of a definition: checks it, and fills what it leaves out.
import { z } from 'zod'
import { UserError, unknown } from '../errors/index.js'
import type { Combine, TensorProgram } from '../kernels/index.js'
import { checkDefinition, type OptionsSchema, showValue } from '../schema/index.js'
import { countEntries, type Tensor } from '../tensor/index.js'
import {
  CONVENTIONS,
  type Convention,
  type Gating,
  type GivenData,
  type MergeContext,
  type MergeInputs,
  type Merger,
  type ScanContext,
  type Walk,
  type Wrong,
} from './merger.js'

/** The schema of a merger whose models have no options. */
type NoOptions = z.ZodObject<Record<never, never>, z.core.$strict>

/** What every definition of a merger may say. */
interface Facts<S extends OptionsSchema, P extends OptionsSchema, W, O = z.output<S>, M = z.output<P>> {
  /** Name in YAML and error messages: lower_snake. */
  name: string
  /** Strict zod object of the options of the merge; each with a `.describe()` sentence. */
  options: S
  /** The same of each model; by default models have none. */
  modelOptions?: P
  /** One sentence for people; by default the name. */
  title?: string
  /** Paper and equation; by default none. */
  cite?: string
  /** The conventions it can follow, the default first; by default `paper` alone. */
  conventions?: readonly [Convention, ...Convention[]]
  /** What the models hold and `merge` returns; by default the delta. `either`: the delta when a base is given, else weights. */
  input?: 'delta' | 'weights' | 'either'
  /** Fewest and most models, the base not counted; by default any number. */
  count?: readonly [number, number]
  /** The models have different parts, so that their order matters; by default it does not. */
  ordered?: boolean
  /** Of a batch of matrices, each is merged by itself; by default the batch is one tensor. */
  perMatrix?(convention: Convention): boolean
  /**
   * Whether the rows of a matrix, its outputs, play another part than its columns: matrices that are stored [inputs, outputs], as
   * GPT-2's are, are then merged as their transposes. By default only where Gram matrices are needed.
   */
  byRow?(options: O, convention: Convention): boolean
  /** What is wrong with options that are right one by one; by default nothing. */
  check?(options: O, modelOptions: readonly M[], convention: Convention): Wrong | undefined
  /** Passes over the whole models, for a method that is defined on all tensors at once. */
  scanModels?(walk: Walk, context: ScanContext<O, M>): Promise<W>
  /** Whether these options need `scanModels`; by default all do. */
  needsModels?(options: O, convention: Convention): boolean
  /**
   * Bytes that it takes besides the inputs and the result, for n models of this shape (of a run of entries unless it reads `whole`);
   * threads are given room by it. By default 14 numbers for each entry of each model.
   */
  workBytes?(shape: readonly number[], n: number): number
  /** The same merge as a program on kernels, for tensors of any size on every core; by default there is none. It gives the same bits. */
  program?(context: ScanContext<O, M> & { size: number }): TensorProgram<Combine> | null
  /** For a method that weighs the models anew for every input of the model. */
  gating?: Gating<O, M>
}

/** A merger that treats every entry by itself. */
interface EntriesDefinition<S extends OptionsSchema, P extends OptionsSchema, W> extends Facts<S, P, W> {
  /** Every entry by itself: the default. A large tensor comes in runs of entries. */
  reads?: 'entries'
  /** One new float32 tensor of the same shape: the merged delta or weights. */
  merge(inputs: MergeInputs, context: MergeContext<z.output<S>, z.output<P>, W>): Tensor
}

/** A merger that scans the whole tensor first. */
interface TensorDefinition<S extends OptionsSchema, P extends OptionsSchema, W, T> extends Facts<S, P, W> {
  /** The values of the whole tensor, which `scanTensor` gets; then every entry by itself. */
  reads: 'tensor'
  /** What `merge` must know of the whole tensor (values of each model, row-major). */
  scanTensor(
    models: Float32Array[],
    context: MergeContext<z.output<S>, z.output<P>, W> & { name: string },
  ): T | Promise<T>
  /** One new float32 tensor of the same shape: the merged delta or weights. */
  merge(inputs: MergeInputs, context: MergeContext<z.output<S>, z.output<P>, W> & { scanned: T }): Tensor
}

/** A merger that needs whole tensors at once. */
interface WholeDefinition<S extends OptionsSchema, P extends OptionsSchema, W, T> extends Facts<S, P, W> {
  /** Whole tensors at once. */
  reads: 'whole'
  /** Tensors that come with each model. */
  data?: GivenData
  /** By default nothing is scanned. */
  scanTensor?(inputs: MergeInputs, context: MergeContext<z.output<S>, z.output<P>, W>): T | Promise<T>
  /** One new float32 tensor of the same shape: the merged delta or weights. */
  merge(inputs: MergeInputs, context: MergeContext<z.output<S>, z.output<P>, W> & { scanned: T }): Tensor
}

/** What `defineMerger` takes: at least a name, a strict schema of options, and `merge`. */
export type MergerDefinition<
  S extends OptionsSchema = OptionsSchema,
  P extends OptionsSchema = OptionsSchema,
  W = unknown,
  T = unknown,
> = EntriesDefinition<S, P, W> | TensorDefinition<S, P, W, T> | WholeDefinition<S, P, W, T>

const FACTS = [
  'name',
  'options',
  'modelOptions',
  'title',
  'cite',
  'conventions',
  'input',
  'count',
  'ordered',
  'perMatrix',
  'byRow',
  'check',
  'scanModels',
  'needsModels',
  'gating',
  'program',
  'workBytes',
  'reads',
  'merge',
]

/** The functions that each kind must have, and the members that only it may have. */
const KINDS: Record<Merger['reads'], { wanted: readonly string[]; allowed: readonly string[] }> = {
  entries: { wanted: [], allowed: [] },
  tensor: { wanted: ['scanTensor'], allowed: [] },
  whole: { wanted: [], allowed: ['scanTensor', 'data'] },
}

/**
 * A merger of one's own. It reads no files, keeps no state, and gives the same bits for the same inputs; `checkMerger` tests that it
 * does.
 * @param definition its name, its options (a strict zod object) and `merge`: the same tensor of every model, float32, and context → one
 * new float32 tensor of that shape. With `reads: 'tensor'` it also has `scanTensor`; with `'whole'` it gets whole tensors at once.
 * @throws UserError for a definition that is not one: what is wrong, and what would be right
 */
export function defineMerger<
  S extends OptionsSchema,
  P extends OptionsSchema = NoOptions,
  W = undefined,
  T = undefined,
>(definition: MergerDefinition<S, P, W, T>): Merger {
  const given = definition as unknown as Partial<Merger> & Record<string, unknown>
  const { reads = 'entries', conventions = ['paper'], input = 'delta', count = [1, Infinity] } = given ?? {}
  const kind = Object.hasOwn(KINDS, reads) ? KINDS[reads] : undefined
  checkDefinition('merger', given, {
    functions: ['merge', ...(kind?.wanted ?? [])],
    members: [...FACTS, ...(kind?.wanted ?? []), ...(kind?.allowed ?? [])],
    schemas: ['options', ...(given?.modelOptions ? ['modelOptions'] : [])],
  })
  const { name } = definition
  if (!kind) throw unknown(`reads of merger ${name}`, String(reads), Object.keys(KINDS))
  const inputs = ['delta', 'weights', 'either']
  if (!inputs.includes(input)) throw unknown(`input of merger ${name}`, String(input), inputs)
  for (const convention of conventions)
    if (!CONVENTIONS.includes(convention))
      throw unknown(`convention of merger ${name}`, String(convention), CONVENTIONS)
  const [fewest, most] = count
  if (!(Number.isInteger(fewest) && fewest >= 1 && most >= fewest))
    throw new UserError(
      `merger ${name}: count must be the fewest and the most models, like [1, Infinity]; got ${showValue(count)}`,
    )
  const defaults = {
    reads,
    conventions,
    input,
    count,
    modelOptions: z.strictObject({}),
    title: name,
    cite: '',
    ordered: false,
    perMatrix: () => false,
    byRow: () => given.reads === 'whole' && given.data === 'gram',
    check: () => undefined,
    needsModels: () => given.scanModels !== undefined,
    workBytes: (shape: readonly number[], n: number) => 56 * n * countEntries(shape),
    ...(reads === 'whole' && { scanTensor: () => undefined }),
  }
  return Object.freeze({ ...defaults, ...given }) as Merger
}

/** Whether a value, such as what a plugin exports, is meant as a merger. */
export const isMerger = (value: unknown): value is Merger =>
  typeof value === 'object' && value !== null && typeof (value as Merger).merge === 'function'
