// Softmax, logarithms of sums of exponentials, and one query's attention, each as one kernel over rows `from` … `to` − 1 of its unit.
// Addresses are bytes and sizes entries. Each row is computed by one thread in one order. NaN stays NaN.
import { LOWEST, exp1, exp4, inner, madd, total4 } from './shared/vectors'

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
