// Sums, histograms and counts of the entries of a strip. Sums are float64, of four interleaved parts: they depend on the strip alone.

/** Adds four float32 values, widened, to two pairs of float64 sums. */
@inline function low(x: v128): v128 {
  return f64x2.promote_low_f32x4(x)
}
@inline function high(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0))
}
@inline function sumOf(a: v128, b: v128): f64 {
  const both = f64x2.add(a, b)
  return f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1)
}

@inline function laneSum(x: v128): i32 {
  return i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3)
}

/** Σ |v| */
export function magnitudes(v: usize, size: i32): f64 {
  let a = f64x2.splat(0)
  let b = a
  let i = 0
  for (; i + 4 <= size; i += 4, v += 16) {
    const x = f32x4.abs(v128.load(v))
    a = f64x2.add(a, low(x))
    b = f64x2.add(b, high(x))
  }
  let sum = sumOf(a, b)
  for (; i < size; i++, v += 4) sum += <f64>Mathf.abs(load<f32>(v))
  return sum
}

/** Σ x y */
export function dot(x: usize, y: usize, size: i32): f64 {
  let a = f64x2.splat(0)
  let b = a
  let i = 0
  for (; i + 4 <= size; i += 4, x += 16, y += 16) {
    const p = v128.load(x)
    const q = v128.load(y)
    a = f64x2.add(a, f64x2.mul(low(p), low(q)))
    b = f64x2.add(b, f64x2.mul(high(p), high(q)))
  }
  let sum = sumOf(a, b)
  for (; i < size; i++, x += 4, y += 4) sum += <f64>load<f32>(x) * <f64>load<f32>(y)
  return sum
}

/** Σ v */
export function total(v: usize, size: i32): f64 {
  let a = f64x2.splat(0)
  let b = a
  let i = 0
  for (; i + 4 <= size; i += 4, v += 16) {
    const x = v128.load(v)
    a = f64x2.add(a, low(x))
    b = f64x2.add(b, high(x))
  }
  let sum = sumOf(a, b)
  for (; i < size; i++, v += 4) sum += <f64>load<f32>(v)
  return sum
}

/** Σ (y - x)², each difference rounded to float32 */
export function distance(x: usize, y: usize, size: i32): f64 {
  let a = f64x2.splat(0)
  let b = a
  let i = 0
  for (; i + 4 <= size; i += 4, x += 16, y += 16) {
    const d = f32x4.sub(v128.load(y), v128.load(x))
    a = f64x2.add(a, f64x2.mul(low(d), low(d)))
    b = f64x2.add(b, f64x2.mul(high(d), high(d)))
  }
  let sum = sumOf(a, b)
  for (; i < size; i++, x += 4, y += 4) {
    const d = <f64>(load<f32>(y) - load<f32>(x))
    sum += d * d
  }
  return sum
}

/**
 * Of d = y - x, rounded to float32: seven float64 at `to`: Σ x², Σ y², Σ x y, Σ d, Σ d², the number of d that are 0, the largest |d|.
 * One piece, so that each entry is loaded once.
 */
export function compare(x: usize, y: usize, size: i32, to: usize): void {
  const zero = f32x4.splat(0)
  let x0 = f64x2.splat(0), x1 = x0, y0 = x0, y1 = x0, xy0 = x0, xy1 = x0, s0 = x0, s1 = x0, d0 = x0, d1 = x0
  let zeros = i32x4.splat(0)
  let most = zero
  let i = 0
  for (; i + 4 <= size; i += 4, x += 16, y += 16) {
    const p = v128.load(x)
    const q = v128.load(y)
    const d = f32x4.sub(q, p)
    zeros = i32x4.sub(zeros, f32x4.eq(d, zero))
    most = f32x4.pmax(most, f32x4.abs(d))
    let a = low(p)
    let b = low(q)
    let c = low(d)
    x0 = f64x2.add(x0, f64x2.mul(a, a))
    y0 = f64x2.add(y0, f64x2.mul(b, b))
    xy0 = f64x2.add(xy0, f64x2.mul(a, b))
    s0 = f64x2.add(s0, c)
    d0 = f64x2.add(d0, f64x2.mul(c, c))
    a = high(p)
    b = high(q)
    c = high(d)
    x1 = f64x2.add(x1, f64x2.mul(a, a))
    y1 = f64x2.add(y1, f64x2.mul(b, b))
    xy1 = f64x2.add(xy1, f64x2.mul(a, b))
    s1 = f64x2.add(s1, c)
    d1 = f64x2.add(d1, f64x2.mul(c, c))
  }
  let xx = sumOf(x0, x1), yy = sumOf(y0, y1), xy = sumOf(xy0, xy1), s = sumOf(s0, s1), dd = sumOf(d0, d1)
  let none = laneSum(zeros)
  let one = Mathf.max(
    Mathf.max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    Mathf.max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  )
  for (; i < size; i++, x += 4, y += 4) {
    const p = load<f32>(x)
    const q = load<f32>(y)
    const d = q - p
    xx += <f64>p * <f64>p
    yy += <f64>q * <f64>q
    xy += <f64>p * <f64>q
    s += <f64>d
    dd += <f64>d * <f64>d
    none += d == 0 ? 1 : 0
    one = Mathf.max(one, Mathf.abs(d))
  }
  store<f64>(to, xx)
  store<f64>(to, yy, 8)
  store<f64>(to, xy, 16)
  store<f64>(to, s, 24)
  store<f64>(to, dd, 32)
  store<f64>(to, <f64>none, 40)
  store<f64>(to, <f64>one, 48)
}

/** Number of entries that are not 0. */
export function nonZero(v: usize, size: i32): i32 {
  const zero = f32x4.splat(0)
  let counts = i32x4.splat(0)
  let i = 0
  for (; i + 4 <= size; i += 4, v += 16) counts = i32x4.sub(counts, f32x4.ne(v128.load(v), zero))
  let count = laneSum(counts)
  for (; i < size; i++, v += 4) count += load<f32>(v) != 0 ? 1 : 0
  return count
}

/** Largest |v|. */
export function largest(v: usize, size: i32): f32 {
  let most = f32x4.splat(0)
  let i = 0
  for (; i + 4 <= size; i += 4, v += 16) most = f32x4.max(most, f32x4.abs(v128.load(v)))
  let one = Mathf.max(
    Mathf.max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    Mathf.max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  )
  for (; i < size; i++, v += 4) one = Mathf.max(one, Mathf.abs(load<f32>(v)))
  return one
}

@inline function count(counts: usize, bin: u32): void {
  const at = counts + (<usize>bin << 2)
  store<u32>(at, load<u32>(at) + 1)
}

/** Counts magnitudes by the upper 16 bits of their 31 (8 of exponent, 8 of fraction), which order like the numbers: 65,536 bins of u32. */
export function countUpper(v: usize, size: i32, counts: usize): void {
  for (let i = 0; i < size; i++, v += 4) count(counts, (load<u32>(v) & 0x7fffffff) >> 15)
}

/** Of the magnitudes in one bin of `countUpper`, counts the lower 15 bits: 32,768 bins of u32. */
export function countLower(v: usize, size: i32, upper: u32, counts: usize): void {
  const magnitude = i32x4.splat(0x7fffffff)
  const mask = i32x4.splat(0x7fff8000)
  const least = i32x4.splat(<i32>upper << 15)
  let leasts = i32x4.splat(0)
  let i = 0
  // Few vectors have another entry of the bin than its least one, which is 0 or a difference of two bf16 numbers in most deltas.
  for (; i + 8 <= size; i += 8, v += 32) {
    const a = v128.and(v128.load(v), magnitude)
    const b = v128.and(v128.load(v, 16), magnitude)
    const leastA = i32x4.eq(a, least)
    const leastB = i32x4.eq(b, least)
    leasts = i32x4.sub(leasts, i32x4.add(leastA, leastB))
    const otherA = v128.andnot(i32x4.eq(v128.and(a, mask), least), leastA)
    const otherB = v128.andnot(i32x4.eq(v128.and(b, mask), least), leastB)
    if (v128.any_true(v128.or(otherA, otherB))) countOthers(v, 8, upper, counts)
  }
  store<u32>(counts, load<u32>(counts) + laneSum(leasts))
  for (; i < size; i++, v += 4) if (((load<u32>(v) & 0x7fffffff) >> 15) == upper) count(counts, load<u32>(v) & 0x7fff)
}

/** All but those whose lower bits are 0. */
function countOthers(v: usize, size: i32, upper: u32, counts: usize): void {
  for (let i = 0; i < size; i++, v += 4) {
    const bits = load<u32>(v) & 0x7fffffff
    const bin = bits & 0x7fff
    if (bin != 0 && bits >> 15 == upper) count(counts, bin)
  }
}

/** Number of magnitudes with exactly these bits. */
export function countEqual(v: usize, size: i32, bits: i32): i32 {
  const magnitude = i32x4.splat(0x7fffffff)
  const wanted = i32x4.splat(bits)
  let counts = i32x4.splat(0)
  let i = 0
  for (; i + 4 <= size; i += 4, v += 16) counts = i32x4.sub(counts, i32x4.eq(v128.and(v128.load(v), magnitude), wanted))
  let found = laneSum(counts)
  for (; i < size; i++, v += 4) found += (load<i32>(v) & 0x7fffffff) == bits ? 1 : 0
  return found
}

/** Index of the n-th (from 1) magnitude with exactly these bits; -1 where there are fewer. */
export function findEqual(v: usize, size: i32, bits: i32, n: i32): i32 {
  for (let i = 0; i < size; i++, v += 4) if ((load<i32>(v) & 0x7fffffff) == bits && --n == 0) return i
  return -1
}
