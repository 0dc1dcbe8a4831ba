// A pass over the entries of one tensor, as plain data: what is read, what is done to each entry, what is counted, and what is
// written. Workers run passes; the programs of editors and mergers are made of them.
import type { PassAnswer } from './answer.js'
import type { Bracket } from './bracket.js'
import type { Key } from './key.js'

/** Keeps |x| > threshold, and of the entries with |x| = threshold those up to flat index `lastTie`: exactly k entries. */
export interface Largest {
  /** A magnitude. */
  threshold: number
  /** Index in the whole flattened tensor; -1 when no tie is kept. */
  lastTie: number
}

/**
 * What is done to each entry of a model's values, one stage after the other, in float32. What is dropped is multiplied by 0, as PyTorch
 * does with a mask: its sign stays, so a negative entry leaves -0.
 */
export type Stage =
  /**
   * × dropped where u < rate, else × kept; u is the uniform draw of the key and the index. `choices` keeps what was chosen in whole strips
   * from pass to pass: `choicesBytes`, of which the marks are zeros at first. So it does for `prune` without factors.
   */
  | { stage: 'select'; key: Key; rate: number; dropped: number; kept: number; choices?: SharedArrayBuffer }
  /** × scale where the entry is among the largest, else × 0. */
  | { stage: 'keep'; cut: Largest; scale: number }
  /** × 0 where the entry is among the largest. */
  | { stage: 'drop'; cut: Largest }
  /** × scale at the k largest of each row, else × 0; of the entries tied at the threshold the first, all, or none are kept. */
  | { stage: 'keepRows'; k: number; ties: 'first' | 'all' | 'none'; scale: number }
  /** × 0 at the k largest of each row, ties by the lowest index. */
  | { stage: 'dropRows'; k: number }
  /** The nearest of 2^bits even levels between the least and the largest of `width` entries of a row, with 0 among them. */
  | { stage: 'quantise'; bits: number; width: number }
  /** × factor. */
  | { stage: 'scale'; factor: number }
  /** The magnitude with the sign of the entry; 0 counts as positive. */
  | { stage: 'signs'; magnitude: number }
  /**
   * × factors[rank], or 1, where the draw of 24 bits reaches limits[rank], else × 0. Ranks count from the smallest magnitude of a row, equal
   * ones by index; the limits do not rise with the rank.
   */
  | { stage: 'prune'; key: Key; limits: Int32Array; factors: Float32Array | null; choices?: SharedArrayBuffer }
  /** + the base: a delta becomes weights. */
  | { stage: 'addBase' }

/** Values of a pass: those of a model after its stages, the base, the first model as it is stored, and that less the base. */
export type Operand = number | 'base' | 'post' | 'input'

/**
 * What is summed or counted. Answers hold one number per strip, in order, and three of `dots`; of `compare` and `bracket` what `readComparison` and
 * `readBracket` read; of `cuts` four numbers for each cut.
 */
export type Reduction = ReductionKind & {
  /** Of a model's values, taken before so many of its last stages; these are made in this pass. */
  back?: number
}

/** A sum or a count. */
type ReductionKind =
  /** Σ |x|, Σ x, number of entries that are not 0, the largest |x|. */
  | { sum: 'magnitudes' | 'total' | 'nonZero' | 'largest'; of: Operand }
  /** Σ x y; Σ (y − x)², each difference rounded to float32. */
  | { sum: 'dot' | 'distance'; of: Operand; with: Operand }
  /** Σ x y, Σ x², Σ y². */
  | { sum: 'dots'; of: Operand; with: Operand }
  /**
   * Of the differences d = y − x, each rounded to float32: Σ x², Σ y², Σ x y, Σ d, Σ d², number of d that are 0, the largest |d|; a histogram
   * of the upper 16 of the 31 bits of |d|, and a list of those whose other bits are not 0, where they are few.
   */
  | { sum: 'compare'; of: Operand; with: Operand }
  /** Number of entries whose magnitude is that of the k-th largest of their row, where it is not 0 and several have it. */
  | { sum: 'rowTies'; of: Operand; k: number }
  /** Entries whose magnitude lies in a bracket, as bits, and how many lie above. */
  | ({
      sum: 'bracket'
      of: Operand
      /** Some rows are enough. */
      sample?: boolean
    } & Bracket)
  /** Where the largest are cut: for each number of them, those of a `FoundCut`. It takes passes of its own. */
  | { sum: 'cuts'; of: Operand; wanted: readonly number[] }
  /** In one strip, the index in the whole tensor of the n-th entry (from 1) whose magnitude has these 31 bits: one number. */
  | { sum: 'find'; of: Operand; bits: number; n: number; strip: number }

/** What is made of the models' values. */
export type Combine =
  /** The weighted sum, and that times the factor. */
  | { combine: 'sum'; weights: readonly number[]; factor?: number }
  /** Sign election of TIES. All lists have one number per model. */
  | {
      combine: 'elect'
      /** Factors of the votes. */
      votes: readonly number[]
      /** −1 where the elected sign is turned around for the model, else 1. */
      turned: readonly number[]
      /** Factors of the values that agree with the elected sign. */
      factors: readonly number[]
      /** The combined value is divided by the sum of those of the models that agree; null: no division. */
      divisors: readonly number[] | null
      /** Whether signs vote, instead of values. */
      bySign: boolean
      /** Whether the largest value that agrees is taken, instead of the sum. */
      largest: boolean
      /** Factor of the result. */
      lambda: number
      /** Divisors up to this magnitude count as 1, without `clips`. */
      least: number
      /** Whether divisors below `least` count as it. */
      clips?: boolean
    }

export type StoredFormat = 'F32' | 'BF16' | 'F16' | 'F64'

/** Where the entries of a tensor lie in a file, or the float32 entries of this pass themselves. */
export type PassSource =
  | {
      file: string
      begin: number
      dtype: StoredFormat
      /** Whether the checksum of what is read is asked for. */
      sum?: boolean
    }
  | { values: Float32Array }

/** Where the result goes. */
export interface PassTarget {
  /** Path of the file. */
  file: string
  /** Position of the byte where the tensor's first entry begins. */
  begin: number
  /** Format of an entry. */
  dtype: Exclude<StoredFormat, 'F64'>
}

/** What a pass writes. */
export interface PassWrite {
  /** How one value is made of those of the models. */
  combine: Combine
  /**
   * `base`: the base is added. `restore`: as `base`, but entries that the stages left alone are those of the post-trained model,
   * unrounded. `plain`: nothing is added.
   */
  finish: 'base' | 'restore' | 'plain'
  /** Where the entries of the result go. */
  target: PassTarget
}

/** Numbers from … to − 1. */
export interface Interval {
  /** The first of them. */
  from: number
  /** One more than the last. */
  to: number
}

/** One pass over an interval of entries. */
export interface TensorPass extends Interval {
  /** Number of the tensor: what it keeps in memory belongs to this number. */
  tensor: number
  /** Entries of the whole tensor. */
  size: number
  /** Entries that are worked on together: a property of the tensor's shape. A pass begins at a multiple of it. */
  strip: number
  /** Length of a row, for ranks. */
  columns: number
  /** The entries that are read, in order: runs of whole rows, none longer than a strip; null for all. */
  runs: readonly Interval[] | null
  /** Null where the pass does not read it. */
  base: PassSource | null
  models: readonly (PassSource | null)[]
  /** Per model, whether its values are its weights less the base. */
  deltas: readonly boolean[]
  /** Whether the values stay in memory from pass to pass. */
  resident: boolean
  /** Per model, all stages so far. */
  stages: readonly (readonly Stage[])[]
  reductions: readonly Reduction[]
  write: PassWrite | null
}

/** Which inputs are read: the base; the first model as it is stored, besides its values, and that less the base; the values of the models. */
export type PassNeeds = Record<'base' | 'post' | 'input' | 'models', boolean>

/**
 * What a pass reads.
 * @param pending per model, stages that its values have not gone through
 * @param held whether the values are in memory
 */
export function needsOf(
  {
    reductions,
    write,
    deltas,
  }: Pick<TensorPass, 'reductions' | 'deltas'> & { write: { finish: PassWrite['finish'] } | null },
  pending: readonly (readonly Stage[])[],
  held: boolean,
): PassNeeds {
  const uses = (operand: Operand) =>
    reductions.some((each) => each.of === operand || ('with' in each && each.with === operand))
  const input = write?.finish === 'restore' || uses('input')
  const isStored = (operand: Operand) => typeof operand !== 'number'
  /** Where all that is asked for is of weights as they are stored, no values are made. */
  const asksOfStored =
    reductions.length > 0 && reductions.every((each) => isStored(each.of) && (!('with' in each) || isStored(each.with)))
  const models = !held && !(asksOfStored && write === null && pending.every(({ length }) => length === 0))
  const base =
    ((models || input) && deltas.includes(true)) ||
    uses('base') ||
    pending.some((list) => list.some(({ stage }) => stage === 'addBase')) ||
    (write !== null && write.finish !== 'plain')
  return { base, post: input || uses('post'), input, models }
}

/** Reads and writes files for the machine. */
export interface Storage {
  /** Fills `target` with the bytes from `position` on. */
  read(file: string, target: Uint8Array, position: number): void
  write(file: string, bytes: Uint8Array, position: number): void
}

/** Bytes in a file. */
export interface FileBytes {
  file: string
  /** Position of the first. */
  begin: number
  /** Their number. */
  bytes: number
}

/** Bytes that are copied as they are, to where they are written. */
export interface CopiedBytes {
  from: { file: string; begin: number }
  to: FileBytes
}

/** What a pass found. */
export interface PassResult {
  /** In the order of the reductions. */
  answers: PassAnswer[]
  /** Checksum of the bytes that were written; empty where nothing was. */
  checksum: string
  /** Checksums of what was read of the base and of each model; null where none was asked for, or not all of the interval was read. */
  read: (string | null)[]
}

/** Bytes of one entry. */
export const WIDTHS: Readonly<Record<StoredFormat, number>> = { F32: 4, BF16: 2, F16: 2, F64: 8 }
