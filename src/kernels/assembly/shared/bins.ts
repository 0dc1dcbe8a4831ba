// The entries of a row counted in bins of magnitudes: a bin bounds the ranks of its entries.
import { laneSum } from './wide'

/**
 * A bin leaves out so many bits of a magnitude: 8 bits of exponent and 6 of fraction remain, or 4 in short rows: all bins between the least
 * and the largest magnitude are walked through, whatever is in them. Each has two bins: the magnitude whose other bits are 0, of which most
 * differences of two bf16 numbers are, and the magnitudes above it.
 */
const SHIFT: i32 = 17
const SHORT_SHIFT: i32 = 19
/** Rows of fewer columns are short. */
export const SHORT: i32 = 2048
/** Bytes of the bins for entries that are 0: four of them, because one would have to wait for itself. They lie before the others. */
export const ZEROS: usize = 32
/** Bytes of all bins, whatever a magnitude's bits are, and of the vector behind them, in which the sums end. */
export const BINS: usize = ZEROS + 8 * ((1 << 14) + 2)

// The addresses of the first and the last bin of a row besides those of 0.
export let first: usize = 0
export let last: usize = 0

/** Where the bin of each of four magnitudes is, in bytes from the first that is not of 0. */
@inline function binsOf(bits: v128, shift: i32): v128 {
  const others = i32x4.splat((1 << shift) - 1)
  const twice = i32x4.add(i32x4.shr_u(bits, shift), i32x4.shr_u(i32x4.add(bits, others), shift))
  // Odd ones before the first: they are no bins of one magnitude.
  const zeros = i32x4(-28, -20, -12, -4)
  return v128.or(i32x4.shl(twice, 2), v128.and(i32x4.eq(bits, i32x4.splat(0)), zeros))
}

/** Counts an entry in its bin. @returns the count before it */
@inline function countIn(bin: usize): u32 {
  const place = load<u32>(bin)
  store<u32>(bin, place + 4)
  return place
}

/**
 * Counts the entries of a row in their bins: 4 for each, so that a rank is the place of its limit. The shift is to be a constant:
 * a variable one takes the processor twice as long.
 * @param bins address of those that are not of 0, zeroed
 * @param own receives the address of each entry's bin
 * @param places receives the count of its bin before each entry
 */
@inline function countRow(v: usize, bytes: usize, bins: usize, own: usize, places: usize, shift: i32): void {
  const magnitude = i32x4.splat(0x7fffffff)
  const starts = i32x4.splat(<i32>bins)
  let leasts = i32x4.splat(-1)
  let mosts = i32x4.splat(0)
  let i: usize = 0
  for (; i + 16 <= bytes; i += 16) {
    const bin = binsOf(v128.and(v128.load(v + i), magnitude), shift)
    leasts = i32x4.min_u(leasts, bin)
    mosts = i32x4.max_s(mosts, bin)
    const at = own + i
    const to = places + i
    v128.store(at, i32x4.add(bin, starts))
    const a = <usize>load<u32>(at)
    const b = <usize>load<u32>(at, 4)
    const c = <usize>load<u32>(at, 8)
    const d = <usize>load<u32>(at, 12)
    // To store is what takes longest: two places at a time.
    const even = <u64>countIn(a)
    store<u64>(to, even | (<u64>countIn(b) << 32))
    const next = <u64>countIn(c)
    store<u64>(to, next | (<u64>countIn(d) << 32), 8)
  }
  if (i < bytes) {
    // Behind the end of the row lies something else: more bins are walked through than need be.
    const bin = binsOf(v128.and(v128.load(v + i), magnitude), shift)
    leasts = i32x4.min_u(leasts, bin)
    mosts = i32x4.max_s(mosts, bin)
    v128.store(own + i, i32x4.add(bin, starts))
    for (; i < bytes; i += 4) store<u32>(places + i, countIn(<usize>load<u32>(own + i)))
  }
  const least = min(
    min(<u32>i32x4.extract_lane(leasts, 0), <u32>i32x4.extract_lane(leasts, 1)),
    min(<u32>i32x4.extract_lane(leasts, 2), <u32>i32x4.extract_lane(leasts, 3)),
  )
  const most = max(
    max(i32x4.extract_lane(mosts, 0), i32x4.extract_lane(mosts, 1)),
    max(i32x4.extract_lane(mosts, 2), i32x4.extract_lane(mosts, 3)),
  )
  // Whole vectors of bins; none where all entries are 0.
  first = bins + (<usize>least & ~15)
  last = bins + (<usize>most & ~15)
  if (most < 0) first = last + 16
}

export function countShort(v: usize, bytes: usize, bins: usize, own: usize, places: usize): void {
  countRow(v, bytes, bins, own, places, SHORT_SHIFT)
}

export function countLong(v: usize, bytes: usize, bins: usize, own: usize, places: usize): void {
  countRow(v, bytes, bins, own, places, SHIFT)
}

/** Makes the counts of the bins of a row 4 times the number of magnitudes below each. */
export function sumBins(bins: usize): void {
  const none = i32x4.splat(0)
  let sums = i32x4.splat(laneSum(i32x4.add(v128.load(bins - 32), v128.load(bins - 16))))
  v128.store(bins - 32, none)
  v128.store(bins - 16, none)
  for (let at = first; at <= last; at += 16) {
    const sizes = v128.load(at)
    const pairs = i32x4.add(sizes, v128.shuffle<i32>(none, sizes, 0, 4, 5, 6))
    const all = i32x4.add(pairs, v128.shuffle<i32>(none, pairs, 0, 1, 4, 5))
    v128.store(at, i32x4.add(sums, i32x4.sub(all, sizes)))
    sums = i32x4.add(sums, v128.shuffle<i32>(all, all, 3, 3, 3, 3))
  }
  v128.store(last + 16, sums)
}
