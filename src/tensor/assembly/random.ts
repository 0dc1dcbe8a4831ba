// Philox4x32-10 (Salmon et al., SC11) on SIMD: four counters at a time, fused with the selection that an editor makes of it.
// The plain JavaScript twin is src/tensor/philox.ts; the two agree bit for bit.
const M0: u32 = 0xd2511f53
const M1: u32 = 0xcd9e8d57
const W0: u32 = 0x9e3779b9
const W1: u32 = 0xbb67ae85

/** One word of the block of one counter: for the few elements before and after the four-counter groups. */
function word(counter: u64, lane: u32, key0: u32, key1: u32): u32 {
  let c0 = <u32>counter
  let c1 = <u32>(counter >> 32)
  let c2: u32 = 0
  let c3: u32 = 0
  for (let round = 0; round < 10; round++) {
    const p0 = <u64>M0 * <u64>c0
    const p1 = <u64>M1 * <u64>c2
    c0 = <u32>(p1 >> 32) ^ c1 ^ key0
    c1 = <u32>p1
    c2 = <u32>(p0 >> 32) ^ c3 ^ key1
    c3 = <u32>p0
    key0 += W0
    key1 += W1
  }
  return lane < 2 ? (lane == 0 ? c0 : c1) : lane == 2 ? c2 : c3
}

@inline function choose(words: v128, limit: v128, dropped: v128, kept: v128): v128 {
  return v128.bitselect(dropped, kept, i32x4.lt_s(i32x4.shr_u(words, 8), limit))
}

/**
 * to[i] = from[i] × (the upper 24 bits of word (offset + i) < limit ? dropped : kept), for i < size.
 * The offset is given as a float64, exact to 2^53.
 */
export function select(from: usize, to: usize, size: u32, key0: u32, key1: u32, offset: f64, limit: i32, dropped: f32, kept: f32): void {
  let index = <u64>offset
  let i: u32 = 0
  while (i < size && (index & 3) != 0) {
    const factor = <i32>(word(index >> 2, <u32>(index & 3), key0, key1) >> 8) < limit ? dropped : kept
    store<f32>(to + (<usize>i << 2), load<f32>(from + (<usize>i << 2)) * factor)
    i++
    index++
  }
  const limits = i32x4.splat(limit)
  const droppeds = f32x4.splat(dropped)
  const kepts = f32x4.splat(kept)
  const m0 = i32x4.splat(M0)
  const m1 = i32x4.splat(M1)
  const lanes = i32x4(0, 1, 2, 3)
  while (size - i >= 16) {
    const counter = index >> 2
    const first = i32x4.splat(<i32>counter)
    let c0 = i32x4.add(first, lanes)
    // A lane that wrapped past 2^32 carries one into its upper word (the comparison gives -1 there).
    let c1 = i32x4.sub(i32x4.splat(<i32>(counter >> 32)), i32x4.lt_u(c0, first))
    let c2 = i32x4.splat(0)
    let c3 = i32x4.splat(0)
    let k0 = key0
    let k1 = key1
    for (let round = 0; round < 10; round++) {
      const a = i64x2.extmul_low_i32x4_u(c0, m0)
      const b = i64x2.extmul_high_i32x4_u(c0, m0)
      const c = i64x2.extmul_low_i32x4_u(c2, m1)
      const d = i64x2.extmul_high_i32x4_u(c2, m1)
      const high0 = v128.shuffle<i32>(a, b, 1, 3, 5, 7)
      const high1 = v128.shuffle<i32>(c, d, 1, 3, 5, 7)
      c0 = v128.xor(v128.xor(high1, c1), i32x4.splat(k0))
      c1 = v128.shuffle<i32>(c, d, 0, 2, 4, 6)
      c2 = v128.xor(v128.xor(high0, c3), i32x4.splat(k1))
      c3 = v128.shuffle<i32>(a, b, 0, 2, 4, 6)
      k0 += W0
      k1 += W1
    }
    // Lane j of word w belongs to element 4j + w: transpose.
    const f0 = choose(c0, limits, droppeds, kepts)
    const f1 = choose(c1, limits, droppeds, kepts)
    const f2 = choose(c2, limits, droppeds, kepts)
    const f3 = choose(c3, limits, droppeds, kepts)
    const low01 = v128.shuffle<i32>(f0, f1, 0, 4, 1, 5)
    const low23 = v128.shuffle<i32>(f2, f3, 0, 4, 1, 5)
    const high01 = v128.shuffle<i32>(f0, f1, 2, 6, 3, 7)
    const high23 = v128.shuffle<i32>(f2, f3, 2, 6, 3, 7)
    const source = from + (<usize>i << 2)
    const target = to + (<usize>i << 2)
    v128.store(target, f32x4.mul(v128.load(source), v128.shuffle<i64>(low01, low23, 0, 2)))
    v128.store(target, f32x4.mul(v128.load(source, 16), v128.shuffle<i64>(low01, low23, 1, 3)), 16)
    v128.store(target, f32x4.mul(v128.load(source, 32), v128.shuffle<i64>(high01, high23, 0, 2)), 32)
    v128.store(target, f32x4.mul(v128.load(source, 48), v128.shuffle<i64>(high01, high23, 1, 3)), 48)
    i += 16
    index += 16
  }
  while (i < size) {
    const factor = <i32>(word(index >> 2, <u32>(index & 3), key0, key1) >> 8) < limit ? dropped : kept
    store<f32>(to + (<usize>i << 2), load<f32>(from + (<usize>i << 2)) * factor)
    i++
    index++
  }
}
