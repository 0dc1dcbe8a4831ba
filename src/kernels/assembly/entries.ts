// What is done to each entry by itself, in float32. Loops work on whole vectors, up to four at a time: buffers are padded to a multiple of 64
// bytes. To go round costs as much as a vector does.

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
  for (let i = 0; i < size; i += 16, v += 64, to += 64) {
    v128.store(to, f32x4.mul(v128.load(v), factors))
    v128.store(to, f32x4.mul(v128.load(v, 16), factors), 16)
    v128.store(to, f32x4.mul(v128.load(v, 32), factors), 32)
    v128.store(to, f32x4.mul(v128.load(v, 48), factors), 48)
  }
}

/** to += v × factor, both operations rounded */
export function scaleAndAdd(to: usize, v: usize, size: i32, factor: f32): void {
  const factors = f32x4.splat(factor)
  for (let i = 0; i < size; i += 4, v += 16, to += 16)
    v128.store(to, f32x4.add(v128.load(to), f32x4.mul(v128.load(v), factors)))
}

/** to = v × factor + x × other, all operations rounded */
export function scaleBoth(to: usize, v: usize, x: usize, size: i32, factor: f32, other: f32): void {
  const factors = f32x4.splat(factor)
  const others = f32x4.splat(other)
  for (let i = 0; i < size; i += 8, v += 32, x += 32, to += 32) {
    v128.store(to, f32x4.add(f32x4.mul(v128.load(v), factors), f32x4.mul(v128.load(x), others)))
    const second = f32x4.mul(v128.load(v, 16), factors)
    v128.store(to, f32x4.add(second, f32x4.mul(v128.load(x, 16), others)), 16)
  }
}

/** All ones in those of four entries whose bit is set, the lowest four of a word. */
@inline function whereSet(word: v128): v128 {
  const bits = i32x4(1, 2, 4, 8)
  return i32x4.eq(v128.and(word, bits), bits)
}

/** The factors of four entries: `kept`, or what differs from it by `other` where their bits are set. */
@inline function factorOf(word: v128, kept: v128, other: v128): v128 {
  return v128.xor(kept, v128.and(whereSet(word), other))
}

/** v ×= (bit i from `bits` on is set ? dropped : kept) */
export function choose(v: usize, bits: usize, size: i32, dropped: f32, kept: f32): void {
  const kepts = f32x4.splat(kept)
  const other = v128.xor(kepts, f32x4.splat(dropped))
  for (let i = 0; i < size; i += 16, v += 64, bits += 2) {
    const word = v128.load16_splat(bits)
    v128.store(v, f32x4.mul(v128.load(v), factorOf(word, kepts, other)))
    v128.store(v, f32x4.mul(v128.load(v, 16), factorOf(i32x4.shr_u(word, 4), kepts, other)), 16)
    v128.store(v, f32x4.mul(v128.load(v, 32), factorOf(i32x4.shr_u(word, 8), kepts, other)), 32)
    v128.store(v, f32x4.mul(v128.load(v, 48), factorOf(i32x4.shr_u(word, 12), kepts, other)), 48)
  }
}

/** v ×= (bit i from `bits` on is set ? 0 : factor): of what is dropped the sign is left. */
export function clear(v: usize, bits: usize, size: i32, factor: f32): void {
  const magnitude = i32x4.splat(0x7fffffff)
  const factors = f32x4.splat(factor)
  for (let i = 0; i < size; i += 16, v += 64, bits += 2) {
    const word = v128.load16_splat(bits)
    v128.store(v, f32x4.mul(v128.andnot(v128.load(v), v128.and(whereSet(word), magnitude)), factors))
    const second = v128.and(whereSet(i32x4.shr_u(word, 4)), magnitude)
    v128.store(v, f32x4.mul(v128.andnot(v128.load(v, 16), second), factors), 16)
    const third = v128.and(whereSet(i32x4.shr_u(word, 8)), magnitude)
    v128.store(v, f32x4.mul(v128.andnot(v128.load(v, 32), third), factors), 32)
    const fourth = v128.and(whereSet(i32x4.shr_u(word, 12)), magnitude)
    v128.store(v, f32x4.mul(v128.andnot(v128.load(v, 48), fourth), factors), 48)
  }
}

/** v ×= 0 where |v| > threshold, or equals it and i <= lastTie; magnitudes are compared as the integers that their bits spell */
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
    v128.store(v, v128.andnot(value, v128.and(v128.or(i32x4.gt_s(bits, thresholds), tied), magnitude)))
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

/**
 * A divisor of 0 counts as 1, and so does the rounding error that weights like .5, .3, .2 and -1 leave. With `clips` one below the least
 * counts as it.
 */
@inline function orOne(divisor: v128, least: v128, clips: bool): v128 {
  if (clips) return f32x4.pmax(divisor, least)
  return f32x4.add(divisor, v128.and(f32x4.le(f32x4.abs(divisor), least), f32x4.splat(1)))
}

@inline function param(at: usize, index: i32): v128 {
  return v128.load32_splat(at + (<usize>index << 2))
}

@inline function voteOf(v: usize, factor: v128, bySign: bool): v128 {
  const vote = f32x4.mul(v128.load(v), factor)
  return bySign ? signOf(vote) : vote
}

/** The sign bit where a sum is negative. That of a NaN, from deltas that overflow, is not the same on all machines. */
@inline function signBit(sum: v128): v128 {
  return v128.and(f32x4.lt(sum, f32x4.splat(0)), f32x4.splat(-0.0))
}

@inline function joined(total: v128, part: v128, largest: bool): v128 {
  return largest ? f32x4.max(total, part) : f32x4.add(total, part)
}

/**
 * TIES after the trim (src/mergers/ties.ts): elects a sign per entry, that of a sum or +, and combines the entries that agree with it.
 * @param models addresses of the trimmed values, one i32 for each model
 * @param votes per model: factor of its vote; turned: -1 where a negative weight turns the sign around, else 1; factors, divisors
 * @param rules bit 0: signs vote instead of values; bit 1: the largest agreeing entry instead of the sum; bit 2: divide; bit 3: divisors
 * below `least` count as it, instead of those up to it as 1
 */
export function elect(
  models: usize, count: i32, to: usize, size: i32,
  votes: usize, turned: usize, factors: usize, divisors: usize,
  rules: i32, lambda: f32, least: f32,
): void {
  const zero = f32x4.splat(0)
  const lambdas = f32x4.splat(lambda)
  const leasts = f32x4.splat(least)
  const bySign = (rules & 1) != 0
  const largest = (rules & 2) != 0
  const divides = (rules & 4) != 0
  const clips = (rules & 8) != 0
  // What changes no entry that joins it, not even one of -0.
  const start = f32x4.splat(largest ? -Infinity : -0.0)
  // Four vectors side by side, so that parameters are loaded once for them.
  for (let i = 0; i < size; i += 16, to += 64) {
    const at = <usize>i << 2
    let sign0 = zero, sign1 = zero, sign2 = zero, sign3 = zero
    for (let m = 0; m < count; m++) {
      const model = <usize>load<i32>(models + (<usize>m << 2)) + at
      const factor = param(votes, m)
      sign0 = f32x4.add(sign0, voteOf(model, factor, bySign))
      sign1 = f32x4.add(sign1, voteOf(model + 16, factor, bySign))
      sign2 = f32x4.add(sign2, voteOf(model + 32, factor, bySign))
      sign3 = f32x4.add(sign3, voteOf(model + 48, factor, bySign))
    }
    sign0 = signBit(sign0)
    sign1 = signBit(sign1)
    sign2 = signBit(sign2)
    sign3 = signBit(sign3)
    let total0 = start, total1 = start, total2 = start, total3 = start
    let divisor0 = zero, divisor1 = zero, divisor2 = zero, divisor3 = zero
    for (let m = 0; m < count; m++) {
      const model = <usize>load<i32>(models + (<usize>m << 2)) + at
      const turn = v128.and(param(turned, m), f32x4.splat(-0.0))
      const factor = param(factors, m)
      const divisor = param(divisors, m)
      // What agrees is positive once its sign is turned.
      let signed = v128.xor(v128.load(model), v128.xor(sign0, turn))
      let agrees = f32x4.gt(signed, zero)
      total0 = joined(total0, f32x4.mul(v128.and(signed, agrees), factor), largest)
      divisor0 = f32x4.add(divisor0, v128.and(agrees, divisor))
      signed = v128.xor(v128.load(model, 16), v128.xor(sign1, turn))
      agrees = f32x4.gt(signed, zero)
      total1 = joined(total1, f32x4.mul(v128.and(signed, agrees), factor), largest)
      divisor1 = f32x4.add(divisor1, v128.and(agrees, divisor))
      signed = v128.xor(v128.load(model, 32), v128.xor(sign2, turn))
      agrees = f32x4.gt(signed, zero)
      total2 = joined(total2, f32x4.mul(v128.and(signed, agrees), factor), largest)
      divisor2 = f32x4.add(divisor2, v128.and(agrees, divisor))
      signed = v128.xor(v128.load(model, 48), v128.xor(sign3, turn))
      agrees = f32x4.gt(signed, zero)
      total3 = joined(total3, f32x4.mul(v128.and(signed, agrees), factor), largest)
      divisor3 = f32x4.add(divisor3, v128.and(agrees, divisor))
    }
    total0 = f32x4.mul(v128.xor(total0, sign0), lambdas)
    total1 = f32x4.mul(v128.xor(total1, sign1), lambdas)
    total2 = f32x4.mul(v128.xor(total2, sign2), lambdas)
    total3 = f32x4.mul(v128.xor(total3, sign3), lambdas)
    if (divides) {
      total0 = f32x4.div(total0, orOne(divisor0, leasts, clips))
      total1 = f32x4.div(total1, orOne(divisor1, leasts, clips))
      total2 = f32x4.div(total2, orOne(divisor2, leasts, clips))
      total3 = f32x4.div(total3, orOne(divisor3, leasts, clips))
    }
    v128.store(to, total0)
    v128.store(to, total1, 16)
    v128.store(to, total2, 32)
    v128.store(to, total3, 48)
  }
}
