// What is done to each entry by itself, in float32. Loops work on whole vectors of four: buffers are padded to a multiple of 64 bytes.

/** v -= x */
export function subtract(v: usize, x: usize, size: i32): void {
  for (let i = 0; i < size; i += 4, v += 16, x += 16) v128.store(v, f32x4.sub(v128.load(v), v128.load(x)))
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

@inline function param(at: usize, index: i32): v128 {
  return v128.load32_splat(at + (<usize>index << 2))
}

/**
 * TIES after the trim (src/mergers/ties.ts): elects a sign per entry, and combines the entries that agree with it.
 * @param models addresses of the trimmed values, one i32 for each model
 * @param votes per model: factor of its vote; turned: -1 where a negative weight turns the sign around, else 1; factors, divisors
 * @param rules bit 0: signs vote instead of values; bit 1: the largest agreeing entry instead of the sum; bit 2: divide
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
  for (let i = 0; i < size; i += 4) {
    const at = <usize>i << 2
    let sum = zero
    for (let m = 0; m < count; m++) {
      let vote = f32x4.mul(v128.load(<usize>load<i32>(models + (<usize>m << 2)) + at), param(votes, m))
      if (bySign) vote = f32x4.sub(step(vote), step(f32x4.neg(vote)))
      sum = m == 0 ? vote : f32x4.add(sum, vote)
    }
    const positive = f32x4.gt(sum, zero)
    const negative = f32x4.lt(sum, zero)
    const sign = v128.bitselect(one, v128.bitselect(f32x4.splat(-1), majorities, negative), positive)
    let total = zero
    let divisor = zero
    for (let m = 0; m < count; m++) {
      const value = v128.load(<usize>load<i32>(models + (<usize>m << 2)) + at)
      const agreeing = f32x4.max(f32x4.mul(value, f32x4.mul(sign, param(turned, m))), zero)
      const part = f32x4.mul(agreeing, param(factors, m))
      total = m == 0 ? part : largest ? f32x4.max(total, part) : f32x4.add(total, part)
      if (divides) divisor = f32x4.add(divisor, f32x4.mul(step(agreeing), param(divisors, m)))
    }
    let merged = f32x4.mul(f32x4.mul(total, sign), lambdas)
    // A divisor of 0 counts as 1, and so does the rounding error that weights like .5, .3, .2 and -1 leave.
    if (divides) {
      const rest = f32x4.sub(one, step(f32x4.sub(f32x4.abs(divisor), leasts)))
      merged = f32x4.div(merged, f32x4.add(divisor, rest))
    }
    v128.store(to + at, merged)
  }
}
