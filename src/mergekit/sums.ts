// Sums and norms in the order of torch 2.13's CPU kernels on one thread (aten/src/ATen/native/cpu: SumKernel, ReduceOpsKernel), which add
// in vectors of 256 bits. Narrow formats are added in float32.
import { type FloatFormat, type Numbers, rounderOf } from './format.js'
import { fusedOf } from './fused.js'

type Round = (x: number) => number

/** What sums of a format are rounded to after every step. */
export const sumRounder = (format: FloatFormat): Round => rounderOf(format === 'F64' ? 'F64' : 'F32')

/** Numbers of a vector of 256 bits. */
const lanesOf = (format: FloatFormat): number => (format === 'F64' ? 4 : 8)

/** Rows that are summed side by side, so that one addition need not wait for the last. */
const STREAMS = 4
/** Partial sums of rising lengths, which keep the rounding error of long sums small. */
const LEVELS = 4

/** The value that is added at one row of one column. */
type Load = (row: number, column: number) => number

/** The sum of each column, by levels: 2^power rows at a time at the lowest. */
function cascade(load: Load, { rows, columns }: { rows: number; columns: number }, round: Round): Float64Array {
  const power = Math.max(4, Math.floor((rows <= 1 ? 0 : 32 - Math.clz32(rows - 1)) / LEVELS))
  const [step, mask] = [2 ** power, 2 ** power - 1]
  const levels = Array.from({ length: LEVELS }, () => new Float64Array(columns))
  const [lowest] = levels as [Float64Array]
  const add = (row: number) => {
    for (let k = 0; k < columns; k++) lowest[k] = round(lowest[k]! + load(row, k))
  }
  let row = 0
  while (row + step <= rows) {
    for (const end = row + step; row < end; row++) add(row)
    for (let j = 1; j < LEVELS; j++) {
      const [below, here] = [levels[j - 1]!, levels[j]!]
      for (let k = 0; k < columns; k++) here[k] = round(here[k]! + below[k]!)
      below.fill(0)
      if ((row / step ** j) & mask) break
    }
  }
  for (; row < rows; row++) add(row)
  for (const level of levels.slice(1)) for (let k = 0; k < columns; k++) lowest[k] = round(lowest[k]! + level[k]!)
  return lowest
}

/** The same with four streams of rows, which are added up at the end. */
function streamed(load: Load, { rows, columns }: { rows: number; columns: number }, round: Round): Float64Array {
  const side = Math.floor(rows / STREAMS)
  const sums = cascade(
    (row, k) => load(STREAMS * row + Math.floor(k / columns), k % columns),
    { rows: side, columns: STREAMS * columns },
    round,
  )
  for (let row = side * STREAMS; row < rows; row++)
    for (let k = 0; k < columns; k++) sums[k] = round(sums[k]! + load(row, k))
  for (let k = columns; k < sums.length; k++) sums[k % columns] = round(sums[k % columns]! + sums[k]!)
  return sums.subarray(0, columns)
}

/** Sum of `count` neighbours from `from` on, not rounded to the format. */
export function sumRun(values: Numbers, format: FloatFormat, { from = 0, count = values.length } = {}): number {
  const round = sumRounder(format)
  const lanes = lanesOf(format)
  const narrow = format === 'BF16' || format === 'F16'
  // A vector of a narrow format is two of float32, which are added first.
  const width = narrow ? 2 * lanes : lanes
  if (count < width) return streamed((row) => values[from + row]!, { rows: count, columns: 1 }, round)[0]!
  const vectors = Math.floor(count / width)
  const load: Load = narrow
    ? (row, k) => round(values[from + row * width + k]! + values[from + row * width + lanes + k]!)
    : (row, k) => values[from + row * width + k]!
  const sums = streamed(load, { rows: vectors, columns: lanes }, round)
  let sum = 0
  for (let i = vectors * width; i < count; i++) sum = round(sum + values[from + i]!)
  for (let k = 0; k < lanes; k++) sum = round(sum + sums[k]!)
  return sum
}

/** Sums over rows of equal length, one value for each column, not rounded to the format. */
export function sumColumns(rows: readonly Numbers[], format: FloatFormat): Float64Array {
  const columns = rows[0]!.length
  // A single column is a run.
  if (columns === 1)
    return Float64Array.of(
      sumRun(
        Float64Array.from(rows, (row) => row[0]!),
        format,
      ),
    )
  const round = sumRounder(format)
  const size = { rows: rows.length, columns: 1 }
  // Columns that fill four vectors (four numbers, where there is not even a vector) are added in one stream, the rest in four. Up to
  // four rows, both are plain sums.
  const lanes = lanesOf(format)
  const side = columns < (format === 'BF16' || format === 'F16' ? 2 * lanes : lanes) ? 1 : lanes
  const whole = rows.length <= STREAMS ? columns : columns - (columns % (STREAMS * side))
  const sums = new Float64Array(columns)
  if (rows.length < 16) {
    for (const row of rows) for (let i = 0; i < whole; i++) sums[i] = round(sums[i]! + row[i]!)
  } else for (let i = 0; i < whole; i++) sums[i] = cascade((row) => rows[row]![i]!, size, round)[0]!
  for (let i = whole; i < columns; i++) sums[i] = streamed((row) => rows[row]![i]!, size, round)[0]!
  return sums
}

/** Euclidean norm of `count` neighbours from `from` on, not rounded to the format. */
export function normRun(values: Numbers, format: FloatFormat, { from = 0, count = values.length } = {}): number {
  // torch has no vectors for float16 here.
  if (format === 'F16') return normAlong(values, format, { from, step: 1, count })
  const round = sumRounder(format)
  const lanes = lanesOf(format)
  const width = format === 'BF16' ? 2 * lanes : lanes
  const sums = new Float64Array(lanes)
  const whole = count - (count % width)
  for (let i = 0; i < whole; i++) {
    const x = values[from + i]!
    const k = i % lanes
    sums[k] = round(sums[k]! + round(x * x))
  }
  let sum = sums[0]!
  for (let k = 1; k < lanes; k++) sum = round(sum + sums[k]!)
  // The compiler of torch's packages made vectors of four of the rest, and what is left then is multiplied and added at once.
  const fused = fusedOf(format === 'F64' ? 'F64' : 'F32')
  const single = format === 'F64' ? whole : count - ((count - whole) % 4)
  for (let i = whole; i < count; i++) {
    const x = values[from + i]!
    sum = i < single ? round(sum + round(x * x)) : fused(x, x, sum)
  }
  return round(Math.sqrt(sum))
}

/** Euclidean norm of `count` values that lie `step` apart. */
export function normAcross(
  values: Numbers,
  format: FloatFormat,
  at: { from: number; step: number; count: number },
): number {
  return at.step === 1 ? normRun(values, format, at) : normAlong(values, format, at)
}

/** One by one. */
function normAlong(values: Numbers, format: FloatFormat, at: { from: number; step: number; count: number }): number {
  const round = sumRounder(format)
  let sum = 0
  for (let i = 0; i < at.count; i++) {
    const x = values[at.from + i * at.step]!
    sum = round(sum + round(x * x))
  }
  return round(Math.sqrt(sum))
}

/** The product of two vectors, not rounded to the format. */
export function dotOf(a: Numbers, b: Numbers, format: FloatFormat): number {
  const round = sumRounder(format)
  let sum = 0
  for (let i = 0; i < a.length; i++) sum = round(sum + a[i]! * b[i]!)
  return sum
}
