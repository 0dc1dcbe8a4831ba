// Norms of rows with their derivatives, and sums over rows, each as one kernel over rows or panels `from` … `to` − 1. Addresses are bytes
// and sizes entries. Each row is computed by one thread in one order. NaN stays NaN.
import { inner, madd, sum } from './shared/vectors'

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
