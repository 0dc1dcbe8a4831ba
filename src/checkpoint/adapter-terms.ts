// Lines of a tensor that are sums of vectors, on a kernel: a part of the columns at a time, so that the vectors stay in the cache.
import { instantiate } from '../kernels/index.js'
import { round } from './dtype.js'

/** A line is Σ coefficient · vector over the rank. */
export interface Terms {
  rank: number
  /** [lines, rank] */
  coefficients: Float64Array
  /** [rank, columns] */
  vectors: Float32Array | Float64Array
}

/** Numbers of each kind that the kernel works on at a time, about. */
const WORKING = 1 << 14

type SumTerms = (
  values: number,
  coefficients: number,
  vectors: number,
  lines: number,
  rank: number,
  columns: number,
  adds: boolean,
) => void

let kernel: { memory: WebAssembly.Memory; sumTerms: SumTerms } | undefined

/** The kernel, and room for so many bytes. */
function kernelWith(bytes: number): NonNullable<typeof kernel> {
  if (!kernel) {
    const memory = new WebAssembly.Memory({ initial: 1 })
    kernel = { memory, ...instantiate<{ sumTerms: SumTerms }>('terms', memory) }
  }
  const missing = bytes - kernel.memory.buffer.byteLength
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / 65536))
  return kernel
}

const padded = (count: number): number => Math.ceil(count / 4) * 4
/** A multiple of 4 not above the count, and not 0. */
const fitting = (count: number): number => Math.max(4, Math.floor(count / 4) * 4)

/**
 * Adds the lines to the values that begin with them: each sum in float64 in the order of the terms, and rounded once, with the value or,
 * where a `dtype` is given, before, to float32 and to that.
 */
export function addTerms(
  values: Float32Array,
  { rank, coefficients, vectors }: Terms,
  columns: number,
  dtype: string | null,
): void {
  const lines = coefficients.length / rank
  const width = Math.min(padded(columns), fitting(WORKING / rank))
  const height = Math.min(padded(lines), fitting(WORKING / Math.max(width, rank)))
  const [atCoefficients, atVectors] = [4 * height * width, 4 * height * width + 8 * height * rank]
  const { memory, sumTerms } = kernelWith(atVectors + 8 * rank * width)
  const sums = new Float32Array(memory.buffer, 0, height * width)
  const factors = new Float64Array(memory.buffer, atCoefficients, height * rank)
  const held = new Float64Array(memory.buffer, atVectors, rank * width)
  for (let column = 0; column < columns; column += width) {
    const count = Math.min(width, columns - column)
    held.fill(0)
    for (let k = 0; k < rank; k++)
      held.set(vectors.subarray(k * columns + column, k * columns + column + count), k * width)
    for (let first = 0; first < lines; first += height) {
      const end = Math.min(lines, first + height)
      factors.set(coefficients.subarray(first * rank, end * rank))
      const own = (line: number) => values.subarray(line * columns + column, line * columns + column + count)
      const made = (line: number) => sums.subarray((line - first) * width, (line - first) * width + count)
      if (dtype === null) for (let line = first; line < end; line++) made(line).set(own(line))
      sumTerms(0, atCoefficients, atVectors, padded(end - first), rank, width, dtype === null)
      for (let line = first; line < end; line++)
        if (dtype === null) own(line).set(made(line))
        else addScaled(own(line), round(made(line).slice(), dtype), 1)
    }
  }
}

/** values += scale × more */
export function addScaled(values: Float32Array, more: Float32Array, scale: number): void {
  for (let i = 0; i < values.length; i++) values[i]! += scale * more[i]!
}
