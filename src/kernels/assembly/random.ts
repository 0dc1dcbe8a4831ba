// Philox4x32-10 (Salmon et al., SC11) on SIMD, four counters at a time, and the selection that an editor makes of it.
// The plain JavaScript twin is src/tensor/philox.ts; the two agree bit for bit.
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

@inline function even(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 2, 4, 6)
}

@inline function odd(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 1, 3, 5, 7)
}

/** The upper 24 bits of 16 words, transposed: lane j of word w belongs to entry 4j + w. */
@inline function put(to: usize, w0: v128, w1: v128, w2: v128, w3: v128): void {
  const low01 = v128.shuffle<i32>(w0, w1, 0, 4, 1, 5)
  const low23 = v128.shuffle<i32>(w2, w3, 0, 4, 1, 5)
  const high01 = v128.shuffle<i32>(w0, w1, 2, 6, 3, 7)
  const high23 = v128.shuffle<i32>(w2, w3, 2, 6, 3, 7)
  v128.store(to, i32x4.shr_u(v128.shuffle<i64>(low01, low23, 0, 2), 8))
  v128.store(to, i32x4.shr_u(v128.shuffle<i64>(low01, low23, 1, 3), 8), 16)
  v128.store(to, i32x4.shr_u(v128.shuffle<i64>(high01, high23, 0, 2), 8), 32)
  v128.store(to, i32x4.shr_u(v128.shuffle<i64>(high01, high23, 1, 3), 8), 48)
}

/** Enciphers four counters at a time in groups of eight, the lower words of which do not wrap: 32 entries of each group to `to`. */
function groups(to: usize, count: u32, key0: u32, key1: u32, counter: u64): void {
  const m0 = i32x4.splat(M0)
  const m1 = i32x4.splat(M1)
  // The first round: the third word is 0, and the products of the first one grow from counter to counter by the multiplier.
  let p = i64x2.add(i64x2.splat(<i64>(<u64>M0 * <u64><u32>counter)), i64x2(0, M0))
  let q = i64x2.add(p, i64x2.splat(2 * <i64>M0))
  let t = i64x2.add(p, i64x2.splat(4 * <i64>M0))
  let u = i64x2.add(p, i64x2.splat(6 * <i64>M0))
  const eight = i64x2.splat(8 * <i64>M0)
  const first1 = i32x4.splat(key1)
  // The second round: the first word is the same in all counters.
  const same = <u64>M0 * <u64>(<u32>(counter >> 32) ^ key0)
  const second0 = i32x4.splat(key0 + W0)
  const second1 = i32x4.splat(<u32>(same >> 32) ^ (key1 + W1))
  const fourth = i32x4.splat(<u32>same)
  for (const end = to + (<usize>count << 7); to < end; to += 128) {
    // Two times four counters (a, b) run side by side: one alone would wait for its own products.
    let a2 = v128.xor(odd(p, q), first1)
    let b2 = v128.xor(odd(t, u), first1)
    const r = i64x2.extmul_low_i32x4_u(a2, m1)
    const s = i64x2.extmul_high_i32x4_u(a2, m1)
    const v = i64x2.extmul_low_i32x4_u(b2, m1)
    const w = i64x2.extmul_high_i32x4_u(b2, m1)
    let a0 = v128.xor(odd(r, s), second0)
    let b0 = v128.xor(odd(v, w), second0)
    let a1 = even(r, s)
    let b1 = even(v, w)
    a2 = v128.xor(even(p, q), second1)
    b2 = v128.xor(even(t, u), second1)
    let a3 = fourth
    let b3 = fourth
    p = i64x2.add(p, eight)
    q = i64x2.add(q, eight)
    t = i64x2.add(t, eight)
    u = i64x2.add(u, eight)
    let k0 = key0 + W0
    let k1 = key1 + W1
    for (let round = 2; round < 10; round++) {
      k0 += W0
      k1 += W1
      const keys0 = i32x4.splat(k0)
      const keys1 = i32x4.splat(k1)
      const p = i64x2.extmul_low_i32x4_u(a0, m0)
      const q = i64x2.extmul_high_i32x4_u(a0, m0)
      const r = i64x2.extmul_low_i32x4_u(a2, m1)
      const s = i64x2.extmul_high_i32x4_u(a2, m1)
      const t = i64x2.extmul_low_i32x4_u(b0, m0)
      const u = i64x2.extmul_high_i32x4_u(b0, m0)
      const v = i64x2.extmul_low_i32x4_u(b2, m1)
      const w = i64x2.extmul_high_i32x4_u(b2, m1)
      a0 = v128.xor(odd(r, s), v128.xor(a1, keys0))
      b0 = v128.xor(odd(v, w), v128.xor(b1, keys0))
      a1 = even(r, s)
      b1 = even(v, w)
      a2 = v128.xor(odd(p, q), v128.xor(a3, keys1))
      b2 = v128.xor(odd(t, u), v128.xor(b3, keys1))
      a3 = even(p, q)
      b3 = even(t, u)
    }
    put(to, a0, a1, a2, a3)
    put(to + 64, b0, b1, b2, b3)
  }
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
