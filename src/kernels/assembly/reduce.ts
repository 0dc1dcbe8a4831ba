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

/** Number of entries that are not 0. */
export function nonZero(v: usize, size: i32): i32 {
  const zero = f32x4.splat(0)
  let counts = i32x4.splat(0)
  let i = 0
  for (; i + 4 <= size; i += 4, v += 16) counts = i32x4.sub(counts, f32x4.ne(v128.load(v), zero))
  let count = i32x4.extract_lane(counts, 0) + i32x4.extract_lane(counts, 1) + i32x4.extract_lane(counts, 2) + i32x4.extract_lane(counts, 3)
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
  for (let i = 0; i < size; i++, v += 4) {
    const bits = load<u32>(v) & 0x7fffffff
    if (bits >> 15 == upper) count(counts, bits & 0x7fff)
  }
}

/** Number of magnitudes with exactly these bits. */
export function countEqual(v: usize, size: i32, bits: i32): i32 {
  const magnitude = i32x4.splat(0x7fffffff)
  const wanted = i32x4.splat(bits)
  let counts = i32x4.splat(0)
  let i = 0
  for (; i + 4 <= size; i += 4, v += 16) counts = i32x4.sub(counts, i32x4.eq(v128.and(v128.load(v), magnitude), wanted))
  let found = i32x4.extract_lane(counts, 0) + i32x4.extract_lane(counts, 1) + i32x4.extract_lane(counts, 2) + i32x4.extract_lane(counts, 3)
  for (; i < size; i++, v += 4) found += (load<i32>(v) & 0x7fffffff) == bits ? 1 : 0
  return found
}

/** Index of the n-th (from 1) magnitude with exactly these bits; -1 where there are fewer. */
export function findEqual(v: usize, size: i32, bits: i32, n: i32): i32 {
  for (let i = 0; i < size; i++, v += 4) if ((load<i32>(v) & 0x7fffffff) == bits && --n == 0) return i
  return -1
}
