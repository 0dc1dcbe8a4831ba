// Codes in as few bits as most of their class need, without an entropy coder. docs/delta-format.md describes the bytes. Where the bits of an
// entry lie depends on the base alone, so nothing has to wait for how far an entry moved; what takes more bits is patched behind them.
import { bitsIn, firstBytes, firstPairs, lastBytes, lastPairs, onesIn, placesOf, ROWS, rowOf } from './shared/widths'

/**
 * The rows of all classes, and behind them a table for those that look up 16 at once.
 * @param bits of the codes of `count` classes, at most 16, from the first on, a byte each. Classes below have those of the first, above of the last
 */
export function placeRows(first: u32, count: u32, bits: usize, rows: usize): void {
  for (let k: u32 = 0; k < 256; k++) {
    const width = <u64>load<u8>(bits + min(max(k, first) - first, count - 1))
    const row = rows + (<usize>k << 4)
    store<u64>(row, (<u64>1 << width) - 1)
    store<u64>(row, width, 8)
  }
  const table = rows + ROWS
  for (let k: u32 = 0; k < 16; k++) {
    const width = load<u8>(bits + min(k, count - 1))
    const ones = (<u64>1 << min<u64>(width, 32)) - 1
    store<u8>(table + k, width)
    for (let j: u32 = 0; j < 4; j++) store<u8>(table + k + 16 * (j + 1), <u8>(ones >> (8 * j)))
  }
  store<u8>(table, first, 80)
}

/** A number in groups of seven bits, the lowest first; the top bit of a byte says that more follow. @returns the byte behind it */
@inline function writeNumber(number: u64, to: usize): usize {
  for (; number > 127; number >>= 7, to++) store<u8>(to, <u8>number | 128)
  store<u8>(to, <u8>number)
  return to + 1
}
/**
 * Pairs of halves as words, the bits of the second right behind those of the first: the second times 2^n instead of 2^16.
 * @param ones as many as each has bits; it has no others
 */
@inline function joinHalves(halves: v128, ones: v128): v128 {
  const excess = v128.andnot(i32x4.splat(0xffff), ones)
  return i32x4.sub(halves, i32x4.mul(i32x4.shr_u(halves, 16), excess))
}
/** Pairs of words of two vectors in the same way, to memory. @param ones of the first of each pair */
@inline function joinWords(one: v128, two: v128, ones: v128, to: usize): void {
  const seconds = v128.shuffle<u32>(one, two, 1, 3, 5, 7)
  const excess = v128.not(ones)
  v128.store(to, i64x2.sub(one, i64x2.extmul_low_i32x4_u(seconds, excess)))
  v128.store(to, i64x2.sub(two, i64x2.extmul_high_i32x4_u(seconds, excess)), 16)
}
/** The first of each pair of words. */
@inline function firstWords(one: v128, two: v128): v128 {
  return v128.shuffle<u32>(one, two, 0, 2, 4, 6)
}

/**
 * Codes of two or four bytes → groups of eight bytes of them, the bits of each code right behind those of the one before, in place; and the bits of each
 * group, a byte, in the place of the classes.
 * @param size a multiple of 16 @returns the end of the patches
 */
@inline function joinCodes<T>(codes: usize, classes: usize, size: u32, rows: usize, patches: usize, most: u32): usize {
  const table = rows + ROWS
  const widthsOf = v128.load(table)
  const onesOf0 = v128.load(table, 16)
  const onesOf1 = v128.load(table, 32)
  const onesOf2 = v128.load(table, 48)
  const onesOf3 = v128.load(table, 64)
  const first = v128.load8_splat(table, 80)
  const none = i32x4.splat(0)
  let patch = patches
  let next: u32 = 0
  for (let i: u32 = 0; i < size && patch - patches <= <usize>most; i += 16) {
    const at = codes + sizeof<T>() * <usize>i
    const places = placesOf(v128.load(classes + i), first)
    const bytes0 = i8x16.swizzle(onesOf0, places)
    const bytes1 = i8x16.swizzle(onesOf1, places)
    const bytes2 = i8x16.swizzle(onesOf2, places)
    const bytes3 = i8x16.swizzle(onesOf3, places)
    const ones = firstBytes(bytes0, bytes1)
    const twos = lastBytes(bytes0, bytes1)
    const uppers = firstBytes(bytes2, bytes3)
    const lasts = lastBytes(bytes2, bytes3)
    const ones0 = firstPairs(ones, uppers)
    const ones1 = lastPairs(ones, uppers)
    const ones2 = firstPairs(twos, lasts)
    const ones3 = lastPairs(twos, lasts)
    const code0 = v128.load(at)
    const code1 = v128.load(at, 16)
    const code2 = v128.load(at, 32)
    const code3 = v128.load(at, 48)
    const above =
      sizeof<T>() == 2
        ? i8x16.narrow_i16x8_s(v128.andnot(code0, ones), v128.andnot(code1, twos))
        : i8x16.narrow_i16x8_s(
            i16x8.narrow_i32x4_s(v128.andnot(code0, ones0), v128.andnot(code1, ones1)),
            i16x8.narrow_i32x4_s(v128.andnot(code2, ones2), v128.andnot(code3, ones3)),
          )
    for (let left = i8x16.bitmask(i8x16.eq(above, none)) ^ 0xffff; left; left &= left - 1) {
      const k = i + ctz(left)
      patch = writeNumber(<u64>load<T>(codes + sizeof<T>() * k) >> bitsIn(rowOf(load<u8>(classes + k), rows)), writeNumber(k - next, patch))
      next = k + 1
    }
    const pairs = i16x8.extadd_pairwise_i8x16_u(i8x16.swizzle(widthsOf, places))
    if (sizeof<T>() == 2) {
      const words = firstWords(ones, twos)
      joinWords(joinHalves(v128.and(code0, ones), ones), joinHalves(v128.and(code1, twos), twos), joinHalves(words, words), at)
      const fours = i16x8.narrow_i32x4_u(i32x4.extadd_pairwise_i16x8_u(pairs), none)
      v128.store32_lane(classes + (i >> 2), i8x16.narrow_i16x8_u(fours, none), 0)
    } else {
      joinWords(v128.and(code0, ones0), v128.and(code1, ones1), firstWords(ones0, ones1), at)
      joinWords(v128.and(code2, ones2), v128.and(code3, ones3), firstWords(ones2, ones3), at + 32)
      v128.store64_lane(classes + (i >> 1), i8x16.narrow_i16x8_u(pairs, none), 0)
    }
  }
  return patch
}

/** Groups of eight bytes, and the bits of each → these bits, one behind the other. @returns their number */
function packGroups(groups: usize, widths: usize, size: u32, bits: usize): u64 {
  let to = bits
  let held: u64 = 0
  let filled: u64 = 0
  for (const end = widths + size; widths < end; widths++, groups += 8) {
    let group = load<u64>(groups)
    let count = <u64>load<u8>(widths)
    if (count > 56) {
      held |= (group & 0xffffffff) << filled
      filled += 32
      store<u64>(to, held)
      to += <usize>(filled >> 3)
      held >>= filled & ~7
      filled &= 7
      group >>= 32
      count -= 32
    }
    held |= group << filled
    filled += count
    store<u64>(to, held)
    to += <usize>(filled >> 3)
    held >>= filled & ~7
    filled &= 7
  }
  return (<u64>(to - bits) << 3) + filled
}

/**
 * Codes → the lowest bits of each, as many as its class has; then patches, one for each code that has more bits: how many entries lie between it and
 * the last such one, and its other bits. Codes and classes are lost.
 * @param classes classes of the base's entries, a byte each
 * @param rows of 256 classes, two words each: as many ones as it has bits, and these; behind them a table
 * @param patches room for them: `most` bytes and 200 more. Where they take more, the record is no use
 * @returns the byte after the last one
 */
@inline function pack<T>(codes: usize, classes: usize, size: u32, rows: usize, bits: usize, patches: usize, most: u32): usize {
  let patch = patches
  if (sizeof<T>() == 2 || sizeof<T>() == 4) {
    // Of the last 16 some may lie behind the end.
    const whole = (size + 15) & ~15
    memory.fill(codes + sizeof<T>() * <usize>size, 0, 64)
    let behind: u64 = 0
    for (let i = size; i < whole; i++) behind += bitsIn(rowOf(load<u8>(classes + i), rows))
    patch = joinCodes<T>(codes, classes, whole, rows, patches, most)
    // Then it stopped before the end: the others are no groups.
    if (patch - patches > <usize>most) return bits + (patch - patches)
    bits += <usize>((packGroups(codes, classes, (whole * sizeof<T>()) >> 3, bits) - behind + 7) >> 3)
  } else {
    let held: u64 = 0
    let filled: u64 = 0
    let next: u32 = 0
    for (let i: u32 = 0; i < size && patch - patches <= <usize>most; i++) {
      const row = rowOf(load<u8>(classes + i), rows)
      const code = <u64>load<T>(codes + i * sizeof<T>())
      if (code > onesIn(row)) {
        patch = writeNumber(code >> bitsIn(row), writeNumber(i - next, patch))
        next = i + 1
      }
      held |= (code & onesIn(row)) << filled
      filled += bitsIn(row)
      store<u64>(bits, held)
      bits += <usize>(filled >> 3)
      held >>= filled & ~7
      filled &= 7
    }
    bits += <usize>((filled + 7) >> 3)
  }
  memory.copy(bits, patches, patch - patches)
  return bits + (patch - patches)
}

export function packMoves(codes: usize, classes: usize, size: u32, width: u32, rows: usize, bits: usize, patches: usize, most: u32): usize {
  if (width == 1) return pack<u8>(codes, classes, size, rows, bits, patches, most)
  if (width == 2) return pack<u16>(codes, classes, size, rows, bits, patches, most)
  if (width == 4) return pack<u32>(codes, classes, size, rows, bits, patches, most)
  return pack<u64>(codes, classes, size, rows, bits, patches, most)
}
