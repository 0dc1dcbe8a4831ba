// Exact quantiles of magnitudes in two passes over the data, without sorting: the bits of a non-negative float32 order like
// the numbers themselves, so the upper 16 bits give a histogram and the lower 15 the place inside one of its bins.

const SHIFT = 15
export const BINS = 1 << 16

/** Counts of |value| by the upper 16 bits (8 of exponent, 8 of fraction). */
export function countMagnitudes(values: Float32Array, counts: Float64Array = new Float64Array(BINS)): Float64Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) counts[(bits[i]! & 0x7fffffff) >>> SHIFT]!++
  return counts
}

/** The bin of the ⌈q·n⌉-th smallest magnitude, and how many of its bin come before it. */
function locate(counts: Float64Array, n: number, q: number): { bin: number; before: number } {
  const rank = Math.max(1, Math.ceil(q * n)) - 1
  let seen = 0
  let bin = 0
  while (seen + counts[bin]! <= rank) seen += counts[bin++]!
  return { bin, before: rank - seen }
}

/** For each q the ⌈q·n⌉-th smallest |value|: an entry of the data, never interpolated. NaN when there is no data. */
export function quantiles(values: Float32Array, counts: Float64Array, qs: readonly number[]): number[] {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const places = values.length ? qs.map((q) => locate(counts, values.length, q)) : []
  const fine = new Map(places.map(({ bin }) => [bin, new Uint32Array(1 << SHIFT)]))
  const wanted = new Uint8Array(BINS)
  for (const bin of fine.keys()) wanted[bin] = 1
  for (let i = 0; i < bits.length && fine.size; i++) {
    const bin = (bits[i]! & 0x7fffffff) >>> SHIFT
    if (wanted[bin]) fine.get(bin)![bits[i]! & 0x7fff]!++
  }
  return qs.map((_, i) => {
    if (!places.length) return NaN
    const { bin, before } = places[i]!
    const inside = fine.get(bin)!
    let low = 0
    for (let seen = inside[0]!; seen <= before; seen += inside[low]!) low++
    return toFloat((bin << SHIFT) | low)
  })
}

/** Quantiles from the counts alone, for many tensors together: the middle of the bin, within 0.2 %. */
export function coarseQuantiles(counts: Float64Array, qs: readonly number[]): number[] {
  const n = counts.reduce((sum, count) => sum + count, 0)
  return qs.map((q) => {
    if (!n) return NaN
    const { bin } = locate(counts, n, q)
    return bin === 0 ? 0 : toFloat((bin << SHIFT) | (1 << (SHIFT - 1)))
  })
}

const word = new Uint32Array(1)
const toFloat = (bits: number): number => {
  word[0] = bits
  return new Float32Array(word.buffer)[0]!
}
