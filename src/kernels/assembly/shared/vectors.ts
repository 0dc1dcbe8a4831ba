// Sums of rows, and eˣ, of four entries at a time. Addresses are bytes.

const LOG2E: f32 = 1.4426950408889634
/** ln 2 in two parts, so that n·ln 2 loses nothing (Cody and Waite 1980). */
const LN2_HIGH: f32 = 0.693359375
const LN2_LOW: f32 = -2.12194440e-4

/** A constant that V8 does not know to be one: from Node 24 on it makes those that it knows anew at every use. @param size not negative */
@inline export function held(constant: v128, size: i32): v128 { return v128.or(constant, i32x4.splat(size >> 31)) }

@inline export function madd(a: v128, b: v128, c: v128): v128 { return f32x4.add(f32x4.mul(a, b), c) }

@inline export function total4(x: v128): f32 {
  return (f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1)) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3))
}

/** Σ of a row of products, four sums at a time. */
@inline export function inner(x: usize, y: usize, bytes: usize): f32 {
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
@inline export function sum(x: usize, bytes: usize): f32 {
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

/** 2ⁿ as a float, for −126 ≤ n ≤ 127. */
@inline function power(n: v128): v128 { return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23) }

/** Where eˣ is no normal number any more. Processors take many times as long for the others. */
export const LOWEST: f32 = -87.3

/** eˣ of four entries within 2 units in the last place (the polynomial of Cephes' expf); 0 below LOWEST and ∞ above 89. */
@inline export function exp4(x: v128): v128 {
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

@inline export function exp1(x: f32): f32 { return f32x4.extract_lane(exp4(f32x4.splat(x)), 0) }

/** 1 / (1 + e⁻ˣ) */
@inline export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1)
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))))
}
