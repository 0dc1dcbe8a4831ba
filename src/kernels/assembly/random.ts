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

/**
 * to[i] = the upper 24 bits of word (offset + i), as i32, for i < size. The offset is given as a float64, exact to 2^53. Two groups
 * of four counters (a, b) run side by side: one alone would wait for its own products.
 */
export function draws(to: usize, size: u32, key0: u32, key1: u32, offset: f64): void {
  let index = <u64>offset
  let i: u32 = 0
  for (; i < size && (index & 3) != 0; i++, index++) store<u32>(to + (<usize>i << 2), word(index >> 2, <u32>(index & 3), key0, key1) >> 8)
  const m0 = i32x4.splat(M0)
  const m1 = i32x4.splat(M1)
  for (; size - i >= 32; i += 32, index += 32) {
    const counter = index >> 2
    const first = i32x4.splat(<i32>counter)
    const upper = i32x4.splat(<i32>(counter >> 32))
    // A lane that wrapped past 2^32 carries one into its upper word (the comparison gives -1 there).
    let a0 = i32x4.add(first, i32x4(0, 1, 2, 3))
    let b0 = i32x4.add(first, i32x4(4, 5, 6, 7))
    let a1 = i32x4.sub(upper, i32x4.lt_u(a0, first))
    let b1 = i32x4.sub(upper, i32x4.lt_u(b0, first))
    let a2 = i32x4.splat(0)
    let b2 = a2
    let a3 = a2
    let b3 = a2
    let k0 = key0
    let k1 = key1
    for (let round = 0; round < 10; round++) {
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
      k0 += W0
      k1 += W1
    }
    const target = to + (<usize>i << 2)
    put(target, a0, a1, a2, a3)
    put(target + 64, b0, b1, b2, b3)
  }
  for (; i < size; i++, index++) store<u32>(to + (<usize>i << 2), word(index >> 2, <u32>(index & 3), key0, key1) >> 8)
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

/** -1 where four bits of a word are set, else the largest number. */
@inline function drawOf(word: v128, bits: v128): v128 {
  return v128.or(i32x4.eq(v128.and(word, bits), bits), i32x4.splat(i32.MAX_VALUE))
}

/** Draws below and not below any limit, as the bits say. */
export function unpack(bits: usize, draws: usize, size: i32): void {
  for (let i = 0; i < size; i += 16, draws += 64, bits += 2) {
    const word = v128.load16_splat(bits)
    v128.store(draws, drawOf(word, i32x4(1, 2, 4, 8)))
    v128.store(draws, drawOf(word, i32x4(16, 32, 64, 128)), 16)
    v128.store(draws, drawOf(word, i32x4(256, 512, 1024, 2048)), 32)
    v128.store(draws, drawOf(word, i32x4(4096, 8192, 16384, 32768)), 48)
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
