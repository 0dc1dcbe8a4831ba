// Sums, histograms and counts of the entries of a strip. Sums are float64, of four interleaved parts: they depend on the strip alone.

/** Two float32 in memory, or of a vector, as float64. From memory it takes the processor half as long. */
@inline function pair(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at))
}
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

@inline function count(at: usize): void {
  store<u32>(at, load<u32>(at) + 1)
}

@inline function append(x: u32, to: usize): usize {
  store<u32>(to, x & 0x7fffffff)
  return to + (x & 0x7fff ? 4 : 0)
}

/**
 * Of d = y - x, rounded to float32: seven float64 at `to`: Σ x², Σ y², Σ x y, Σ d, Σ d², the number of d that are 0, the largest |d|.
 * Besides, |d| are counted by the upper 16 bits of their 31 (8 of exponent, 8 of fraction), which order like the numbers: 65,536 bins of u32.
 * Those whose other bits are not all 0 are listed, up to `most` and at most 1,024 more: at `list` their number, u32, and then their bits.
 * One piece, so that each entry is loaded once, and the processor counts some while it adds others.
 */
export function compare(x: usize, y: usize, size: i32, to: usize, counts: usize, list: usize, most: u32): void {
  const zero = f32x4.splat(0)
  // 4 times the bin is the place of its count.
  const places = i32x4.splat(0xffff << 2)
  const table = i32x4.splat(<i32>counts)
  const others = i32x4.splat(0x7fff)
  let x0 = f64x2.splat(0), x1 = x0, y0 = x0, y1 = x0, xy0 = x0, xy1 = x0, s0 = x0, s1 = x0, d0 = x0, d1 = x0
  let zeros = i32x4.splat(0)
  let peak = zero
  let i = 0
  for (const whole = size & ~3; i < whole; ) {
    const isListing = load<u32>(list) <= most
    const begin = list + 4 + (<usize>load<u32>(list) << 2)
    let end = begin
    for (const stop = min(whole, i + 1024); i < stop; i += 4, x += 16, y += 16) {
      const d = f32x4.sub(v128.load(y), v128.load(x))
      const at = i32x4.add(v128.and(i32x4.shr_u(d, 13), places), table)
      count(<usize>i32x4.extract_lane(at, 0))
      count(<usize>i32x4.extract_lane(at, 1))
      count(<usize>i32x4.extract_lane(at, 2))
      count(<usize>i32x4.extract_lane(at, 3))
      if (isListing && v128.any_true(v128.and(d, others))) {
        end = append(i32x4.extract_lane(d, 0), end)
        end = append(i32x4.extract_lane(d, 1), end)
        end = append(i32x4.extract_lane(d, 2), end)
        end = append(i32x4.extract_lane(d, 3), end)
      }
      zeros = i32x4.sub(zeros, f32x4.eq(d, zero))
      peak = f32x4.pmax(peak, f32x4.abs(d))
      let a = pair(x)
      let b = pair(y)
      let c = low(d)
      x0 = f64x2.add(x0, f64x2.mul(a, a))
      y0 = f64x2.add(y0, f64x2.mul(b, b))
      xy0 = f64x2.add(xy0, f64x2.mul(a, b))
      s0 = f64x2.add(s0, c)
      d0 = f64x2.add(d0, f64x2.mul(c, c))
      a = pair(x + 8)
      b = pair(y + 8)
      c = high(d)
      x1 = f64x2.add(x1, f64x2.mul(a, a))
      y1 = f64x2.add(y1, f64x2.mul(b, b))
      xy1 = f64x2.add(xy1, f64x2.mul(a, b))
      s1 = f64x2.add(s1, c)
      d1 = f64x2.add(d1, f64x2.mul(c, c))
    }
    store<u32>(list, load<u32>(list) + <u32>((end - begin) >> 2))
  }
  let xx = sumOf(x0, x1), yy = sumOf(y0, y1), xy = sumOf(xy0, xy1), s = sumOf(s0, s1), dd = sumOf(d0, d1)
  let none = laneSum(zeros)
  let one = Mathf.max(
    Mathf.max(f32x4.extract_lane(peak, 0), f32x4.extract_lane(peak, 1)),
    Mathf.max(f32x4.extract_lane(peak, 2), f32x4.extract_lane(peak, 3)),
  )
  for (; i < size; i++, x += 4, y += 4) {
    const p = load<f32>(x)
    const q = load<f32>(y)
    const d = q - p
    const bits = reinterpret<u32>(d)
    count(counts + <usize>((bits & 0x7fffffff) >> 15 << 2))
    const listed = load<u32>(list)
    if (listed <= most && bits & 0x7fff) {
      store<u32>(list + 4 + (<usize>listed << 2), bits & 0x7fffffff)
      store<u32>(list, listed + 1)
    }
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

/** Counts of bins, u32, a multiple of four of them → at `to` those that are not 0, each bin followed by its count. Returns how many. */
export function packCounts(counts: usize, bins: i32, to: usize): i32 {
  const begin = to
  for (let bin = 0; bin < bins; bin += 4, counts += 16) {
    if (!v128.any_true(v128.load(counts))) continue
    for (let i = 0; i < 4; i++) {
      const count = load<u32>(counts + (<usize>i << 2))
      store<u32>(to, bin + i)
      store<u32>(to, count, 4)
      to += count ? 8 : 0
    }
  }
  return <i32>(to - begin) >> 3
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
