// Helpers of editors that multiply each entry by its own factor: a scan finds the factors, the edit multiplies.
import { type EntriesProgram, type Stage, sumOf } from '../kernels/index.js'
import { countEntries, largest, type Tensor, tf } from '../tensor/index.js'

/** Which entries are ranked against each other: those of a row (last axis; a vector is one row), a tensor, or the whole model. */
export type Granularity = 'row' | 'tensor' | 'model'

/** delta × factors; `offset` is the index of the block's first entry in the whole tensor. */
export function scaleEntries(delta: Tensor, factors: Float32Array, offset: number): Tensor {
  return delta.mul(tf.tensor(factors.subarray(offset, offset + delta.size), delta.shape))
}

/** [begin, end) of each group of entries that are ranked together. */
export function groupsOf(shape: readonly number[], granularity: Granularity): [begin: number, end: number][] {
  const size = countEntries(shape)
  if (granularity !== 'row' || size === 0) return [[0, size]]
  const columns = shape.at(-1) ?? 1
  return Array.from({ length: size / columns }, (_, row) => [row * columns, (row + 1) * columns])
}

/** Sets `factors` to `factor` at the k entries of largest magnitude in [begin, end); ties go to the lowest index. */
export function markLargest(
  values: Float32Array,
  [begin, end]: readonly [number, number],
  { k, factor }: { k: number; factor: number },
  factors: Float32Array,
): void {
  const part = values.subarray(begin, end)
  const { threshold, lastTie } = largest(part, k)
  for (let i = 0; i < part.length; i++) {
    const magnitude = Math.abs(part[i]!)
    if (magnitude > threshold || (magnitude === threshold && i <= lastTie)) factors[begin + i] = factor
  }
}

/** The factor that gives the scaled entries the L1 norm of the values, as mergekit does; 1 where either norm is below 1e-7. */
export function l1Factor(values: Float32Array, factors: ArrayLike<number>): number {
  let [whole, kept] = [0, 0]
  for (let i = 0; i < values.length; i++) {
    whole += Math.abs(values[i]!)
    kept += Math.abs(values[i]! * factors[i]!)
  }
  return l1Ratio(whole, kept)
}

/** The same from the two norms. */
const l1Ratio = (whole: number, kept: number): number => (whole < 1e-7 || kept < 1e-7 ? 1 : whole / kept)

/** Stages on kernels, and the factor that gives the values the L1 norm that they had before; one pass finds both norms. */
export function* keepNorm(stages: readonly Stage[]): EntriesProgram<void> {
  yield* stages
  const [whole, kept] = yield [{ sum: 'magnitudes', back: stages.length }, { sum: 'magnitudes' }]
  yield { stage: 'scale', factor: l1Ratio(sumOf(whole!), sumOf(kept!)) }
}

/** Share of the entries that are exactly 0. */
export function zeroShare(factors: Float32Array): number {
  let zeros = 0
  for (const factor of factors) if (factor === 0) zeros++
  return zeros / factors.length
}

/** Indices in ascending order of magnitude, equal ones by index. */
export function orderByMagnitude(values: Float32Array): Uint32Array {
  const n = values.length
  if (n > 2 ** 22)
    return Uint32Array.from({ length: n }, (_, i) => i).sort(
      (a, b) => Math.abs(values[a]!) - Math.abs(values[b]!) || a - b,
    )
  // One number of 53 bits per entry: 31 bits of magnitude, which order like integers, then 22 bits of index. No comparator is needed.
  const bits = new Int32Array(values.buffer, values.byteOffset, n)
  const keys = Float64Array.from({ length: n }, (_, i) => (bits[i]! & 0x7fffffff) * 2 ** 22 + i).sort()
  return Uint32Array.from(keys, (key) => key % 2 ** 22)
}
