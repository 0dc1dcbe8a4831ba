// What a pass of a model does besides products: norms, softmax, gates and rotations, each as one kernel over rows `from` … `to` − 1 of its
// unit. Addresses are bytes and sizes entries. Each row is computed by one thread in one order. NaN stays NaN.

const LOG2E: f32 = 1.4426950408889634
/** ln 2 in two parts, so that n·ln 2 loses nothing (Cody and Waite 1980). */
const LN2_HIGH: f32 = 0.693359375
const LN2_LOW: f32 = -2.12194440e-4

@inline function madd(a: v128, b: v128, c: v128): v128 { return f32x4.add(f32x4.mul(a, b), c) }

/** 2ⁿ as a float, for −126 ≤ n ≤ 127. */
@inline function power(n: v128): v128 { return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23) }

/** Where eˣ is no normal number any more. Processors take many times as long for the others. */
const LOWEST: f32 = -87.3

/** eˣ of four entries within 2 units in the last place (the polynomial of Cephes' expf); 0 below LOWEST and ∞ above 89. */
@inline function exp4(x: v128): v128 {
  const bounded = f32x4.max(f32x4.min(x, f32x4.splat(89)), f32x4.splat(LOWEST))
  const turns = f32x4.nearest(f32x4.mul(bounded, f32x4.splat(LOG2E)))
  const r = madd(turns, f32x4.splat(-LN2_LOW), madd(turns, f32x4.splat(-LN2_HIGH), bounded))
  let p = madd(f32x4.splat(1.9875691500e-4), r, f32x4.splat(1.3981999507e-3))
  p = madd(p, r, f32x4.splat(8.3334519073e-3))
  p = madd(p, r, f32x4.splat(4.1665795894e-2))
  p = madd(p, r, f32x4.splat(1.6666665459e-1))
  p = madd(p, r, f32x4.splat(5.0000001201e-1))
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), f32x4.splat(1))
  // In two steps, because 2ⁿ itself may be below or beyond a float.
  const n = i32x4.trunc_sat_f32x4_s(turns)
  const half = i32x4.shr_s(n, 1)
  return v128.andnot(f32x4.mul(f32x4.mul(p, power(half)), power(i32x4.sub(n, half))), f32x4.lt(x, f32x4.splat(LOWEST)))
}

@inline function exp1(x: f32): f32 { return f32x4.extract_lane(exp4(f32x4.splat(x)), 0) }

/** 1 / (1 + e⁻ˣ) */
@inline function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1)
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))))
}

@inline function total4(x: v128): f32 {
  return (f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1)) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3))
}

/** Σ of a row of products, four sums at a time. */
@inline function inner(x: usize, y: usize, bytes: usize): f32 {
  let sum = f32x4.splat(0), other = f32x4.splat(0)
  let i: usize = 0
  for (; i + 32 <= bytes; i += 32) {
    sum = madd(v128.load(x + i), v128.load(y + i), sum)
    other = madd(v128.load(x + i, 16), v128.load(y + i, 16), other)
  }
  let rest = total4(f32x4.add(sum, other))
  for (; i < bytes; i += 4) rest += f32.load(x + i) * f32.load(y + i)
  return rest
}

/** Σ of a row. */
@inline function sum(x: usize, bytes: usize): f32 {
  let sum4 = f32x4.splat(0), other = f32x4.splat(0)
  let i: usize = 0
  for (; i + 32 <= bytes; i += 32) {
    sum4 = f32x4.add(sum4, v128.load(x + i))
    other = f32x4.add(other, v128.load(x + i, 16))
  }
  let rest = total4(f32x4.add(sum4, other))
  for (; i < bytes; i += 4) rest += f32.load(x + i)
  return rest
}

/** out = x / √(mean x² + ε) · w; `factors` are the quotients 1 / √… of the rows, NaN where the squares are beyond float32. */
export function rmsNorm(x: usize, w: usize, out: usize, factors: usize, width: usize, epsilon: f32, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  for (let row = from; row < to; row++) {
    const at = x + row * bytes, into = out + row * bytes
    const mean: f32 = inner(at, at, bytes) / <f32>width + epsilon
    const factor: f32 = 1 / Mathf.sqrt(mean + (mean - mean))
    f32.store(factors + (row << 2), factor)
    const factor4 = f32x4.splat(factor)
    let i: usize = 0
    for (; i + 16 <= bytes; i += 16) v128.store(into + i, f32x4.mul(f32x4.mul(v128.load(at + i), factor4), v128.load(w + i)))
    for (; i < bytes; i += 4) f32.store(into + i, f32.load(at + i) * factor * f32.load(w + i))
  }
}

/** dx = f·(w·dy − x·f²·mean(x·w·dy)), with f the row's factor. The scratch memory holds w·dy of one row. */
export function rmsNormPull(x: usize, w: usize, dy: usize, dx: usize, factors: usize, width: usize, from: usize, to: usize, scratch: usize): void {
  const bytes = width << 2
  for (let row = from; row < to; row++) {
    const at = x + row * bytes, pull = dy + row * bytes, into = dx + row * bytes
    const f = f32.load(factors + (row << 2))
    let i: usize = 0
    for (; i + 16 <= bytes; i += 16) v128.store(scratch + i, f32x4.mul(v128.load(w + i), v128.load(pull + i)))
    for (; i < bytes; i += 4) f32.store(scratch + i, f32.load(w + i) * f32.load(pull + i))
    const share: f32 = f * f * (inner(at, scratch, bytes) / <f32>width)
    const f4 = f32x4.splat(f), share4 = f32x4.splat(share)
    for (i = 0; i + 16 <= bytes; i += 16)
      v128.store(into + i, f32x4.mul(f4, f32x4.sub(v128.load(scratch + i), f32x4.mul(share4, v128.load(at + i)))))
    for (; i < bytes; i += 4) f32.store(into + i, f * (f32.load(scratch + i) - share * f32.load(at + i)))
  }
}

/** dw = Σ over rows of dy·x·f, for panels of 16 columns. */
export function rmsNormWeightPull(x: usize, dy: usize, dw: usize, factors: usize, rows: usize, width: usize, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  const end = min<usize>(to << 6, bytes)
  let i = from << 6
  for (; i + 64 <= end; i += 64) {
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0
    for (let row: usize = 0, at = x + i, pull = dy + i; row < rows; row++, at += bytes, pull += bytes) {
      const f = v128.load_splat<f32>(factors + (row << 2))
      s0 = madd(v128.load(pull), f32x4.mul(v128.load(at), f), s0)
      s1 = madd(v128.load(pull, 16), f32x4.mul(v128.load(at, 16), f), s1)
      s2 = madd(v128.load(pull, 32), f32x4.mul(v128.load(at, 32), f), s2)
      s3 = madd(v128.load(pull, 48), f32x4.mul(v128.load(at, 48), f), s3)
    }
    v128.store(dw + i, s0); v128.store(dw + i, s1, 16); v128.store(dw + i, s2, 32); v128.store(dw + i, s3, 48)
  }
  for (; i < end; i += 4) {
    let sum: f32 = 0
    for (let row: usize = 0; row < rows; row++)
      sum += f32.load(dy + row * bytes + i) * (f32.load(x + row * bytes + i) * f32.load(factors + (row << 2)))
    f32.store(dw + i, sum)
  }
}

/** out = (x − mean) / √(variance + ε); `factors` are the quotients 1 / √… of the rows, NaN where the squares are beyond float32. */
export function standardize(x: usize, out: usize, factors: usize, width: usize, epsilon: f32, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  for (let row = from; row < to; row++) {
    const at = x + row * bytes, into = out + row * bytes
    const mean: f32 = sum(at, bytes) / <f32>width
    const mean4 = f32x4.splat(mean)
    let i: usize = 0
    for (; i + 16 <= bytes; i += 16) v128.store(into + i, f32x4.sub(v128.load(at + i), mean4))
    for (; i < bytes; i += 4) f32.store(into + i, f32.load(at + i) - mean)
    const variance: f32 = inner(into, into, bytes) / <f32>width + epsilon
    const factor: f32 = 1 / Mathf.sqrt(variance + (variance - variance))
    f32.store(factors + (row << 2), factor)
    const factor4 = f32x4.splat(factor)
    for (i = 0; i + 16 <= bytes; i += 16) v128.store(into + i, f32x4.mul(v128.load(into + i), factor4))
    for (; i < bytes; i += 4) f32.store(into + i, f32.load(into + i) * factor)
  }
}

/** dx = f·(dy − mean(dy) − y·mean(y·dy)), with y what `standardize` made of x, and f the row's factor. */
export function standardizePull(y: usize, dy: usize, dx: usize, factors: usize, width: usize, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  for (let row = from; row < to; row++) {
    const at = y + row * bytes, pull = dy + row * bytes, into = dx + row * bytes
    const f = f32.load(factors + (row << 2))
    const mean: f32 = sum(pull, bytes) / <f32>width, share: f32 = inner(at, pull, bytes) / <f32>width
    const f4 = f32x4.splat(f), mean4 = f32x4.splat(mean), share4 = f32x4.splat(share)
    let i: usize = 0
    for (; i + 16 <= bytes; i += 16)
      v128.store(into + i, f32x4.mul(f4, f32x4.sub(f32x4.sub(v128.load(pull + i), mean4), f32x4.mul(share4, v128.load(at + i)))))
    for (; i < bytes; i += 4) f32.store(into + i, f * (f32.load(pull + i) - mean - share * f32.load(at + i)))
  }
}

/** Φ(x), the normal distribution, by the polynomial of Abramowitz and Stegun (7.1.26), within 1e-7. */
@inline function normal4(x: v128): v128 {
  const v = f32x4.mul(f32x4.abs(x), f32x4.splat(0.70710678))
  const t = f32x4.div(f32x4.splat(1), madd(v, f32x4.splat(0.3275911), f32x4.splat(1)))
  let p = madd(f32x4.splat(1.061405429), t, f32x4.splat(-1.453152027))
  p = madd(p, t, f32x4.splat(1.421413741))
  p = madd(p, t, f32x4.splat(-0.284496736))
  p = madd(p, t, f32x4.splat(0.254829592))
  const beyond = f32x4.mul(f32x4.mul(f32x4.mul(p, t), exp4(f32x4.neg(f32x4.mul(v, v)))), f32x4.splat(0.5))
  return v128.bitselect(beyond, f32x4.sub(f32x4.splat(1), beyond), f32x4.lt(x, f32x4.splat(0)))
}

/** 2·√(2/π), so that the approximation of x·Φ(x) by tanh is x·sigmoid(C·(x + 0.044715·x³)). */
const C: f32 = 1.5957691216

@inline function nearNormal4(x: v128): v128 {
  return sigmoid4(f32x4.mul(f32x4.mul(x, madd(f32x4.mul(x, x), f32x4.splat(0.044715), f32x4.splat(1))), f32x4.splat(C)))
}

@inline function gelu4(x: v128, near: bool): v128 { return f32x4.mul(x, near ? nearNormal4(x) : normal4(x)) }

/** The slope of gelu4. */
@inline function geluSlope4(x: v128, near: bool): v128 {
  const squares = f32x4.mul(x, x)
  if (near) {
    const y = nearNormal4(x)
    const steep = madd(squares, f32x4.splat(3 * 0.044715 * C), f32x4.splat(C))
    return madd(f32x4.mul(x, f32x4.sub(y, f32x4.mul(y, y))), steep, y)
  }
  const density = f32x4.mul(exp4(f32x4.mul(squares, f32x4.splat(-0.5))), f32x4.splat(0.3989422804))
  return madd(x, density, normal4(x))
}

/** out = x·Φ(x), or the approximation by tanh where `near`, for panels of 16 entries, of which the last may be beyond `size`. */
export function gelu(x: usize, out: usize, size: usize, near: bool, from: usize, to: usize, _: usize): void {
  const end = min<usize>(to << 6, size << 2)
  let i = from << 6
  for (; i + 16 <= end; i += 16) v128.store(out + i, gelu4(v128.load(x + i), near))
  for (; i < end; i += 4) f32.store(out + i, f32x4.extract_lane(gelu4(v128.load_splat<f32>(x + i), near), 0))
}

/** dx = dy·slope. */
export function geluPull(x: usize, dy: usize, dx: usize, size: usize, near: bool, from: usize, to: usize, _: usize): void {
  const end = min<usize>(to << 6, size << 2)
  let i = from << 6
  for (; i + 16 <= end; i += 16) v128.store(dx + i, f32x4.mul(v128.load(dy + i), geluSlope4(v128.load(x + i), near)))
  for (; i < end; i += 4) f32.store(dx + i, f32.load(dy + i) * f32x4.extract_lane(geluSlope4(v128.load_splat<f32>(x + i), near), 0))
}

/** out = Σ over rows of x, for panels of 16 columns. */
export function sumRows(x: usize, out: usize, rows: usize, width: usize, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  const end = min<usize>(to << 6, bytes)
  let i = from << 6
  for (; i + 64 <= end; i += 64) {
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0
    for (let row: usize = 0, at = x + i; row < rows; row++, at += bytes) {
      s0 = f32x4.add(s0, v128.load(at))
      s1 = f32x4.add(s1, v128.load(at, 16))
      s2 = f32x4.add(s2, v128.load(at, 32))
      s3 = f32x4.add(s3, v128.load(at, 48))
    }
    v128.store(out + i, s0); v128.store(out + i, s1, 16); v128.store(out + i, s2, 32); v128.store(out + i, s3, 48)
  }
  for (; i < end; i += 4) {
    let sum: f32 = 0
    for (let row: usize = 0; row < rows; row++) sum += f32.load(x + row * bytes + i)
    f32.store(out + i, sum)
  }
}

/** out = g·sigmoid(g)·u, for panels of 16 entries, of which the last may be beyond `size`. */
export function siluTimes(g: usize, u: usize, out: usize, size: usize, from: usize, to: usize, _: usize): void {
  const end = min<usize>(to << 6, size << 2)
  let i = from << 6
  for (; i + 16 <= end; i += 16) {
    const x = v128.load(g + i)
    v128.store(out + i, f32x4.mul(f32x4.mul(x, sigmoid4(x)), v128.load(u + i)))
  }
  for (; i < end; i += 4) {
    const x = f32.load(g + i)
    f32.store(out + i, x * (1 / (1 + exp1(-x))) * f32.load(u + i))
  }
}

/** dg = dy·u·(s + g·(s − s²)) and du = dy·g·s, with s = sigmoid(g). */
export function siluTimesPull(g: usize, u: usize, dy: usize, dg: usize, du: usize, size: usize, from: usize, to: usize, _: usize): void {
  const end = min<usize>(to << 6, size << 2)
  let i = from << 6
  for (; i + 16 <= end; i += 16) {
    const x = v128.load(g + i), pull = v128.load(dy + i)
    const s = sigmoid4(x)
    v128.store(dg + i, f32x4.mul(f32x4.mul(pull, v128.load(u + i)), madd(x, f32x4.sub(s, f32x4.mul(s, s)), s)))
    v128.store(du + i, f32x4.mul(pull, f32x4.mul(x, s)))
  }
  for (; i < end; i += 4) {
    const x = f32.load(g + i), pull = f32.load(dy + i)
    const s: f32 = 1 / (1 + exp1(-x))
    f32.store(dg + i, pull * f32.load(u + i) * (s + x * (s - s * s)))
    f32.store(du + i, pull * (x * s))
  }
}

/** The highest of a row; NaN where one is. */
@inline function highest(x: usize, bytes: usize): f32 {
  let high = f32x4.splat(-Infinity)
  let i: usize = 0
  for (; i + 16 <= bytes; i += 16) high = f32x4.max(high, v128.load(x + i))
  let most = max(max(f32x4.extract_lane(high, 0), f32x4.extract_lane(high, 1)), max(f32x4.extract_lane(high, 2), f32x4.extract_lane(high, 3)))
  for (; i < bytes; i += 4) most = max(most, f32.load(x + i))
  return most
}

/**
 * out = softmax(scale·x + mask) of each row of `width`. Rows lie as [batch, heads, columns], and the mask's are so many rows apart, 0 where
 * one serves all; no mask at address 0. `out` may be x.
 */
export function maskedSoftmax(x: usize, mask: usize, out: usize, width: usize, scale: f32, heads: usize, columns: usize,
  batchStep: usize, headStep: usize, columnStep: usize, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  const scale4 = f32x4.splat(scale)
  for (let row = from; row < to; row++) {
    const at = x + row * bytes, into = out + row * bytes
    const beside = mask + ((row / (heads * columns)) * batchStep + (row / columns % heads) * headStep + (row % columns) * columnStep) * bytes
    let i: usize = 0
    for (; i + 16 <= bytes; i += 16) {
      const scaled = f32x4.mul(v128.load(at + i), scale4)
      v128.store(into + i, mask ? f32x4.add(scaled, v128.load(beside + i)) : scaled)
    }
    for (; i < bytes; i += 4) f32.store(into + i, f32.load(at + i) * scale + (mask ? f32.load(beside + i) : 0))
    const high = highest(into, bytes)
    const high4 = f32x4.splat(high)
    let sum4 = f32x4.splat(0)
    for (i = 0; i + 16 <= bytes; i += 16) {
      const x = f32x4.sub(v128.load(into + i), high4)
      // Of what a causal mask hides, half of a square.
      const e = i32x4.all_true(f32x4.lt(x, f32x4.splat(LOWEST))) ? f32x4.splat(0) : exp4(x)
      v128.store(into + i, e)
      sum4 = f32x4.add(sum4, e)
    }
    let sum = total4(sum4)
    for (; i < bytes; i += 4) {
      const e = exp1(f32.load(into + i) - high)
      f32.store(into + i, e)
      sum += e
    }
    const share: f32 = 1 / sum
    const share4 = f32x4.splat(share)
    for (i = 0; i + 16 <= bytes; i += 16) v128.store(into + i, f32x4.mul(v128.load(into + i), share4))
    for (; i < bytes; i += 4) f32.store(into + i, f32.load(into + i) * share)
  }
}

/** dx = scale·y·(dy − Σ dy·y) of each row, with y the softmax. */
export function softmaxPull(y: usize, dy: usize, dx: usize, width: usize, scale: f32, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  const scale4 = f32x4.splat(scale)
  for (let row = from; row < to; row++) {
    const at = y + row * bytes, pull = dy + row * bytes, into = dx + row * bytes
    const sum = inner(at, pull, bytes)
    const sum4 = f32x4.splat(sum)
    let i: usize = 0
    for (; i + 16 <= bytes; i += 16)
      v128.store(into + i, f32x4.mul(scale4, f32x4.mul(v128.load(at + i), f32x4.sub(v128.load(pull + i), sum4))))
    for (; i < bytes; i += 4) f32.store(into + i, scale * (f32.load(at + i) * (f32.load(pull + i) - sum)))
  }
}

/** Σ e^(x − high) of a row, in double precision. */
@inline function sumExp(x: usize, bytes: usize, high: f32): f64 {
  const high4 = f32x4.splat(high)
  let low = f64x2.splat(0), top = f64x2.splat(0)
  let i: usize = 0
  for (; i + 16 <= bytes; i += 16) {
    const e = exp4(f32x4.sub(v128.load(x + i), high4))
    low = f64x2.add(low, f64x2.promote_low_f32x4(e))
    top = f64x2.add(top, f64x2.promote_low_f32x4(v128.shuffle<f32>(e, e, 2, 3, 2, 3)))
  }
  low = f64x2.add(low, top)
  let sum: f64 = f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1)
  for (; i < bytes; i += 4) sum += <f64>exp1(f32.load(x + i) - high)
  return sum
}

/** Of each row its highest entry, and Σ e^(x − highest), both in double precision. */
export function sumExps(x: usize, out: usize, width: usize, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  for (let row = from; row < to; row++) {
    const high = highest(x + row * bytes, bytes)
    f64.store(out + (row << 4), <f64>high)
    f64.store(out + (row << 4), sumExp(x + row * bytes, bytes, high), 8)
  }
}

/** dx = (softmax(x) − one-hot label)·dy of each row; a label beyond the row has no one. */
export function entropyPull(x: usize, labels: usize, dy: usize, dx: usize, width: usize, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  for (let row = from; row < to; row++) {
    const at = x + row * bytes, into = dx + row * bytes
    const high = highest(at, bytes)
    const high4 = f32x4.splat(high)
    const pull = f32.load(dy + (row << 2))
    const share: f32 = <f32>(1 / sumExp(at, bytes, high))
    const share4 = f32x4.splat(share), pull4 = f32x4.splat(pull)
    let i: usize = 0
    for (; i + 16 <= bytes; i += 16)
      v128.store(into + i, f32x4.mul(f32x4.mul(exp4(f32x4.sub(v128.load(at + i), high4)), share4), pull4))
    for (; i < bytes; i += 4) f32.store(into + i, exp1(f32.load(at + i) - high) * share * pull)
    const label = <usize>i32.load(labels + (row << 2))
    if (label < width) {
      const p = exp1(f32.load(at + (label << 2)) - high) * share
      f32.store(into + (label << 2), (p - 1) * pull)
    }
  }
}

/**
 * out = x·cos + exchanged(x)·sin of rows of `width` (a head): the first `half` entries and the next are exchanged, the rest has no partner.
 * `back` is the derivative, the transposed map. cos and sin are as long as x.
 */
export function rotate(x: usize, cos: usize, sin: usize, out: usize, width: usize, half: usize, back: bool, from: usize, to: usize, _: usize): void {
  const bytes = width << 2, step = half << 2
  for (let row = from; row < to; row++) {
    const at = row * bytes
    let i: usize = at
    const middle = at + step
    for (; i + 16 <= middle; i += 16) {
      const one = v128.load(x + i), other = v128.load(x + i + step)
      const c1 = f32x4.mul(one, v128.load(cos + i)), c2 = f32x4.mul(other, v128.load(cos + i + step))
      const s1 = v128.load(sin + i), s2 = v128.load(sin + i + step)
      v128.store(out + i, f32x4.add(c1, f32x4.mul(other, back ? s2 : s1)))
      v128.store(out + i + step, f32x4.add(c2, f32x4.mul(one, back ? s1 : s2)))
    }
    for (; i < middle; i += 4) {
      const one = f32.load(x + i), other = f32.load(x + i + step)
      const c1 = one * f32.load(cos + i), c2 = other * f32.load(cos + i + step)
      const s1 = f32.load(sin + i), s2 = f32.load(sin + i + step)
      f32.store(out + i, c1 + other * (back ? s2 : s1))
      f32.store(out + i + step, c2 + one * (back ? s1 : s2))
    }
    for (i = middle + step; i < at + bytes; i += 4) f32.store(out + i, f32.load(x + i) * f32.load(cos + i))
  }
}

/** [outer, a, b, width] → [outer, b, a, width], for from … to of the outer × b. */
export function swapAxes(x: usize, out: usize, a: usize, b: usize, width: usize, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  for (let unit = from; unit < to; unit++) {
    let source = x + ((unit / b) * a * b + unit % b) * bytes
    let into = out + unit * a * bytes
    for (let i: usize = 0; i < a; i++, source += b * bytes, into += bytes) {
      let k: usize = 0
      for (; k + 16 <= bytes; k += 16) v128.store(into + k, v128.load(source + k))
      for (; k < bytes; k += 4) f32.store(into + k, f32.load(source + k))
    }
  }
}

/** Row i of x [n, width] over row at[i] of `into`, for from … to of the n. */
export function putRows(x: usize, at: usize, into: usize, width: usize, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  for (let row = from; row < to; row++) {
    const source = x + row * bytes, target = into + <usize>i32.load(at + (row << 2)) * bytes
    let i: usize = 0
    for (; i + 16 <= bytes; i += 16) v128.store(target + i, v128.load(source + i))
    for (; i < bytes; i += 4) f32.store(target + i, f32.load(source + i))
  }
}

/**
 * out = softmax(scale·q·kᵀ + mask)·v of one query a row, q and out [rows, heads, width], over the first `length` of the `capacity` places of
 * keys and values [rows, heads / group, capacity, width]; for from … to of the rows × heads. The mask's rows of `capacity` are so many apart
 * for a row and for a head; no mask at address 0. The scratch memory holds `length` scores.
 */
export function attendSeen(q: usize, keys: usize, values: usize, mask: usize, out: usize, heads: usize, group: usize, capacity: usize,
  length: usize, width: usize, scale: f32, rowStep: usize, headStep: usize, from: usize, to: usize, scratch: usize): void {
  const bytes = width << 2
  for (let unit = from; unit < to; unit++) {
    const at = q + unit * bytes, into = out + unit * bytes
    // Of rows × heads whose heads come in groups, unit / group counts rows × key heads.
    const first = (unit / group) * capacity * bytes
    const beside = mask + (((unit / heads) * rowStep + (unit % heads) * headStep) * capacity << 2)
    for (let p: usize = 0; p < length; p++)
      f32.store(scratch + (p << 2), inner(at, keys + first + p * bytes, bytes) * scale + (mask ? f32.load(beside + (p << 2)) : 0))
    const high = highest(scratch, length << 2)
    const high4 = f32x4.splat(high)
    let sum: f32 = 0
    let i: usize = 0
    for (; i + 16 <= length << 2; i += 16) {
      const e = exp4(f32x4.sub(v128.load(scratch + i), high4))
      v128.store(scratch + i, e)
      sum += total4(e)
    }
    for (; i < length << 2; i += 4) {
      const e = exp1(f32.load(scratch + i) - high)
      f32.store(scratch + i, e)
      sum += e
    }
    const share: f32 = 1 / sum
    for (i = 0; i + 32 <= bytes; i += 32) {
      let s0 = f32x4.splat(0), s1 = s0
      for (let p: usize = 0, v = values + first + i; p < length; p++, v += bytes) {
        const e = v128.load_splat<f32>(scratch + (p << 2))
        s0 = madd(e, v128.load(v), s0)
        s1 = madd(e, v128.load(v, 16), s1)
      }
      v128.store(into + i, f32x4.mul(s0, f32x4.splat(share)))
      v128.store(into + i, f32x4.mul(s1, f32x4.splat(share)), 16)
    }
    for (; i < bytes; i += 4) {
      let sum: f32 = 0
      for (let p: usize = 0, v = values + first + i; p < length; p++, v += bytes) sum += f32.load(scratch + (p << 2)) * f32.load(v)
      f32.store(into + i, sum * share)
    }
  }
}
