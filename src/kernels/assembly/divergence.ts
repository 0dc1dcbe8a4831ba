// Two distributions over the same outcomes, given as rows of float32 logits a and b: what KL(a ‖ b) is made of, in float64. A row may
// come in parts. Σ p (e^d - 1 - d) with d = b - a - c has no terms that cancel, so a divergence of 1e-12 is as exact as one of 1.

/** 1.5 × 2^52: added to a float64, it leaves the nearest integer in the low bits. */
const MAGIC: f64 = 6755399441055744.0
/** Below this an exponential is 0 beside 1. */
const LOWEST: f64 = -708.0
/** Up to this |d| the series is used, above it the exponential. */
const NEAR: f64 = 0.25
/** Where b and a are further apart than this, d has lost too many digits to make b of a. */
const APART: f64 = 1e6

/** What is known of a row: float64 each. */
const TOP_A: usize = 0
const AT_A: usize = 8
const TOP_B: usize = 16
const AT_B: usize = 24
const CENTRE: usize = 32
const SUM_A: usize = 40
const MEAN: usize = 48
const EXCESS: usize = 56
const SUM_B: usize = 64

@inline function both(x: v128): f64 {
  return f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1)
}
/** y × x + z */
@inline function step(y: v128, x: v128, z: f64): v128 {
  return f64x2.add(f64x2.mul(y, x), f64x2.splat(z))
}

/** e^x of x ≤ 0, to a relative 1e-14. */
@inline function exp(x: v128): v128 {
  const low = f64x2.pmax(f64x2.splat(LOWEST), x)
  const shifted = f64x2.add(f64x2.mul(low, f64x2.splat(1.4426950408889634)), f64x2.splat(MAGIC))
  const n = f64x2.sub(shifted, f64x2.splat(MAGIC))
  // ln 2 in two parts, the first of which is exact times n.
  let r = f64x2.sub(low, f64x2.mul(n, f64x2.splat(0.693147180369123816490)))
  r = f64x2.sub(r, f64x2.mul(n, f64x2.splat(1.90821492927058770002e-10)))
  let y = f64x2.splat(1.0 / 39916800.0)
  y = step(y, r, 1.0 / 3628800.0)
  y = step(y, r, 1.0 / 362880.0)
  y = step(y, r, 1.0 / 40320.0)
  y = step(y, r, 1.0 / 5040.0)
  y = step(y, r, 1.0 / 720.0)
  y = step(y, r, 1.0 / 120.0)
  y = step(y, r, 1.0 / 24.0)
  y = step(y, r, 1.0 / 6.0)
  y = step(y, r, 0.5)
  y = step(y, r, 1.0)
  y = step(y, r, 1.0)
  return f64x2.mul(y, i64x2.shl(i64x2.add(shifted, i64x2.splat(1023)), 52))
}

/** e^x - 1 - x of |x| ≤ NEAR, to a relative 1e-14. */
@inline function excess(x: v128): v128 {
  let y = f64x2.splat(1.0 / 39916800.0)
  y = step(y, x, 1.0 / 3628800.0)
  y = step(y, x, 1.0 / 362880.0)
  y = step(y, x, 1.0 / 40320.0)
  y = step(y, x, 1.0 / 5040.0)
  y = step(y, x, 1.0 / 720.0)
  y = step(y, x, 1.0 / 120.0)
  y = step(y, x, 1.0 / 24.0)
  y = step(y, x, 1.0 / 6.0)
  y = step(y, x, 0.5)
  return f64x2.mul(f64x2.mul(x, x), y)
}

/** The largest of float32 values. */
function largest(v: usize, size: i32): f32 {
  let most = f32x4.splat(-f32.MAX_VALUE)
  for (let i = 0; i < size; i += 4, v += 16) most = f32x4.pmax(most, v128.load(v))
  return max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  )
}

/** Index of the first value that is `wanted`. */
function first(v: usize, size: i32, wanted: f32): i32 {
  for (let i = 0; i < size; i++, v += 4) if (load<f32>(v) == wanted) return i
  return 0
}

/** Whether all values are finite. */
export function finite(v: usize, size: i32): bool {
  let odd = i32x4.splat(0)
  for (let i = 0; i < size; i += 4, v += 16) {
    const x = v128.load(v)
    odd = v128.or(odd, f32x4.ne(f32x4.sub(x, x), f32x4.splat(0)))
  }
  return !v128.any_true(odd)
}

/** Takes the larger top; of equals the first one stays. Gives the factor for sums that were made under the old one. */
@inline function raise(state: usize, top: f64, at: f64): f64 {
  const before = load<f64>(state)
  if (top <= before) return 1
  store<f64>(state, top)
  store<f64>(state, at, 8)
  return Math.exp(before - top)
}

/** e^x - 1 - x */
function excessOf(x: f64): f64 {
  return Math.abs(x) <= NEAR ? f64x2.extract_lane(excess(f64x2.splat(x)), 0) : Math.exp(x) - 1 - x
}

/** Counts d from another c: that of the likeliest outcome, so that d is small where the weight is. */
function move(state: usize, centre: f64): void {
  const step = centre - load<f64>(state, CENTRE)
  const sum = load<f64>(state, SUM_A)
  const mean = load<f64>(state, MEAN)
  const old = load<f64>(state, EXCESS)
  store<f64>(state, centre, CENTRE)
  store<f64>(state, Math.exp(-step) * old + sum * excessOf(-step) + mean * Math.expm1(-step), EXCESS)
  store<f64>(state, mean - step * sum, MEAN)
}

/**
 * Adds a part of a row to what is known of it at `state`, nine float64: the largest a and its index, the same of b, c = b - a there, Σ e^(a - top),
 * Σ e^(a - top) d, Σ e^(a - top) (e^d - 1 - d), and Σ e^(b - top).
 * @param size a multiple of 4; what fills up a part is the lowest float32 in both
 * @param from index of the first outcome of the part; at 0 the row begins
 */
export function diverge(a: usize, b: usize, size: i32, from: i32, state: usize): void {
  if (from == 0) {
    memory.fill(state, 0, 72)
    store<f64>(state, -Infinity, TOP_A)
    store<f64>(state, -Infinity, TOP_B)
  }
  const topA = largest(a, size)
  const topB = largest(b, size)
  const atA = first(a, size, topA)
  const scaleA = raise(state + TOP_A, <f64>topA, <f64>(from + atA))
  const scaleB = raise(state + TOP_B, <f64>topB, <f64>(from + first(b, size, topB)))
  const centre = <f64>load<f32>(b + (<usize>atA << 2)) - <f64>topA
  if (scaleA == 0) {
    // Beside this part, what was known of a is nothing, and Σ e^(a - top) (e^d - 1 - d) is what is known of b.
    const others = load<f64>(state, SUM_B) * scaleB
    memory.fill(state + SUM_A, 0, 16)
    store<f64>(state, others && others * Math.exp(load<f64>(state, TOP_B) - <f64>topA - centre), EXCESS)
    store<f64>(state, centre, CENTRE)
    store<f64>(state, others, SUM_B)
  } else {
    store<f64>(state, load<f64>(state, SUM_A) * scaleA, SUM_A)
    store<f64>(state, load<f64>(state, MEAN) * scaleA, MEAN)
    store<f64>(state, load<f64>(state, EXCESS) * scaleA, EXCESS)
    store<f64>(state, load<f64>(state, SUM_B) * scaleB, SUM_B)
    if (scaleA != 1) move(state, centre)
  }
  addUp(a, b, size, state)
}

function addUp(a: usize, b: usize, size: i32, state: usize): void {
  const tops = f64x2.splat(load<f64>(state, TOP_A))
  const otherTops = f64x2.splat(load<f64>(state, TOP_B))
  const centre = load<f64>(state, CENTRE)
  const centres = f64x2.splat(centre)
  // e^(a - top) e^d = e^(b - top of b) × this
  const apart = load<f64>(state, TOP_B) - load<f64>(state, TOP_A) - centre
  const across = f64x2.splat(Math.exp(apart))
  const back = f64x2.splat(Math.exp(-apart))
  const near = f64x2.splat(Math.abs(centre) < APART ? NEAR : -1.0)
  let sums = f64x2.splat(0)
  let means = sums
  let excesses = sums
  let others = sums
  for (let i = 0; i < size; i += 2, a += 8, b += 8) {
    const x = f64x2.promote_low_f32x4(v128.load64_zero(a))
    const y = f64x2.promote_low_f32x4(v128.load64_zero(b))
    const p = exp(f64x2.sub(x, tops))
    const d = f64x2.sub(f64x2.sub(y, x), centres)
    const pd = f64x2.mul(p, d)
    sums = f64x2.add(sums, p)
    means = f64x2.add(means, pd)
    const close = f64x2.mul(p, excess(d))
    const isNear = f64x2.le(f64x2.abs(d), near)
    if (i64x2.all_true(isNear)) {
      excesses = f64x2.add(excesses, close)
      others = f64x2.add(others, f64x2.mul(f64x2.add(f64x2.add(p, pd), close), back))
    } else {
      const q = exp(f64x2.sub(y, otherTops))
      const far = f64x2.sub(f64x2.sub(f64x2.mul(q, across), p), pd)
      excesses = f64x2.add(excesses, v128.bitselect(close, far, isNear))
      others = f64x2.add(others, q)
    }
  }
  store<f64>(state, load<f64>(state, SUM_A) + both(sums), SUM_A)
  store<f64>(state, load<f64>(state, MEAN) + both(means), MEAN)
  store<f64>(state, load<f64>(state, EXCESS) + both(excesses), EXCESS)
  store<f64>(state, load<f64>(state, SUM_B) + both(others), SUM_B)
}
