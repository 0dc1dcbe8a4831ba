// Stored formats ↔ float32. All loops work on whole vectors: buffers are padded with zeros to a multiple of 64 bytes.
// A return value of 1 says that a value is NaN or infinite, as read or as written.
// Up to Node 22, V8 makes constant vectors anew in each round of a loop whose body may not run, and once before one whose body runs: so
// `do` is the loop of what takes long. Later versions do so in both, at every use: `held` is for the constants of what takes longest.
import { held } from './shared/vectors'

/** Exponent bits of NaN and infinity. */
const F32: i32 = 0x7f800000
const BF16: i16 = 0x7f80
const F16: i16 = 0x7c00

@inline function isBad(words: v128, exponent: v128): v128 {
  return i32x4.eq(v128.and(words, exponent), exponent)
}

/** Magnitudes of words, or of halves, at the upper end of these, so that no mask is needed. */
@inline function larger(a: v128, b: v128): v128 {
  return i32x4.max_u(i32x4.shl(a, 1), i32x4.shl(b, 1))
}
@inline function largerHalf(a: v128, b: v128): v128 {
  return i16x8.max_u(i16x8.shl(a, 1), i16x8.shl(b, 1))
}

export function decodeF32(from: usize, to: usize, size: i32): i32 {
  let most = i32x4.splat(0)
  for (let i = 0; i < size; i += 16, from += 64, to += 64) {
    const a = v128.load(from), b = v128.load(from, 16), c = v128.load(from, 32), d = v128.load(from, 48)
    most = i32x4.max_u(most, i32x4.max_u(larger(a, b), larger(c, d)))
    v128.store(to, a)
    v128.store(to, b, 16)
    v128.store(to, c, 32)
    v128.store(to, d, 48)
  }
  return <i32>v128.any_true(i32x4.ge_u(most, i32x4.splat(F32 << 1)))
}

export function decodeBF16(from: usize, to: usize, size: i32): i32 {
  let most = i16x8.splat(0)
  let i = 0
  if (i < size) do {
    const a = v128.load(from), b = v128.load(from, 16)
    most = i16x8.max_u(most, largerHalf(a, b))
    v128.store(to, low(a))
    v128.store(to, high(a), 16)
    v128.store(to, low(b), 32)
    v128.store(to, high(b), 48)
    i += 16
    from += 32
    to += 64
  } while (i < size)
  return <i32>v128.any_true(i16x8.ge_u(most, i16x8.splat(BF16 << 1)))
}

@inline function low(halves: v128): v128 {
  return i32x4.shl(i32x4.extend_low_i16x8_u(halves), 16)
}
@inline function high(halves: v128): v128 {
  return i32x4.shl(i32x4.extend_high_i16x8_u(halves), 16)
}

/** to = from - base, four vectors at a time. */
export function subtractBF16(from: usize, base: usize, to: usize, size: i32): i32 {
  let most = i16x8.splat(0)
  for (let i = 0; i < size; i += 16, from += 32, base += 64, to += 64) {
    const a = v128.load(from)
    const b = v128.load(from, 16)
    most = i16x8.max_u(most, largerHalf(a, b))
    v128.store(to, f32x4.sub(low(a), v128.load(base)))
    v128.store(to, f32x4.sub(high(a), v128.load(base, 16)), 16)
    v128.store(to, f32x4.sub(low(b), v128.load(base, 32)), 32)
    v128.store(to, f32x4.sub(high(b), v128.load(base, 48)), 48)
  }
  return <i32>v128.any_true(i16x8.ge_u(most, i16x8.splat(BF16 << 1)))
}

/** Exponent and fraction of a half, read as a float32, are its value divided by 2^112, subnormals included. */
@inline function fromHalf(half: v128): v128 {
  const magnitude = i32x4.shl(v128.and(half, i32x4.splat(0x7fff)), 13)
  const sign = i32x4.shl(v128.and(half, i32x4.splat(0x8000)), 16)
  return v128.or(f32x4.mul(magnitude, f32x4.splat(reinterpret<f32>(0x77800000))), sign)
}

export function decodeF16(from: usize, to: usize, size: i32): i32 {
  const exponent = i16x8.splat(F16)
  let bad = i32x4.splat(0)
  let i = 0
  if (i < size) do {
    const halves = v128.load(from)
    bad = v128.or(bad, i16x8.eq(v128.and(halves, exponent), exponent))
    v128.store(to, fromHalf(i32x4.extend_low_i16x8_u(halves)))
    v128.store(to, fromHalf(i32x4.extend_high_i16x8_u(halves)), 16)
    i += 8
    from += 16
    to += 32
  } while (i < size)
  return <i32>v128.any_true(bad)
}

export function decodeF64(from: usize, to: usize, size: i32): i32 {
  const exponent = i32x4.splat(F32)
  let bad = i32x4.splat(0)
  for (let i = 0; i < size; i += 2, from += 16, to += 8) {
    const values = f32x4.demote_f64x2_zero(v128.load(from))
    bad = v128.or(bad, isBad(values, exponent))
    store<i64>(to, i64x2.extract_lane(values, 0))
  }
  return <i32>v128.any_true(bad)
}

export function encodeF32(from: usize, to: usize, size: i32): i32 {
  const exponent = i32x4.splat(F32)
  let bad = i32x4.splat(0)
  for (let i = 0; i < size; i += 4, from += 16, to += 16) {
    const words = v128.load(from)
    bad = v128.or(bad, isBad(words, exponent))
    v128.store(to, words)
  }
  return <i32>v128.any_true(bad)
}

/** Rounded to nearest, ties to even; the result in the lower halves. */
@inline function toBF16(words: v128): v128 {
  const odd = v128.and(i32x4.shr_u(words, 16), i32x4.splat(1))
  return i32x4.shr_u(i32x4.add(i32x4.add(words, i32x4.splat(0x7fff)), odd), 16)
}

/** Magnitudes from here on, as bits, are rounded to infinity, or are none that are finite; shifted as they are. */
const TOO_LARGE: i32 = 0x7f7f8000 << 1

@inline function bothToBF16(a: v128, b: v128): v128 {
  return i16x8.narrow_i32x4_u(toBF16(a), toBF16(b))
}

export function encodeBF16(from: usize, to: usize, size: i32): i32 {
  let most = i32x4.splat(0)
  let i = 0
  if (i < size) do {
    const a = v128.load(from)
    const b = v128.load(from, 16)
    most = i32x4.max_u(most, larger(a, b))
    v128.store(to, bothToBF16(a, b))
    i += 8
    from += 32
    to += 16
  } while (i < size)
  return <i32>v128.any_true(i32x4.ge_u(most, i32x4.splat(TOO_LARGE)))
}

/** The same of from + base, four vectors at a time. */
export function addBF16(from: usize, base: usize, to: usize, size: i32): i32 {
  let most = i32x4.splat(0)
  let i = 0
  if (i < size) do {
    const a = f32x4.add(v128.load(from), v128.load(base))
    const b = f32x4.add(v128.load(from, 16), v128.load(base, 16))
    const c = f32x4.add(v128.load(from, 32), v128.load(base, 32))
    const d = f32x4.add(v128.load(from, 48), v128.load(base, 48))
    most = i32x4.max_u(most, i32x4.max_u(larger(a, b), larger(c, d)))
    v128.store(to, bothToBF16(a, b))
    v128.store(to, bothToBF16(c, d), 16)
    i += 16
    from += 64
    base += 64
    to += 32
  } while (i < size)
  return <i32>v128.any_true(i32x4.ge_u(most, i32x4.splat(TOO_LARGE)))
}

/** Rounded to nearest, ties to even; too large a value becomes infinity. The result in the lower halves. */
@inline function toHalf(words: v128): v128 {
  const magnitude = v128.and(words, i32x4.splat(0x7fffffff))
  const sign = v128.and(i32x4.shr_u(words, 16), i32x4.splat(0x8000))
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1))
  const shifted = i32x4.add(i32x4.add(magnitude, i32x4.splat(0xfff - 0x38000000)), odd)
  const normal = i32x4.min_u(i32x4.splat(0x7c00), i32x4.shr_u(shifted, 13))
  // A float32 in [1/2, 1) has steps of 2^-24, the step of subnormal halves: the addition does the rounding.
  const subnormal = i32x4.sub(f32x4.add(magnitude, f32x4.splat(0.5)), i32x4.splat(0x3f000000))
  const isSmall = i32x4.lt_s(magnitude, i32x4.splat(0x38800000))
  return v128.or(sign, v128.bitselect(subnormal, normal, isSmall))
}

export function encodeF16(from: usize, to: usize, size: i32): i32 {
  const half = i16x8.splat(F16)
  let bad = i32x4.splat(0)
  let i = 0
  if (i < size) do {
    const rounded = i16x8.narrow_i32x4_u(toHalf(v128.load(from)), toHalf(v128.load(from, 16)))
    bad = v128.or(bad, i16x8.eq(v128.and(rounded, half), half))
    v128.store(to, rounded)
    i += 8
    from += 32
    to += 16
  } while (i < size)
  return <i32>v128.any_true(bad)
}

/** What the word of number i is multiplied by. Without an order that bytes of a file might have too. */
@inline function weightOf(i: u32): u32 {
  const step = i * 0x9e3779b1
  const mixed = (step ^ (step >> 15)) * 0x85ebca77
  return mixed ^ (mixed >> 13)
}

/** Those of four steps. */
@inline function weightsOf(steps: v128, factor: v128): v128 {
  const mixed = i32x4.mul(v128.xor(steps, i32x4.shr_u(steps, 15)), factor)
  return v128.xor(mixed, i32x4.shr_u(mixed, 13))
}

/**
 * Adds bytes of a file to two sums of 64 bits at `state`. Of the 32-bit words w1, w2, … of the file, little-endian and the last filled up
 * with zeros, they are Σ wi and Σ ki wi, where ki is a mix of the bits of i: sums of pieces add up to those of the whole, in any order.
 * @param position of the first byte in the file
 */
export function checksum(from: usize, bytes: i32, position: f64, state: usize): void {
  const end = from + bytes
  let place = <u64>position
  let sum = load<u64>(state)
  let weighted = load<u64>(state, 8)
  for (; from < end && place & 3; from++, place++) {
    const part = (<u64>load<u8>(from)) << (8 * (place & 3))
    sum += part
    weighted += part * weightOf(<u32>(place >> 2) + 1)
  }
  // Words at even and odd places; both as they are, and those at odd ones alone.
  let pairs = i64x2.splat(0)
  let odds = pairs
  let weightedSums = pairs
  const rows = <usize>(end - from) >> 4
  const last = from + (rows << 4)
  const before = <u32>(place >> 2) - 3
  let steps = i32x4.mul(i32x4.add(i32x4.splat(before), i32x4(0, 1, 2, 3)), i32x4.splat(0x9e3779b1))
  const four = held(i32x4.splat(4 * 0x9e3779b1), bytes)
  const factor = held(i32x4.splat(0x85ebca77), bytes)
  if (from < last) do {
    const words = v128.load(from)
    steps = i32x4.add(steps, four)
    const weights = weightsOf(steps, factor)
    pairs = i64x2.add(pairs, words)
    odds = i64x2.add(odds, i64x2.shr_u(words, 32))
    weightedSums = i64x2.add(weightedSums, i64x2.extmul_low_i32x4_u(words, weights))
    weightedSums = i64x2.add(weightedSums, i64x2.extmul_high_i32x4_u(words, weights))
    from += 16
  } while (from < last)
  const sums = i64x2.add(i64x2.sub(pairs, i64x2.shl(odds, 32)), odds)
  sum += i64x2.extract_lane(sums, 0) + i64x2.extract_lane(sums, 1)
  weighted += i64x2.extract_lane(weightedSums, 0) + i64x2.extract_lane(weightedSums, 1)
  place += 16 * <u64>rows
  for (; from < end; from++, place++) {
    const part = (<u64>load<u8>(from)) << (8 * (place & 3))
    sum += part
    weighted += part * weightOf(<u32>(place >> 2) + 1)
  }
  store<u64>(state, sum)
  store<u64>(state, weighted, 8)
}
