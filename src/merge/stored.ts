// Which tensors are merged by mergekit's own operations, and in what format.
import { DTYPES, isFloating } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { type FloatFormat, type MergekitMethod, promote } from '../mergekit/index.js'
import type { Convention } from '../mergers/index.js'
import type { Method } from './mergekit.js'
import type { MergeFile } from './schema.js'

/** The formats by their words in a merge file. */
const FORMATS = { float64: 'F64', ...DTYPES } as const

/** How a tensor is merged by mergekit's operations. */
export interface StoredMerge extends MergekitMethod {
  /** What all inputs are converted to, and computed in. */
  compute: FloatFormat
  /** Options of the merge and of each source, as mergekit names them. */
  options: object
  models: object[]
  /** Numbers that other tensors draw before this one. */
  drawn: number
}

/** What a file says of the arithmetic. */
export interface ArithmeticChoice {
  method: Method
  convention: Convention
  /** Whether mergekit's rounding is asked for. */
  stored: boolean
  /** Formats that the file gives: of the computation, and of the result. */
  dtype: FloatFormat | undefined
  outDtype: FloatFormat | undefined
}

/**
 * The arithmetic of a file.
 * @throws UserError where mergekit's operations are asked for, and the file means others
 */
export function readArithmetic(config: MergeFile, method: Method, convention: Convention): ArithmeticChoice {
  const [dtype, outDtype] = [config.dtype && FORMATS[config.dtype], config.out_dtype && FORMATS[config.out_dtype]]
  const stored = config.arithmetic === 'stored'
  const wide = (['dtype', 'out_dtype'] as const).find((key) => config[key] === 'float64')
  const asked = stored ? 'arithmetic' : wide
  if (asked) {
    const what = `${asked}: ${config[asked]} is computed as mergekit 0.1.5 does it`
    if (!method.stored)
      throw new UserError(
        `${what}, and merger: ${method.name} is ours: choose a method of mergekit with merge_method, or leave it out`,
        { path: [asked] },
      )
    if (convention !== 'mergekit')
      throw new UserError(`${what}, which cannot stand beside convention: ${convention}`, { path: [asked] })
  }
  return { method, convention, stored, dtype, outDtype }
}

/**
 * What a tensor is computed in by mergekit's operations; null where it is computed exactly, in float32, and rounded once.
 * @param inputs formats of all models that take part, the base too
 */
export function computeFormat(
  { method, convention, stored, dtype, outDtype }: ArithmeticChoice,
  inputs: readonly string[],
): FloatFormat | null {
  if (!method.stored || convention !== 'mergekit' || !inputs.every(isFloating)) return null
  const own = dtype ?? (inputs as FloatFormat[]).reduce(promote)
  if (stored) return own
  return own === 'F64' || outDtype === 'F64' ? 'F64' : null
}

/** The same tensors with the numbers that are drawn before each: mergekit goes by their names in the models. */
export function countDraws<
  T extends { shape: readonly number[]; sources: readonly { name: string }[]; stored: StoredMerge | null },
>(tensors: readonly T[]): T[] {
  const keyOf = ({ sources }: T): string =>
    sources
      .map(({ name }) => name)
      .sort()
      .at(-1)!
  const before = new Map<T, number>()
  let drawn = 0
  for (const tensor of tensors.filter(({ stored }) => stored?.draws).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))) {
    before.set(tensor, drawn)
    drawn += tensor.stored!.draws!(
      tensor.shape.reduce((size, side) => size * side, 1),
      tensor.stored!.models,
    )
  }
  return tensors.map((tensor) =>
    before.get(tensor) ? { ...tensor, stored: { ...tensor.stored!, drawn: before.get(tensor)! } } : tensor,
  )
}
