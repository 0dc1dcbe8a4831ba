// Philox4x32-10 (Salmon et al., SC11) on SIMD, four counters at a time, and the selection that an editor makes of it.
// The plain JavaScript twin is src/tensor/philox.ts; the two agree bit for bit.
import { held } from './shared/vectors'

const M0: u32 = 0xd2511f53
const M1: u32 = 0xcd9e8d57
const W0: u32 = 0x9e3779b9
const W1: u32 = 0xbb67ae85

// The block of the last counter that was enciphered.
let c0: u32 = 0
let c1: u32 = 0
let c2: u32 = 0
let c3: u32 = 0

/** Enciphers the block (counter, stream, 0). */
@inline function encipher(counter: u64, stream: u32, key0: u32, key1: u32): void {
  let a0 = <u32>counter
  let a1 = <u32>(counter >> 32)
  let a2 = stream
  let a3: u32 = 0
  for (let round = 0; round < 10; round++) {
    const p0 = <u64>M0 * <u64>a0
    const p1 = <u64>M1 * <u64>a2
    a0 = <u32>(p1 >> 32) ^ a1 ^ key0
    a1 = <u32>p1
    a2 = <u32>(p0 >> 32) ^ a3 ^ key1
    a3 = <u32>p0
    key0 += W0
    key1 += W1
  }
  c0 = a0
  c1 = a1
  c2 = a2
  c3 = a3
}

/** One word of the block of one counter: for the few elements before and after the four-counter groups. */
function word(counter: u64, lane: u32, key0: u32, key1: u32): u32 {
  encipher(counter, 0, key0, key1)
  return lane < 2 ? (lane == 0 ? c0 : c1) : lane == 2 ? c2 : c3
}

/** The blocks of `count` counters from `first` on (a float64, exact to 2^53), four words each. */
export function words(to: usize, count: u32, key0: u32, key1: u32, first: f64, stream: u32): void {
  let counter = <u64>first
  for (const end = to + (<usize>count << 4); to < end; to += 16, counter++) {
    encipher(counter, stream, key0, key1)
    store<u32>(to, c0)
    store<u32>(to, c1, 4)
    store<u32>(to, c2, 8)
    store<u32>(to, c3, 12)
  }
}

/** The upper 24 bits of the words of a block: words 0 and 2, and 1 and 3, of it and of the next one, are side by side. */
@inline function put(to: usize, even: v128, odd: v128): void {
  v128.store(to, i32x4.shr_u(v128.shuffle<i32>(even, odd, 0, 4, 1, 5), 8))
  v128.store(to, i32x4.shr_u(v128.shuffle<i32>(even, odd, 2, 6, 3, 7), 8), 16)
}

/** The words 0 and 2 of two blocks after a round: the upper halves of products, crosswise. @param others words 1 and 3 before it */
@inline function crossed(first: v128, second: v128, others: v128, keys: v128): v128 {
  return v128.xor(v128.shuffle<i32>(first, second, 3, 1, 7, 5), v128.xor(others, keys))
}

/** The words 1 and 3: the lower halves. */
@inline function lower(first: v128, second: v128): v128 {
  return v128.shuffle<i32>(first, second, 2, 0, 6, 4)
}

@inline function lowerHalf(product: u64): u64 {
  return <u64><u32>product
}

/** The upper 24 bits of two words. */
@inline function two(first: u64, second: u64): u64 {
  return (first >> 8) | ((second >> 8) << 32)
}

/**
 * Enciphers `count` times eight counters, the lower words of which do not wrap: 32 entries for each eight to `to`. Eight at a time in vectors,
 * and beside them two of the first fifth without, on parts of the processor that vectors leave idle. One piece, so that it does both at once.
 */
function groups(to: usize, count: u32, key0: u32, key1: u32, counter: u64): void {
  const m = held(i32x4(M0, M1, M0, M1), count)
  const m1 = i32x4.splat(M1)
  const steps = held(i32x4(W0, W1, W0, W1), count)
  const lowers = i64x2.splat(0xffffffff)
  const eight = i64x2.splat(8 * <i64>M0)
  const first1 = i32x4.splat(key1)
  const second0 = key0 + W0
  const second1 = key1 + W1
  // The first round: the third word is 0, and so is the second after it; the first word is the same in all counters then.
  const same0 = <u32>(counter >> 32) ^ key0
  const same = <u64>M0 * <u64>same0
  const keys2 = i64x2.splat(<i64>(<u64>second1 << 32 | <u64>second0))
  const words2 = i64x2.splat(<i64>(((same >> 32) ^ <u64>second1) << 32 | <u64>second0))
  const fourth = i64x2.splat(<i64>(same << 32))
  let alone = <u32>counter
  let put1 = to
  const aside = count / 5
  to += <usize>aside << 7
  // The products of the first word grow from counter to counter by the multiplier.
  let p = i64x2.add(i64x2.splat(<i64>(<u64>M0 * <u64>(alone + 8 * aside))), i64x2(0, M0))
  let q = i64x2.add(p, i64x2.splat(2 * <i64>M0))
  let r = i64x2.add(p, i64x2.splat(4 * <i64>M0))
  let s = i64x2.add(p, i64x2.splat(6 * <i64>M0))
  const end = to + (<usize>(count - aside) << 7)
  do {
    // Two counters (x, y). At the end they may be those of vectors, to which they give the same words.
    let x = <u64>M0 * <u64>alone
    let y = <u64>M0 * <u64>(alone + 1)
    let z = <u64>M1 * ((x >> 32) ^ <u64>key1)
    let x0 = (z >> 32) ^ <u64>second0
    let x1 = lowerHalf(z)
    let x2 = (same >> 32) ^ lowerHalf(x) ^ <u64>second1
    let x3 = lowerHalf(same)
    z = <u64>M1 * ((y >> 32) ^ <u64>key1)
    let y0 = (z >> 32) ^ <u64>second0
    let y1 = lowerHalf(z)
    let y2 = (same >> 32) ^ lowerHalf(y) ^ <u64>second1
    let y3 = lowerHalf(same)
    let k0 = second0
    let k1 = second1
    // Four pairs of counters (a to d): one alone would wait for its own products.
    const ab = v128.xor(v128.shuffle<i32>(p, q, 1, 3, 5, 7), first1)
    const cd = v128.xor(v128.shuffle<i32>(r, s, 1, 3, 5, 7), first1)
    const pa = i64x2.extmul_low_i32x4_u(ab, m1)
    const pb = i64x2.extmul_high_i32x4_u(ab, m1)
    const pc = i64x2.extmul_low_i32x4_u(cd, m1)
    const pd = i64x2.extmul_high_i32x4_u(cd, m1)
    let a = v128.xor(v128.xor(i64x2.shr_u(pa, 32), i64x2.shl(p, 32)), words2)
    let b = v128.xor(v128.xor(i64x2.shr_u(pb, 32), i64x2.shl(q, 32)), words2)
    let c = v128.xor(v128.xor(i64x2.shr_u(pc, 32), i64x2.shl(r, 32)), words2)
    let d = v128.xor(v128.xor(i64x2.shr_u(pd, 32), i64x2.shl(s, 32)), words2)
    let a1 = v128.or(v128.and(pa, lowers), fourth)
    let b1 = v128.or(v128.and(pb, lowers), fourth)
    let c1 = v128.or(v128.and(pc, lowers), fourth)
    let d1 = v128.or(v128.and(pd, lowers), fourth)
    p = i64x2.add(p, eight)
    q = i64x2.add(q, eight)
    r = i64x2.add(r, eight)
    s = i64x2.add(s, eight)
    let keys = keys2
    let round = 2
    do {
      k0 += W0
      k1 += W1
      x = <u64>M0 * x0
      z = <u64>M1 * x2
      x0 = (z >> 32) ^ x1 ^ <u64>k0
      x2 = (x >> 32) ^ x3 ^ <u64>k1
      x1 = lowerHalf(z)
      x3 = lowerHalf(x)
      y = <u64>M0 * y0
      z = <u64>M1 * y2
      y0 = (z >> 32) ^ y1 ^ <u64>k0
      y2 = (y >> 32) ^ y3 ^ <u64>k1
      y1 = lowerHalf(z)
      y3 = lowerHalf(y)
      keys = i32x4.add(keys, steps)
      const la = i64x2.extmul_low_i32x4_u(a, m)
      const ha = i64x2.extmul_high_i32x4_u(a, m)
      const lb = i64x2.extmul_low_i32x4_u(b, m)
      const hb = i64x2.extmul_high_i32x4_u(b, m)
      const lc = i64x2.extmul_low_i32x4_u(c, m)
      const hc = i64x2.extmul_high_i32x4_u(c, m)
      const ld = i64x2.extmul_low_i32x4_u(d, m)
      const hd = i64x2.extmul_high_i32x4_u(d, m)
      a = crossed(la, ha, a1, keys)
      b = crossed(lb, hb, b1, keys)
      c = crossed(lc, hc, c1, keys)
      d = crossed(ld, hd, d1, keys)
      a1 = lower(la, ha)
      b1 = lower(lb, hb)
      c1 = lower(lc, hc)
      d1 = lower(ld, hd)
    } while (++round < 10)
    store<u64>(put1, two(x0, x1))
    store<u64>(put1, two(x2, x3), 8)
    store<u64>(put1, two(y0, y1), 16)
    store<u64>(put1, two(y2, y3), 24)
    put1 += 32
    alone += 2
    put(to, a, a1)
    put(to + 32, b, b1)
    put(to + 64, c, c1)
    put(to + 96, d, d1)
    to += 128
  } while (to < end)
}

/** to[i] = the upper 24 bits of word (offset + i), as i32, for i < size. The offset is given as a float64, exact to 2^53. */
export function draws(to: usize, size: u32, key0: u32, key1: u32, offset: f64): void {
  let index = <u64>offset
  for (let left = size; left > 0; ) {
    const counter = index >> 2
    const most = (0x100000000 - <u64><u32>counter) >> 3
    const count = index & 3 ? 0 : min(left >> 5, <u32>most)
    if (count > 0) groups(to, count, key0, key1, counter)
    else store<u32>(to, word(counter, <u32>(index & 3), key0, key1) >> 8)
    const done = max(count << 5, 1)
    left -= done
    index += done
    to += <usize>done << 2
  }
}

/** Bit i from `bits` on = draw i < limit; two bytes at a time. */
export function pack(draws: usize, bits: usize, size: i32, limit: i32): void {
  const limits = i32x4.splat(limit)
  for (let i = 0; i < size; i += 16, draws += 64, bits += 2) {
    const a = i32x4.lt_s(v128.load(draws), limits)
    const b = i32x4.lt_s(v128.load(draws, 16), limits)
    const c = i32x4.lt_s(v128.load(draws, 32), limits)
    const d = i32x4.lt_s(v128.load(draws, 48), limits)
    const all = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d))
    store<u16>(bits, <u16>i8x16.bitmask(all))
  }
}

/** Entries whose draws stay in the cache until they are used. */
const PART: u32 = 4096

/** to[i] = from[i] × (draw of offset + i < limit ? dropped : kept), for i < size; `to` and `from` are different places. */
export function select(from: usize, to: usize, size: u32, key0: u32, key1: u32, offset: f64, limit: i32, dropped: f32, kept: f32): void {
  const limits = i32x4.splat(limit)
  const droppeds = f32x4.splat(dropped)
  const kepts = f32x4.splat(kept)
  for (let done: u32 = 0; done < size; done += PART) {
    const part = min(PART, size - done)
    draws(to, part, key0, key1, offset + <f64>done)
    let i: u32 = 0
    for (; i + 4 <= part; i += 4, from += 16, to += 16) {
      const factors = v128.bitselect(droppeds, kepts, i32x4.lt_s(v128.load(to), limits))
      v128.store(to, f32x4.mul(v128.load(from), factors))
    }
    for (; i < part; i++, from += 4, to += 4) store<f32>(to, load<f32>(from) * (load<i32>(to) < limit ? dropped : kept))
  }
}
