// Two strips entry by entry: sums of both, and a histogram of their differences (src/kernels/comparison.ts).
import { held } from './shared/vectors'
import { high, laneSum, low, pair, sumOf } from './shared/wide'

@inline function count(at: usize): void {
  store<u32>(at, load<u32>(at) + 1)
}

/**
 * Places in the table, one for each of eight numbers, where zeros are counted first: bins of positive NaN, which no difference of finite
 * numbers is. Most differences may be 0, and a count in memory that has just been written has to wait for that.
 */
const ZEROS: i32 = 0xfff0 << 2

/** Counts four numbers by their upper 17 bits. @param table its address, twice @param zeros where in it zeros are counted */
@inline function countFour(d: v128, table: i64, zeros: v128): void {
  const bins = i32x4.shl(i32x4.shr_u(d, 15), 2)
  const places = v128.or(bins, v128.and(i32x4.eq(d, i32x4.splat(0)), zeros))
  const first = i64x2.extract_lane(places, 0) + table
  count(<usize><u32>first)
  count(<usize>(<u64>first >> 32))
  const last = i64x2.extract_lane(places, 1) + table
  count(<usize><u32>last)
  count(<usize>(<u64>last >> 32))
}

/** Puts all zeros into their own bin. */
function gatherZeros(counts: usize): void {
  for (let i: usize = 0; i < 32; i += 4) {
    store<u32>(counts, load<u32>(counts) + load<u32>(counts + i, ZEROS))
    store<u32>(counts + i, 0, ZEROS)
  }
}

@inline function append(x: u32, to: usize): usize {
  store<u32>(to, x & 0x7fffffff)
  return to + (x & 0x7fff ? 4 : 0)
}

/** Four numbers without their lower 15 bits. */
@inline function least(d: v128): v128 {
  return i32x4.shl(i32x4.shr_u(d, 15), 15)
}

@inline function most4(x: v128): f32 {
  return max(max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)), max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)))
}

/** The first or the last four of eight entries, float32 or BF16, as float32. */
@inline function fourOf<T>(at: usize, last: bool): v128 {
  if (sizeof<T>() == 4) return last ? v128.load(at, 16) : v128.load(at)
  const zero = i32x4.splat(0)
  const halves = v128.load(at)
  if (last) return v128.shuffle<i16>(zero, halves, 4, 12, 5, 13, 6, 14, 7, 15)
  return v128.shuffle<i16>(zero, halves, 0, 8, 1, 9, 2, 10, 3, 11)
}

/** The first or the last two of four float32 as float64: from memory, where they are there. */
@inline function firstOf<T>(x: v128, at: usize): v128 { return sizeof<T>() == 4 ? pair(at) : low(x) }
@inline function lastOf<T>(x: v128, at: usize): v128 { return sizeof<T>() == 4 ? low(v128.load64_zero(at, 8)) : high(x) }

/**
 * Of d = y - x, rounded to float32: d are counted by their upper 17 bits (the sign, 8 of exponent, 8 of fraction), in 131,072 bins of u32.
 * |d| whose other bits are not all 0, which are fine, are listed up to about `most`: at `list` their number, u32, and then their bits.
 * At `to` seven float64: Σ x², Σ y², Σ x y, and what the bins do not tell: by how much fine d and their squares are more than what their
 * bins begin with, Σ and Σ; minus the number of fine d in bins that begin with 0; and the largest fine |d|.
 * One piece, so that each entry is loaded once, and the processor counts some while it adds others. No branch depends on an entry: one that
 * is not foreseen costs as much as thirty entries. So groups of eight with fine d are noted, and looked at again.
 * @param x address of entries with zeros behind them up to a multiple of eight @param y the same
 * @param noted room for an address, u32, of each group and one more
 */
@inline function compareAll<T>(x: usize, y: usize, size: i32, to: usize, counts: usize, list: usize, most: u32, noted: usize): void {
  const table = <i64>counts | (<i64>counts << 32)
  const between = y - x
  const zeros = held(i32x4(ZEROS, ZEROS + 4, ZEROS + 8, ZEROS + 12), size)
  const others = held(i32x4(ZEROS + 16, ZEROS + 20, ZEROS + 24, ZEROS + 28), size)
  let end = noted
  const zero = f64x2.splat(0)
  let x0 = zero, x1 = zero, y0 = zero, y1 = zero, xy0 = zero, xy1 = zero
  const stop = x + <usize>size * sizeof<T>()
  if (x < stop) do {
    const y = x + between
    let p = fourOf<T>(x, false), q = fourOf<T>(y, false)
    const d0 = f32x4.sub(q, p)
    countFour(d0, table, zeros)
    let a = firstOf<T>(p, x), b = firstOf<T>(q, y)
    x0 = f64x2.add(x0, f64x2.mul(a, a))
    y0 = f64x2.add(y0, f64x2.mul(b, b))
    xy0 = f64x2.add(xy0, f64x2.mul(a, b))
    a = lastOf<T>(p, x)
    b = lastOf<T>(q, y)
    x1 = f64x2.add(x1, f64x2.mul(a, a))
    y1 = f64x2.add(y1, f64x2.mul(b, b))
    xy1 = f64x2.add(xy1, f64x2.mul(a, b))
    p = fourOf<T>(x, true)
    q = fourOf<T>(y, true)
    const d1 = f32x4.sub(q, p)
    countFour(d1, table, others)
    a = firstOf<T>(p, x + 16)
    b = firstOf<T>(q, y + 16)
    x0 = f64x2.add(x0, f64x2.mul(a, a))
    y0 = f64x2.add(y0, f64x2.mul(b, b))
    xy0 = f64x2.add(xy0, f64x2.mul(a, b))
    a = lastOf<T>(p, x + 16)
    b = lastOf<T>(q, y + 16)
    x1 = f64x2.add(x1, f64x2.mul(a, a))
    y1 = f64x2.add(y1, f64x2.mul(b, b))
    xy1 = f64x2.add(xy1, f64x2.mul(a, b))
    store<u32>(end, <u32>x)
    end += <usize>v128.any_true(i32x4.shl(v128.or(d0, d1), 17)) << 2
    x += 8 * sizeof<T>()
  } while (x < stop)
  gatherZeros(counts)
  store<u32>(counts, load<u32>(counts) - (<u32>-size & 7))
  store<f64>(to, sumOf(x0, x1))
  store<f64>(to, sumOf(y0, y1), 8)
  store<f64>(to, sumOf(xy0, xy1), 16)
  refine<T>(noted, end, between, to + 24, list, most)
}

/** Of float32: up to 28 bytes behind x and y are written to. */
export function compare(x: usize, y: usize, size: i32, to: usize, counts: usize, list: usize, most: u32, noted: usize): void {
  const bytes = <usize>size << 2
  memory.fill(x + bytes, 0, -bytes & 31)
  memory.fill(y + bytes, 0, -bytes & 31)
  compareAll<f32>(x, y, size, to, counts, list, most, noted)
}

/** Of BF16 as it is stored. What is not finite is in the first two sums. */
export function compareBF16(x: usize, y: usize, size: i32, to: usize, counts: usize, list: usize, most: u32, noted: usize): void {
  compareAll<u16>(x, y, size, to, counts, list, most, noted)
}

/** What is found in the groups that were noted. @param between addresses of x and of y */
function refine<T>(noted: usize, end: usize, between: usize, to: usize, list: usize, most: u32): void {
  const zero = f32x4.splat(0)
  const begin = list + 4
  const full = begin + (<usize>most << 2)
  let listed = begin + (<usize>load<u32>(list) << 2)
  let s0 = zero, s1 = zero, q0 = zero, q1 = zero, peak = zero, small = zero
  for (; noted < end; noted += 4) {
    const x = <usize>load<u32>(noted)
    for (let i = 0; i < 2; i++) {
      const d = f32x4.sub(fourOf<T>(x + between, <bool>i), fourOf<T>(x, <bool>i))
      if (listed < full) {
        listed = append(i32x4.extract_lane(d, 0), listed)
        listed = append(i32x4.extract_lane(d, 1), listed)
        listed = append(i32x4.extract_lane(d, 2), listed)
        listed = append(i32x4.extract_lane(d, 3), listed)
      }
      const bin = least(d)
      const more = f32x4.sub(d, bin)
      peak = f32x4.pmax(peak, f32x4.abs(d))
      small = i32x4.add(small, v128.and(f32x4.eq(bin, zero), f32x4.ne(d, zero)))
      // d² - b² = (d - b) (d - b + 2 b)
      let r = low(more)
      let b = low(bin)
      s0 = f64x2.add(s0, r)
      q0 = f64x2.add(q0, f64x2.mul(r, f64x2.add(r, f64x2.add(b, b))))
      r = high(more)
      b = high(bin)
      s1 = f64x2.add(s1, r)
      q1 = f64x2.add(q1, f64x2.mul(r, f64x2.add(r, f64x2.add(b, b))))
    }
  }
  store<u32>(list, <u32>((listed - begin) >> 2))
  store<f64>(to, sumOf(s0, s1))
  store<f64>(to, sumOf(q0, q1), 8)
  store<f64>(to, <f64>laneSum(small), 16)
  store<f64>(to, <f64>most4(peak), 24)
}

/**
 * The counts of `compare` → at `to` those of magnitudes that are not 0, each bin followed by its count, u32. For each of the 256 exponents, at
 * `moments`, Σ m and, 2,048 bytes behind, Σ m² of what the bins begin with, m 2^(e - 135) (e at least 1): exact, as float64. Returns how many bins.
 */
export function packCounts(counts: usize, to: usize, moments: usize): i32 {
  const begin = to
  for (let exponent: i64 = 0, bin = 0; exponent < 256; exponent++, moments += 8) {
    const hidden: i64 = exponent ? 256 : 0
    let first: i64 = 0, second: i64 = 0
    for (let fraction: i64 = 0; fraction < 256; fraction += 4, bin += 4, counts += 16) {
      // Positive ones, and 65,536 bins behind them the others.
      if (!v128.any_true(v128.or(v128.load(counts), v128.load(counts, 1 << 18)))) continue
      for (let i = 0; i < 4; i++) {
        const positive = <i64>load<u32>(counts + (<usize>i << 2))
        const negative = <i64>load<u32>(counts + (<usize>i << 2), 1 << 18)
        const m = hidden + fraction + i
        first += (positive - negative) * m
        second += (positive + negative) * m * m
        store<u32>(to, bin + i)
        store<u32>(to, <u32>(positive + negative), 4)
        to += positive + negative ? 8 : 0
      }
    }
    store<f64>(moments, <f64>first)
    store<f64>(moments, <f64>second, 2048)
  }
  return <i32>(to - begin) >> 3
}
