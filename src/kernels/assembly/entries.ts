// What is done to each entry by itself, in float32. Loops work on whole vectors, up to four at a time: buffers are padded to a multiple of 64
// bytes. To go round costs as much as a vector does. Loops with constants end with their condition: codec.ts says why.

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
  let i = 0
  if (i < size) do {
    v128.store(to, f32x4.add(f32x4.mul(v128.load(v), factors), f32x4.mul(v128.load(x), others)))
    const second = f32x4.mul(v128.load(v, 16), factors)
    v128.store(to, f32x4.add(second, f32x4.mul(v128.load(x, 16), others)), 16)
    i += 8
    v += 32
    x += 32
    to += 32
  } while (i < size)
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
  let i = 0
  if (i < size) do {
    const word = v128.load16_splat(bits)
    v128.store(v, f32x4.mul(v128.load(v), factorOf(word, kepts, other)))
    v128.store(v, f32x4.mul(v128.load(v, 16), factorOf(i32x4.shr_u(word, 4), kepts, other)), 16)
    v128.store(v, f32x4.mul(v128.load(v, 32), factorOf(i32x4.shr_u(word, 8), kepts, other)), 32)
    v128.store(v, f32x4.mul(v128.load(v, 48), factorOf(i32x4.shr_u(word, 12), kepts, other)), 48)
    i += 16
    v += 64
    bits += 2
  } while (i < size)
}

/** v ×= (bit i from `bits` on is set ? 0 : factor): of what is dropped the sign is left. */
export function clear(v: usize, bits: usize, size: i32, factor: f32): void {
  const magnitude = i32x4.splat(0x7fffffff)
  const factors = f32x4.splat(factor)
  let i = 0
  if (i < size) do {
    const word = v128.load16_splat(bits)
    v128.store(v, f32x4.mul(v128.andnot(v128.load(v), v128.and(whereSet(word), magnitude)), factors))
    const second = v128.and(whereSet(i32x4.shr_u(word, 4)), magnitude)
    v128.store(v, f32x4.mul(v128.andnot(v128.load(v, 16), second), factors), 16)
    const third = v128.and(whereSet(i32x4.shr_u(word, 8)), magnitude)
    v128.store(v, f32x4.mul(v128.andnot(v128.load(v, 32), third), factors), 32)
    const fourth = v128.and(whereSet(i32x4.shr_u(word, 12)), magnitude)
    v128.store(v, f32x4.mul(v128.andnot(v128.load(v, 48), fourth), factors), 48)
    i += 16
    v += 64
    bits += 2
  } while (i < size)
}

/** v = v >= 0 ? size of the magnitude : minus it */
export function signs(v: usize, size: i32, magnitude: f32): void {
  const positive = f32x4.splat(magnitude)
  const negative = f32x4.splat(-magnitude)
  const zero = f32x4.splat(0)
  let i = 0
  if (i < size) do {
    v128.store(v, v128.bitselect(positive, negative, f32x4.ge(v128.load(v), zero)))
    i += 4
    v += 16
  } while (i < size)
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

/** What agrees is positive once its sign is turned. */
@inline function agreeing(model: usize, sign: v128): v128 {
  return v128.xor(v128.load(model), sign)
}

/** What an entry that agrees adds to the divisor. */
@inline function divisorOf(signed: v128, divisor: v128): v128 {
  return v128.and(f32x4.gt(signed, f32x4.splat(0)), divisor)
}

@inline function valueOf(signed: v128, factor: v128): v128 {
  return f32x4.mul(f32x4.pmax(f32x4.splat(0), signed), factor)
}

/** As `elect`, of at least one model and entry. Rules that are constants leave nothing of what they do not ask for. */
@inline function electBy(
  models: usize, count: i32, to: usize, size: i32,
  votes: usize, turned: usize, factors: usize, divisors: usize,
  bySign: bool, largest: bool, divides: bool, clips: bool, lambda: f32, least: f32,
): void {
  const zero = f32x4.splat(0)
  const lambdas = f32x4.splat(lambda)
  const leasts = f32x4.splat(least)
  // What changes no entry that joins it, not even one of -0.
  const start = f32x4.splat(largest ? -Infinity : -0.0)
  // Four vectors side by side, so that parameters are loaded once for them.
  let i = 0
  do {
    const at = <usize>i << 2
    let sign0 = zero, sign1 = zero, sign2 = zero, sign3 = zero
    let m = 0
    do {
      const model = <usize>load<i32>(models + (<usize>m << 2)) + at
      const factor = param(votes, m)
      sign0 = f32x4.add(sign0, voteOf(model, factor, bySign))
      sign1 = f32x4.add(sign1, voteOf(model + 16, factor, bySign))
      sign2 = f32x4.add(sign2, voteOf(model + 32, factor, bySign))
      sign3 = f32x4.add(sign3, voteOf(model + 48, factor, bySign))
    } while (++m < count)
    sign0 = signBit(sign0)
    sign1 = signBit(sign1)
    sign2 = signBit(sign2)
    sign3 = signBit(sign3)
    let total0 = start, total1 = start, total2 = start, total3 = start
    let divisor0 = zero, divisor1 = zero, divisor2 = zero, divisor3 = zero
    m = 0
    do {
      const model = <usize>load<i32>(models + (<usize>m << 2)) + at
      const turn = v128.and(param(turned, m), f32x4.splat(-0.0))
      const factor = param(factors, m)
      const signed0 = agreeing(model, v128.xor(sign0, turn))
      const signed1 = agreeing(model + 16, v128.xor(sign1, turn))
      const signed2 = agreeing(model + 32, v128.xor(sign2, turn))
      const signed3 = agreeing(model + 48, v128.xor(sign3, turn))
      total0 = joined(total0, valueOf(signed0, factor), largest)
      total1 = joined(total1, valueOf(signed1, factor), largest)
      total2 = joined(total2, valueOf(signed2, factor), largest)
      total3 = joined(total3, valueOf(signed3, factor), largest)
      if (divides) {
        const divisor = param(divisors, m)
        divisor0 = f32x4.add(divisor0, divisorOf(signed0, divisor))
        divisor1 = f32x4.add(divisor1, divisorOf(signed1, divisor))
        divisor2 = f32x4.add(divisor2, divisorOf(signed2, divisor))
        divisor3 = f32x4.add(divisor3, divisorOf(signed3, divisor))
      }
    } while (++m < count)
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
    i += 16
    to += 64
  } while (i < size)
}

/** The rules that are usual: the sum, and the mean. */
function electSum(
  models: usize, count: i32, to: usize, size: i32,
  votes: usize, turned: usize, factors: usize, lambda: f32,
): void {
  electBy(models, count, to, size, votes, turned, factors, 0, false, false, false, false, lambda, 0)
}
function electMean(
  models: usize, count: i32, to: usize, size: i32,
  votes: usize, turned: usize, factors: usize, divisors: usize, lambda: f32, least: f32,
): void {
  electBy(models, count, to, size, votes, turned, factors, divisors, false, false, true, true, lambda, least)
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
  const bySign = (rules & 1) != 0
  const largest = (rules & 2) != 0
  const divides = (rules & 4) != 0
  const clips = (rules & 8) != 0
  if (bySign || largest || (divides && !clips))
    electBy(models, count, to, size, votes, turned, factors, divisors, bySign, largest, divides, clips, lambda, least)
  else if (divides) electMean(models, count, to, size, votes, turned, factors, divisors, lambda, least)
  else electSum(models, count, to, size, votes, turned, factors, lambda)
}
