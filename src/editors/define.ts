// Makes an editor of a definition: checks it, and fills what it leaves out.
import type { z } from 'zod'
import { unknown } from '../errors/index.js'
import type { EntriesProgram, ProgramTensor } from '../kernels/index.js'
import { checkDefinition, type OptionsSchema, optionNames } from '../schema/index.js'
import { countEntries, svdBytes, type Tensor, type Tensor2D } from '../tensor/index.js'
import { denseBits } from './bits.js'
import type { EditContext, EditedShape, Editor, ModelDeltas, ScannedTensor } from './editor.js'

/** What every definition of an editor may say. */
interface Facts<S extends OptionsSchema, O = z.output<S>> {
  /** Name in YAML, CSV and error messages: lower_snake. */
  name: string
  /** Strict zod object of numbers, booleans, words and texts; each with a `.describe()` sentence. */
  options: S
  /** One sentence for people; by default the name. */
  title?: string
  /** Paper and equation; by default none. */
  cite?: string
  /** The option that a plot puts on its x axis; by default the first. */
  axis?: keyof O & string
  /** Options that leave a delta unchanged, bit for bit; null, the default, where no such options exist. */
  neutral?: Partial<O> | null
  /** Whether these options draw from the key; by default none do. */
  stochastic?(options: O): boolean
  /** Whether the mean over all keys of the edited delta is the delta; by default not claimed. */
  unbiased?(options: O): boolean
  /** Whether these options need the gradient of a task's loss; by default none do. */
  needsGradient?(options: O): boolean
  /**
   * Whether with these options the rows of a matrix, its outputs, play another part than its columns: a matrix that is stored
   * [inputs, outputs], as GPT-2's are, is then edited as its transpose. By default only where Gram matrices are needed.
   */
  byRow?(options: O): boolean
  /** The same edit as a program on kernels, for tensors of any size on every core; by default there is none. It gives the same bits. */
  program?(options: O, about: ProgramTensor): EntriesProgram<readonly string[]> | null
  /** Bits of one entry, for the column `bits`; by default the option of that name. */
  entryBits?(options: O): number | null
}

/** An editor that reads nothing but the entries that it edits. */
interface EntriesDefinition<S extends OptionsSchema, O = z.output<S>> extends Facts<S> {
  /** Nothing but the entries that it edits: the default. */
  reads?: 'entries'
  /** One new float32 tensor of the same shape; the input stays alive. */
  edit(delta: Tensor, context: EditContext<O>): Tensor
  /** Sentences about a tensor on which the method degenerates. */
  warnings?(options: O, about: { shape: readonly number[] }): readonly string[]
  /** By default 16 for every entry, or the sparse form where that is smaller. */
  bits?(options: O, stored: EditedShape): number
}

/** What the definitions of editors that scan have in common. */
interface ScanDefinition<S extends OptionsSchema, T, O = z.output<S>> extends Facts<S> {
  /** Of a batch of matrices, each is scanned and edited by itself; by default the batch is one tensor. */
  perMatrix?: boolean
  /** One new float32 tensor of the same shape, from a block of the delta and what the scan returned. */
  edit(delta: Tensor, context: EditContext<O> & { scanned: T }): Tensor
  /** Sentences about a tensor on which the method degenerates. */
  warnings?(options: O, about: { shape: readonly number[]; scanned: T }): readonly string[]
  /** By default 16 for every entry, or the sparse form where that is smaller. */
  bits?(options: O, stored: EditedShape): number
}

/** An editor that scans the whole tensor first. */
interface TensorDefinition<S extends OptionsSchema, T, O = z.output<S>> extends ScanDefinition<S, T> {
  /** The whole tensor, which `scanTensor` gets before any block of it is edited. */
  reads: 'tensor'
  /** What `edit` must know of the whole tensor (float32, row-major). */
  scanTensor(values: Float32Array, options: O, about: ScannedTensor): T
  /** By default all options do. */
  needsScan?(options: O): boolean
}

/** An editor that scans the whole model first. */
interface ModelDefinition<S extends OptionsSchema, T, M, O = z.output<S>> extends ScanDefinition<S, T> {
  /** The whole model, which `scanModel` gets before any tensor is scanned and edited. */
  reads: 'model'
  /** What `scanTensor` must know of the whole model. */
  scanModel(deltas: ModelDeltas, options: O): Promise<M>
  /** What `edit` must know of the whole tensor (float32, row-major). */
  scanTensor(values: Float32Array, options: O, about: ScannedTensor & { model: M | undefined }): T
  /** By default all options do. */
  needsModel?(options: O): boolean
}

/** An editor that edits whole matrices. */
interface MatrixDefinition<S extends OptionsSchema, F, O = z.output<S>> extends Facts<S> {
  /** Whole matrices; a tensor that is no matrix stays as it is. */
  reads: 'matrix'
  /** By default there are no factors. */
  factorise?(delta: Tensor2D, options: O): Promise<F>
  /** By default all options share the factors. */
  factorKey?(options: O, shape: readonly number[]): string
  /**
   * Bytes that it takes besides a matrix of this shape and the result; threads are given room by it. By default as much as an exact
   * decomposition, and 16 numbers for each entry.
   */
  workBytes?(options: O, shape: readonly number[]): number
  /** Whether these options need the Gram matrix of the inputs of the layer; by default none do. */
  needsGram?(options: O): boolean
  /** One new float32 tensor of the same shape, from a matrix and its factors. */
  edit(delta: Tensor, context: EditContext<O> & { factors: F; gram?: ArrayLike<number> | undefined }): Tensor
  /** Sentences about a tensor on which the method degenerates. */
  warnings?(
    options: O,
    about: { shape: readonly number[]; factors: F; gram?: ArrayLike<number> | undefined },
  ): readonly string[]
  /** By default 16 for every entry, or the sparse form where that is smaller. */
  bits?(options: O, stored: EditedShape & { factors?: F | undefined }): number
}

/** What `defineEditor` takes: at least a name, a strict schema of options, and `edit`. */
export type EditorDefinition<S extends OptionsSchema = OptionsSchema, T = unknown, M = unknown> =
  | EntriesDefinition<S>
  | TensorDefinition<S, T>
  | ModelDefinition<S, T, M>
  | MatrixDefinition<S, T>

const FACTS = [
  'name',
  'options',
  'title',
  'cite',
  'axis',
  'neutral',
  'stochastic',
  'unbiased',
  'needsGradient',
  'byRow',
  'entryBits',
  'program',
  'reads',
  'edit',
  'warnings',
  'bits',
]

/** The functions that each kind must have, and the members that only it may have. */
const KINDS: Record<Editor['reads'], { wanted: readonly string[]; allowed: readonly string[] }> = {
  entries: { wanted: [], allowed: [] },
  tensor: { wanted: ['scanTensor'], allowed: ['needsScan', 'perMatrix'] },
  model: { wanted: ['scanModel', 'scanTensor'], allowed: ['needsModel', 'perMatrix'] },
  matrix: { wanted: [], allowed: ['factorise', 'factorKey', 'needsGram', 'workBytes'] },
}

/**
 * An editor of one's own, of ten lines or more. An editor reads no files, knows no names of layers, keeps no state and draws only from
 * its key; `checkEditor` tests that it does.
 * @param definition its name, its options (a strict zod object) and `edit`: delta, a float32 tensor, and context → one new float32
 * tensor of the same shape. With `reads: 'tensor'` it also has `scanTensor`, with `'model'` `scanModel` and `scanTensor`, with
 * `'matrix'` it edits whole matrices and may have `factorise`.
 * @throws UserError for a definition that is not one: what is wrong, and what would be right
 */
export function defineEditor<S extends OptionsSchema, T = undefined, M = undefined>(
  definition: EditorDefinition<S, T, M>,
): Editor {
  const given = definition as unknown as Partial<Editor> & Record<string, unknown>
  const reads = given?.reads ?? 'entries'
  const kind = Object.hasOwn(KINDS, reads) ? KINDS[reads] : undefined
  checkDefinition('editor', given, {
    functions: ['edit', ...(kind?.wanted ?? [])],
    members: [...FACTS, ...(kind?.wanted ?? []), ...(kind?.allowed ?? [])],
    schemas: ['options'],
  })
  const { name } = definition
  if (!kind) throw unknown(`reads of editor ${name}`, String(reads), Object.keys(KINDS))
  const names = optionNames(definition.options)
  const axis = given.axis ?? names[0] ?? null
  for (const option of [...(given.axis ? [given.axis] : []), ...Object.keys(given.neutral ?? {})])
    if (!names.includes(option)) throw unknown(`option of editor ${name}`, option, names)
  const never = () => false
  const always = () => true
  const defaults = {
    reads,
    title: name,
    cite: '',
    neutral: null,
    stochastic: never,
    unbiased: never,
    entryBits: (options: unknown) => {
      const { bits } = options as { bits?: unknown }
      return typeof bits === 'number' ? bits : null
    },
    warnings: () => [],
    bits: (_: unknown, { shape }: EditedShape) => denseBits(shape),
    ...(reads === 'tensor' && { needsScan: always, perMatrix: false }),
    ...(reads === 'model' && { needsModel: always, perMatrix: false }),
    ...(reads === 'matrix' && {
      factorise: () => Promise.resolve(undefined),
      factorKey: () => '',
      workBytes: (_: unknown, shape: readonly number[]) => svdBytes(shape) + 64 * countEntries(shape),
    }),
  }
  return Object.freeze({ ...defaults, ...given, axis }) as Editor
}

/** Whether a value, such as what a plugin exports, is meant as an editor. */
export const isEditor = (value: unknown): value is Editor =>
  typeof value === 'object' && value !== null && typeof (value as Editor).edit === 'function'
