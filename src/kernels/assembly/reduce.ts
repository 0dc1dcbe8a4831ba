// Sums, histograms and counts of the entries of a strip. Sums are float64, of four interleaved parts: they depend on the strip alone.

import { high, laneSum, low, pair, sumOf } from './shared/wide'

/** Σ |v| */
export function magnitudes(v: usize, size: i32): f64 {
  let a = f64x2.splat(0)
  let b = a
  let i = 0
  for (; i + 4 <= size; i += 4, v += 16) {
    a = f64x2.add(a, f64x2.abs(pair(v)))
    b = f64x2.add(b, f64x2.abs(pair(v + 8)))
  }
  let sum = sumOf(a, b)
  for (; i < size; i++, v += 4) sum += <f64>Mathf.abs(load<f32>(v))
  return sum
}

@inline function magnitude(at: usize): v128 {
  return f64x2.abs(pair(at))
}

/** All ones in those of four entries whose bit is set, the lowest four of a word. */
@inline function whereSet(word: v128): v128 {
  const bits = i32x4(1, 2, 4, 8)
  return i32x4.eq(v128.and(word, bits), bits)
}

/** Of two entries, the first or the last of four, what is not dropped. */
@inline function first(x: v128, dropped: v128): v128 {
  return v128.andnot(x, v128.shuffle<i32>(dropped, dropped, 0, 0, 1, 1))
}
@inline function last(x: v128, dropped: v128): v128 {
  return v128.andnot(x, v128.shuffle<i32>(dropped, dropped, 2, 2, 3, 3))
}

/** At `to` Σ |v|, and Σ |v| of the entries whose bit from `bits` on is not set, each summed as by `magnitudes`. */
export function norms(v: usize, bits: usize, size: i32, to: usize): void {
  let a = f64x2.splat(0), b = a, c = a, d = a
  let i = 0
  for (; i + 8 <= size; i += 8, v += 32, bits++) {
    const word = v128.load8_splat(bits)
    let dropped = whereSet(word)
    a = f64x2.add(a, magnitude(v))
    b = f64x2.add(b, magnitude(v + 8))
    c = f64x2.add(c, first(magnitude(v), dropped))
    d = f64x2.add(d, last(magnitude(v + 8), dropped))
    dropped = whereSet(i32x4.shr_u(word, 4))
    a = f64x2.add(a, magnitude(v + 16))
    b = f64x2.add(b, magnitude(v + 24))
    c = f64x2.add(c, first(magnitude(v + 16), dropped))
    d = f64x2.add(d, last(magnitude(v + 24), dropped))
  }
  let word = load<u8>(bits)
  if (i + 4 <= size) {
    const dropped = whereSet(i32x4.splat(word))
    a = f64x2.add(a, magnitude(v))
    b = f64x2.add(b, magnitude(v + 8))
    c = f64x2.add(c, first(magnitude(v), dropped))
    d = f64x2.add(d, last(magnitude(v + 8), dropped))
    i += 4
    v += 16
    word >>= 4
  }
  let all = sumOf(a, b)
  let kept = sumOf(c, d)
  for (; i < size; i++, v += 4, word >>= 1) {
    const one = <f64>Mathf.abs(load<f32>(v))
    all += one
    kept += word & 1 ? 0 : one
  }
  store<f64>(to, all)
  store<f64>(to, kept, 8)
}

/** Σ x y */
export function dot(x: usize, y: usize, size: i32): f64 {
  let a = f64x2.splat(0)
  let b = a
  let i = 0
  for (; i + 4 <= size; i += 4, x += 16, y += 16) {
    a = f64x2.add(a, f64x2.mul(pair(x), pair(y)))
    b = f64x2.add(b, f64x2.mul(pair(x + 8), pair(y + 8)))
  }
  let sum = sumOf(a, b)
  for (; i < size; i++, x += 4, y += 4) sum += <f64>load<f32>(x) * <f64>load<f32>(y)
  return sum
}

/** At `to` Σ x y, Σ x² and Σ y², each summed as by `dot`. */
export function dots(x: usize, y: usize, size: i32, to: usize): void {
  let a = f64x2.splat(0), b = a, c = a, d = a, e = a, f = a
  let i = 0
  for (; i + 4 <= size; i += 4, x += 16, y += 16) {
    const x0 = pair(x), x1 = pair(x + 8), y0 = pair(y), y1 = pair(y + 8)
    a = f64x2.add(a, f64x2.mul(x0, y0))
    b = f64x2.add(b, f64x2.mul(x1, y1))
    c = f64x2.add(c, f64x2.mul(x0, x0))
    d = f64x2.add(d, f64x2.mul(x1, x1))
    e = f64x2.add(e, f64x2.mul(y0, y0))
    f = f64x2.add(f, f64x2.mul(y1, y1))
  }
  let xy = sumOf(a, b)
  let xx = sumOf(c, d)
  let yy = sumOf(e, f)
  for (; i < size; i++, x += 4, y += 4) {
    const u = <f64>load<f32>(x)
    const v = <f64>load<f32>(y)
    xy += u * v
    xx += u * u
    yy += v * v
  }
  store<f64>(to, xy)
  store<f64>(to, xx, 8)
  store<f64>(to, yy, 16)
}

/**
 * At `to` Σ x y, float64, of x with each of `count` rows of `size` entries from y on, each summed as by `dot`: two rows at a time, so that x
 * becomes float64 once for both.
 */
export function dotRows(x: usize, y: usize, size: i32, count: i32, to: usize): void {
  const row = <usize>size << 2
  const whole = row & ~15
  for (; count >= 2; count -= 2, y += 2 * row, to += 16) {
    const z = y + row
    let a = f64x2.splat(0)
    let b = a, c = a, d = a
    let i: usize = 0
    for (; i < whole; i += 16) {
      let v = pair(x + i)
      a = f64x2.add(a, f64x2.mul(v, pair(y + i)))
      c = f64x2.add(c, f64x2.mul(v, pair(z + i)))
      v = pair(x + i + 8)
      b = f64x2.add(b, f64x2.mul(v, pair(y + i + 8)))
      d = f64x2.add(d, f64x2.mul(v, pair(z + i + 8)))
    }
    let first = sumOf(a, b)
    let second = sumOf(c, d)
    for (; i < row; i += 4) {
      first += <f64>load<f32>(x + i) * <f64>load<f32>(y + i)
      second += <f64>load<f32>(x + i) * <f64>load<f32>(z + i)
    }
    store<f64>(to, first)
    store<f64>(to, second, 8)
  }
  if (count) store<f64>(to, dot(x, y, size))
}

/** Σ v */
export function total(v: usize, size: i32): f64 {
  let a = f64x2.splat(0)
  let b = a
  let i = 0
  for (; i + 4 <= size; i += 4, v += 16) {
    a = f64x2.add(a, pair(v))
    b = f64x2.add(b, pair(v + 8))
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
