// What is done to each entry by itself, in float32. Loops work on whole vectors of four: buffers are padded to a multiple of 64 bytes.

/** to = v - x */
export function subtract(to: usize, v: usize, x: usize, size: i32): void {
  for (let i = 0; i < size; i += 4, to += 16, v += 16, x += 16)
    v128.store(to, f32x4.sub(v128.load(v), v128.load(x)))
}

/** v += x */
export function add(v: usize, x: usize, size: i32): void {
  for (let i = 0; i < size; i += 4, v += 16, x += 16) v128.store(v, f32x4.add(v128.load(v), v128.load(x)))
}

/** to = v × factor */
export function scale(to: usize, v: usize, size: i32, factor: f32): void {
  const factors = f32x4.splat(factor)
  for (let i = 0; i < size; i += 4, v += 16, to += 16) v128.store(to, f32x4.mul(v128.load(v), factors))
}

/** to += v × factor, both operations rounded */
export function scaleAndAdd(to: usize, v: usize, size: i32, factor: f32): void {
  const factors = f32x4.splat(factor)
  for (let i = 0; i < size; i += 4, v += 16, to += 16)
    v128.store(to, f32x4.add(v128.load(to), f32x4.mul(v128.load(v), factors)))
}

/** v ×= (draw < limit ? dropped : kept), where the draws have 24 bits */
export function choose(v: usize, draws: usize, size: i32, limit: i32, dropped: f32, kept: f32): void {
  const limits = i32x4.splat(limit)
  const droppeds = f32x4.splat(dropped)
  const kepts = f32x4.splat(kept)
  for (let i = 0; i < size; i += 4, v += 16, draws += 16) {
    const factors = v128.bitselect(droppeds, kepts, i32x4.lt_s(v128.load(draws), limits))
    v128.store(v, f32x4.mul(v128.load(v), factors))
  }
}

/** v = 0 where |v| > threshold, or equals it and i <= lastTie; magnitudes are compared as the integers that their bits spell */
export function drop(v: usize, size: i32, threshold: i32, lastTie: i32): void {
  const magnitude = i32x4.splat(0x7fffffff)
  const thresholds = i32x4.splat(threshold)
  const lastTies = i32x4.splat(lastTie)
  const four = i32x4.splat(4)
  let positions = i32x4(0, 1, 2, 3)
  for (let i = 0; i < size; i += 4, v += 16) {
    const value = v128.load(v)
    const bits = v128.and(value, magnitude)
    const tied = v128.and(i32x4.eq(bits, thresholds), i32x4.le_s(positions, lastTies))
    v128.store(v, v128.andnot(value, v128.or(i32x4.gt_s(bits, thresholds), tied)))
    positions = i32x4.add(positions, four)
  }
}

/** v = v >= 0 ? size of the magnitude : minus it */
export function signs(v: usize, size: i32, magnitude: f32): void {
  const positive = f32x4.splat(magnitude)
  const negative = f32x4.splat(-magnitude)
  const zero = f32x4.splat(0)
  for (let i = 0; i < size; i += 4, v += 16)
    v128.store(v, v128.bitselect(positive, negative, f32x4.ge(v128.load(v), zero)))
}

/** v = v equals before ? after : base + v. An entry that an edit leaves alone is that of the post-trained model, unrounded. */
export function restore(v: usize, before: usize, after: usize, base: usize, size: i32): void {
  for (let i = 0; i < size; i += 4, v += 16, before += 16, after += 16, base += 16) {
    const value = v128.load(v)
    const same = f32x4.eq(value, v128.load(before))
    v128.store(v, v128.bitselect(v128.load(after), f32x4.add(v128.load(base), value), same))
  }
}

/** 1 where x > 0, else 0. */
@inline function step(x: v128): v128 {
  return v128.and(f32x4.gt(x, f32x4.splat(0)), f32x4.splat(1))
}

/** -1, 0 or 1. */
@inline function signOf(x: v128): v128 {
  return f32x4.sub(step(x), step(f32x4.neg(x)))
}

/** The sign of a sum; `zero` where it is 0. */
@inline function elected(sum: v128, zero: v128, isPositive: bool): v128 {
  const none = f32x4.splat(0)
  const one = f32x4.splat(1)
  const negative = f32x4.lt(sum, none)
  if (isPositive) return v128.or(one, v128.and(negative, f32x4.splat(-0.0)))
  return v128.bitselect(one, v128.bitselect(f32x4.splat(-1), zero, negative), f32x4.gt(sum, none))
}

/**
 * A divisor of 0 counts as 1, and so does the rounding error that weights like .5, .3, .2 and -1 leave. With `clips` one below the least
 * counts as it.
 */
@inline function orOne(divisor: v128, least: v128, clips: bool): v128 {
  if (clips) return f32x4.max(divisor, least)
  return f32x4.add(divisor, v128.and(f32x4.le(f32x4.abs(divisor), least), f32x4.splat(1)))
}

@inline function param(at: usize, index: i32): v128 {
  return v128.load32_splat(at + (<usize>index << 2))
}

/**
 * TIES after the trim (src/mergers/ties.ts): elects a sign per entry, and combines the entries that agree with it.
 * @param models addresses of the trimmed values, one i32 for each model
 * @param votes per model: factor of its vote; turned: -1 where a negative weight turns the sign around, else 1; factors, divisors
 * @param rules bit 0: signs vote instead of values; bit 1: the largest agreeing entry instead of the sum; bit 2: divide; bit 3: divisors
 * below `least` count as it, instead of those up to it as 1
 */
export function elect(
  models: usize, count: i32, to: usize, size: i32,
  votes: usize, turned: usize, factors: usize, divisors: usize,
  rules: i32, majority: f32, lambda: f32, least: f32,
): void {
  const zero = f32x4.splat(0)
  const one = f32x4.splat(1)
  const lambdas = f32x4.splat(lambda)
  const leasts = f32x4.splat(least)
  const majorities = f32x4.splat(majority)
  const bySign = (rules & 1) != 0
  const largest = (rules & 2) != 0
  const divides = (rules & 4) != 0
  const clips = (rules & 8) != 0
  // Two vectors side by side, so that parameters are loaded half as often.
  for (let i = 0; i < size; i += 8) {
    const at = <usize>i << 2
    let sum0 = zero
    let sum1 = zero
    for (let m = 0; m < count; m++) {
      const model = <usize>load<i32>(models + (<usize>m << 2)) + at
      const factor = param(votes, m)
      const vote0 = f32x4.mul(v128.load(model), factor)
      const vote1 = f32x4.mul(v128.load(model, 16), factor)
      sum0 = f32x4.add(sum0, bySign ? signOf(vote0) : vote0)
      sum1 = f32x4.add(sum1, bySign ? signOf(vote1) : vote1)
    }
    const sign0 = elected(sum0, majorities, majority > 0)
    const sign1 = elected(sum1, majorities, majority > 0)
    let total0 = zero
    let total1 = zero
    let divisor0 = zero
    let divisor1 = zero
    for (let m = 0; m < count; m++) {
      const model = <usize>load<i32>(models + (<usize>m << 2)) + at
      const turn = param(turned, m)
      const factor = param(factors, m)
      const signed0 = f32x4.mul(v128.load(model), f32x4.mul(sign0, turn))
      const signed1 = f32x4.mul(v128.load(model, 16), f32x4.mul(sign1, turn))
      const agrees0 = f32x4.gt(signed0, zero)
      const agrees1 = f32x4.gt(signed1, zero)
      const part0 = f32x4.mul(v128.and(signed0, agrees0), factor)
      const part1 = f32x4.mul(v128.and(signed1, agrees1), factor)
      total0 = m == 0 ? part0 : largest ? f32x4.max(total0, part0) : f32x4.add(total0, part0)
      total1 = m == 0 ? part1 : largest ? f32x4.max(total1, part1) : f32x4.add(total1, part1)
      if (divides) {
        const own = param(divisors, m)
        divisor0 = f32x4.add(divisor0, v128.and(agrees0, own))
        divisor1 = f32x4.add(divisor1, v128.and(agrees1, own))
      }
    }
    let merged0 = f32x4.mul(f32x4.mul(total0, sign0), lambdas)
    let merged1 = f32x4.mul(f32x4.mul(total1, sign1), lambdas)
    if (divides) {
      merged0 = f32x4.div(merged0, orOne(divisor0, leasts, clips))
      merged1 = f32x4.div(merged1, orOne(divisor1, leasts, clips))
    }
    v128.store(to + at, merged0)
    v128.store(to + at, merged1, 16)
  }
}
