// Stored formats ↔ float32. All loops work on whole vectors: buffers are padded with zeros to a multiple of 64 bytes.
// A return value of 1 says that a value is NaN or infinite, as read or as written.

/** Exponent bits of NaN and infinity. */
const F32: i32 = 0x7f800000
const BF16: i16 = 0x7f80
const F16: i16 = 0x7c00

@inline function isBad(words: v128, exponent: v128): v128 {
  return i32x4.eq(v128.and(words, exponent), exponent)
}

export function decodeF32(from: usize, to: usize, size: i32): i32 {
  const exponent = i32x4.splat(F32)
  let bad = i32x4.splat(0)
  for (let i = 0; i < size; i += 4, from += 16, to += 16) {
    const words = v128.load(from)
    bad = v128.or(bad, isBad(words, exponent))
    v128.store(to, words)
  }
  return <i32>v128.any_true(bad)
}

export function decodeBF16(from: usize, to: usize, size: i32): i32 {
  const exponent = i16x8.splat(BF16)
  let bad = i32x4.splat(0)
  for (let i = 0; i < size; i += 8, from += 16, to += 32) {
    const halves = v128.load(from)
    bad = v128.or(bad, i16x8.eq(v128.and(halves, exponent), exponent))
    v128.store(to, i32x4.shl(i32x4.extend_low_i16x8_u(halves), 16))
    v128.store(to, i32x4.shl(i32x4.extend_high_i16x8_u(halves), 16), 16)
  }
  return <i32>v128.any_true(bad)
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
  for (let i = 0; i < size; i += 8, from += 16, to += 32) {
    const halves = v128.load(from)
    bad = v128.or(bad, i16x8.eq(v128.and(halves, exponent), exponent))
    v128.store(to, fromHalf(i32x4.extend_low_i16x8_u(halves)))
    v128.store(to, fromHalf(i32x4.extend_high_i16x8_u(halves)), 16)
  }
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
  return decodeF32(from, to, size)
}

/** Rounded to nearest, ties to even; the result in the lower halves. */
@inline function toBF16(words: v128): v128 {
  const odd = v128.and(i32x4.shr_u(words, 16), i32x4.splat(1))
  return i32x4.shr_u(i32x4.add(i32x4.add(words, i32x4.splat(0x7fff)), odd), 16)
}

export function encodeBF16(from: usize, to: usize, size: i32): i32 {
  const exponent = i32x4.splat(F32)
  const half = i16x8.splat(BF16)
  let bad = i32x4.splat(0)
  for (let i = 0; i < size; i += 8, from += 32, to += 16) {
    const low = v128.load(from)
    const high = v128.load(from, 16)
    const rounded = i16x8.narrow_i32x4_u(toBF16(low), toBF16(high))
    bad = v128.or(bad, v128.or(isBad(low, exponent), isBad(high, exponent)))
    bad = v128.or(bad, i16x8.eq(v128.and(rounded, half), half))
    v128.store(to, rounded)
  }
  return <i32>v128.any_true(bad)
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
  for (let i = 0; i < size; i += 8, from += 32, to += 16) {
    const rounded = i16x8.narrow_i32x4_u(toHalf(v128.load(from)), toHalf(v128.load(from, 16)))
    bad = v128.or(bad, i16x8.eq(v128.and(rounded, half), half))
    v128.store(to, rounded)
  }
  return <i32>v128.any_true(bad)
}

const PRIME: i32 = <i32>0x9e3779b1

@inline function mix(sum: v128, word: v128): v128 {
  const mixed = i32x4.mul(v128.xor(sum, word), i32x4.splat(PRIME))
  return v128.xor(mixed, i32x4.shr_u(mixed, 15))
}

/**
 * A checksum of bytes in four words at `state`, carried on from call to call: a damaged or missing block is found, malice is not. Four
 * sums run side by side: one alone would wait for its own products.
 */
export function checksum(from: usize, bytes: i32, state: usize): void {
  let a = v128.load(state)
  let b = v128.xor(a, i32x4.splat(1))
  let c = v128.xor(a, i32x4.splat(2))
  let d = v128.xor(a, i32x4.splat(3))
  let i = 0
  for (; i + 64 <= bytes; i += 64, from += 64) {
    a = mix(a, v128.load(from))
    b = mix(b, v128.load(from, 16))
    c = mix(c, v128.load(from, 32))
    d = mix(d, v128.load(from, 48))
  }
  let sum = mix(mix(mix(a, b), c), d)
  for (; i + 16 <= bytes; i += 16, from += 16) sum = mix(sum, v128.load(from))
  v128.store(state, sum)
  for (; i < bytes; i++, from++) {
    const word = (load<i32>(state) ^ <i32>load<u8>(from)) * PRIME
    store<i32>(state, word ^ (word >>> 15))
  }
}
