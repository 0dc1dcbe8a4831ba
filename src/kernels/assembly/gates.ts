// Activations and gates with their derivatives, each as one kernel over panels `from` … `to` − 1. Addresses are bytes and sizes entries.
// NaN stays NaN.
import { exp1, exp4, madd, sigmoid4 } from './shared/vectors'

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
