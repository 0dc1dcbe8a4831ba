// Codes in as few bits as most of their class need, without an entropy coder, and back. docs/delta-format.md describes the bytes. Where the bits of an
// entry lie depends on the base alone, so nothing has to wait for how far an entry moved; what takes more bits is patched behind them.
import { bitsAt, classOf } from './differences'
import { classesOf } from './shared/classes'

/** Bytes of the rows of 256 classes. */
const ROWS: usize = 256 << 4

/** Of a class: as many ones as it has bits, and their number, from 1 to 56. */
@inline function rowOf(place: usize, rows: usize): usize {
  return rows + (<usize>load<u8>(place) << 4)
}
@inline function onesIn(row: usize): u64 {
  return load<u64>(row)
}
@inline function bitsIn(row: usize): u64 {
  return load<u64>(row, 8)
}

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
@inline function numberAt(at: usize): u64 {
  let number = <u64>load<u8>(at) & 127
  for (let bits: u64 = 7; load<u8>(at) > 127; bits += 7) number |= (<u64>load<u8>(++at) & 127) << bits
  return number
}
@inline function behindNumber(at: usize): usize {
  while (load<u8>(at) > 127) at++
  return at + 1
}

/** Of 16 classes the places of their widths in a table: 16 widths, the first to the fourth bytes of as many ones, the first class. */
@inline function placesOf(classes: v128, first: v128): v128 {
  return i8x16.min_u(i8x16.sub_sat_u(classes, first), i8x16.splat(15))
}
/** Bytes, or pairs of them, of two vectors in turn: of their first or of their last eight bytes. */
@inline function firstBytes(one: v128, two: v128): v128 {
  return v128.shuffle<u8>(one, two, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
}
@inline function lastBytes(one: v128, two: v128): v128 {
  return v128.shuffle<u8>(one, two, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
}
@inline function firstPairs(one: v128, two: v128): v128 {
  return v128.shuffle<u16>(one, two, 0, 8, 1, 9, 2, 10, 3, 11)
}
@inline function lastPairs(one: v128, two: v128): v128 {
  return v128.shuffle<u16>(one, two, 4, 12, 5, 13, 6, 14, 7, 15)
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
      patch = writeNumber(<u64>load<T>(codes + sizeof<T>() * k) >> bitsIn(rowOf(classes + k, rows)), writeNumber(k - next, patch))
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
    for (let i = size; i < whole; i++) behind += bitsIn(rowOf(classes + i, rows))
    patch = joinCodes<T>(codes, classes, whole, rows, patches, most)
    // Then it stopped before the end: the others are no groups.
    if (patch - patches > <usize>most) return bits + (patch - patches)
    bits += <usize>((packGroups(codes, classes, (whole * sizeof<T>()) >> 3, bits) - behind + 7) >> 3)
  } else {
    let held: u64 = 0
    let filled: u64 = 0
    let next: u32 = 0
    for (let i: u32 = 0; i < size && patch - patches <= <usize>most; i++) {
      const row = rowOf(classes + i, rows)
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

/**
 * Eight codes of up to 16 bits. Each begins within a byte and ends within the next two; products shift its parts.
 * @param bits the byte in which the first begins
 * @param bytes of each, twice, how many bytes behind that it begins
 * @param powers of each 2^(8 − n), where the lowest n bits of its first byte belong to codes before it, from 1 to 8
 */
@inline function eightCodes(bits: usize, bytes: v128, powers: v128): v128 {
  const begins = i8x16.swizzle(v128.load(bits), v128.or(bytes, i16x8.splat(-0x8000)))
  const rests = i8x16.swizzle(v128.load(bits, 1), i8x16.add(bytes, i16x8.splat(0x100)))
  return v128.or(i16x8.shr_u(i16x8.mul(begins, powers), 8), i16x8.mul(rests, powers))
}

/**
 * Codes of entries of two bytes without patches, 16 at a time. @param table of 16 widths of classes, the lower and the upper bytes of as many ones, and
 * the first class @returns the number of bits that were read
 */
function unpackHalves(bits: usize, base: usize, size: u32, shift: u32, table: usize, to: usize): u32 {
  const widthsOf = v128.load(table)
  const lowsOf = v128.load(table, 16)
  const highsOf = v128.load(table, 32)
  const first = v128.load8_splat(table, 80)
  // Bits before each code, from the byte before the first on: then none of a code's first byte is its own where it begins with the next one.
  bits--
  let at: u32 = 7
  for (const end = to + 2 * <usize>size; to < end; base += 32, to += 32) {
    const places = placesOf(classesOf<u16>(base, shift), first)
    const widths = i8x16.swizzle(widthsOf, places)
    // Sums of the widths of each eight, up to each.
    const twos = i8x16.add(widths, i64x2.shl(widths, 8))
    const fours = i8x16.add(twos, i64x2.shl(twos, 16))
    const sums = i8x16.add(fours, i64x2.shl(fours, 32))
    const middle = at + <u32>(<u64>i64x2.extract_lane(sums, 0) >> 56)
    const begins = i64x2.replace_lane(i64x2.splat((at & 7) * 0x0101010101010101), 1, (middle & 7) * 0x0101010101010101)
    const places0 = i8x16.add(i64x2.shl(sums, 8), begins)
    const bytes = v128.and(i16x8.shr_u(places0, 3), i8x16.splat(31))
    const powers = i8x16.swizzle(i8x16(-128, 64, 32, 16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0), v128.and(places0, i8x16.splat(7)))
    const lows = i8x16.swizzle(lowsOf, places)
    const highs = i8x16.swizzle(highsOf, places)
    const one = eightCodes(bits + (at >> 3), firstBytes(bytes, bytes), i16x8.extend_low_i8x16_u(powers))
    const two = eightCodes(bits + (middle >> 3), lastBytes(bytes, bytes), i16x8.extend_high_i8x16_u(powers))
    v128.store(to, v128.and(one, firstBytes(lows, highs)))
    v128.store(to, v128.and(two, lastBytes(lows, highs)), 16)
    at = middle + <u32>(<u64>i64x2.extract_lane(sums, 1) >> 56)
  }
  return at - 7
}

/**
 * Four codes of up to 32 bits. Each begins within a byte and ends within the next four; products shift its parts.
 * @param bits the byte in which the first begins
 * @param bytes of each, four times, how many bytes behind that it begins
 * @param powers as above
 */
@inline function fourCodes(bits: usize, bytes: v128, powers: v128): v128 {
  const begins = i8x16.swizzle(v128.load(bits), v128.or(bytes, i32x4.splat(-0x100)))
  const rests = i8x16.swizzle(v128.load(bits, 1), i8x16.add(bytes, i32x4.splat(0x03020100)))
  return v128.or(i32x4.shr_u(i16x8.mul(begins, powers), 8), i32x4.mul(rests, powers))
}

/** The same for entries of four bytes. */
function unpackWords(bits: usize, base: usize, size: u32, shift: u32, table: usize, to: usize): u32 {
  const widthsOf = v128.load(table)
  const onesOf0 = v128.load(table, 16)
  const onesOf1 = v128.load(table, 32)
  const onesOf2 = v128.load(table, 48)
  const onesOf3 = v128.load(table, 64)
  const first = v128.load8_splat(table, 80)
  const none = i32x4.splat(0)
  bits--
  let at: u32 = 7
  for (const end = to + 4 * <usize>size; to < end; base += 64, to += 64) {
    const places = placesOf(classesOf<u32>(base, shift), first)
    const widths = i8x16.swizzle(widthsOf, places)
    // Sums of the widths of each four, up to each; bits before each four.
    const twos = i8x16.add(widths, i32x4.shl(widths, 8))
    const sums = i8x16.add(twos, i32x4.shl(twos, 16))
    const fours = i32x4.shr_u(sums, 24)
    const pairs = i32x4.add(fours, v128.shuffle<u32>(none, fours, 3, 4, 5, 6))
    const before = i32x4.add(i32x4.splat(at), i32x4.sub(i32x4.add(pairs, v128.shuffle<u32>(none, pairs, 2, 3, 4, 5)), fours))
    const begins = i8x16.swizzle(v128.and(before, i32x4.splat(7)), i8x16(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12))
    const starts = i8x16.add(i32x4.shl(sums, 8), begins)
    const bytes = v128.and(i16x8.shr_u(starts, 3), i8x16.splat(31))
    const powers = i8x16.swizzle(i8x16(-128, 64, 32, 16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0), v128.and(starts, i8x16.splat(7)))
    const bytes0 = i8x16.swizzle(onesOf0, places)
    const bytes1 = i8x16.swizzle(onesOf1, places)
    const bytes2 = i8x16.swizzle(onesOf2, places)
    const bytes3 = i8x16.swizzle(onesOf3, places)
    const lows = firstBytes(bytes0, bytes1)
    const highs = firstBytes(bytes2, bytes3)
    const lows2 = lastBytes(bytes0, bytes1)
    const highs2 = lastBytes(bytes2, bytes3)
    const place0 = bits + (i32x4.extract_lane(before, 0) >> 3)
    const place1 = bits + (i32x4.extract_lane(before, 1) >> 3)
    const place2 = bits + (i32x4.extract_lane(before, 2) >> 3)
    const last = i32x4.extract_lane(before, 3)
    const at0 = firstBytes(bytes, bytes)
    const at1 = lastBytes(bytes, bytes)
    const powers0 = i16x8.extend_low_i8x16_u(powers)
    const powers1 = i16x8.extend_high_i8x16_u(powers)
    const codes0 = fourCodes(place0, firstPairs(at0, at0), i32x4.extend_low_i16x8_u(powers0))
    const codes1 = fourCodes(place1, lastPairs(at0, at0), i32x4.extend_high_i16x8_u(powers0))
    const codes2 = fourCodes(place2, firstPairs(at1, at1), i32x4.extend_low_i16x8_u(powers1))
    const codes3 = fourCodes(bits + (last >> 3), lastPairs(at1, at1), i32x4.extend_high_i16x8_u(powers1))
    v128.store(to, v128.and(codes0, firstPairs(lows, highs)))
    v128.store(to, v128.and(codes1, lastPairs(lows, highs)), 16)
    v128.store(to, v128.and(codes2, firstPairs(lows2, highs2)), 32)
    v128.store(to, v128.and(codes3, lastPairs(lows2, highs2)), 48)
    at = last + i32x4.extract_lane(fours, 3)
  }
  return at - 7
}

/** The way back. @param rows as above, and behind them a table @param end of the record @returns whether it is sound */
@inline function unpack<T>(bits: usize, end: usize, base: usize, size: u32, shift: u32, rows: usize, to: usize): bool {
  let at: u64 = 0
  let i: u32 = 0
  if (sizeof<T>() == 2) {
    i = size & ~15
    at = unpackHalves(bits, base, i, shift, rows + ROWS, to)
  } else if (sizeof<T>() == 4) {
    i = size & ~15
    at = unpackWords(bits, base, i, shift, rows + ROWS, to)
  }
  for (; i < size; i++) {
    const row = rows + (<usize>classOf<T>(load<T>(base + i * sizeof<T>()), shift) << 4)
    store<T>(to + i * sizeof<T>(), <T>(bitsAt<T>(bits, at) & onesIn(row)))
    at += bitsIn(row)
  }
  let patch = bits + <usize>((at + 7) >> 3)
  for (let next: u64 = 0; patch < end; next++) {
    const other = behindNumber(patch)
    next += numberAt(patch)
    patch = behindNumber(other)
    if (next >= size || patch > end) return false
    const place = <usize>next * sizeof<T>()
    const row = rows + (<usize>classOf<T>(load<T>(base + place), shift) << 4)
    store<T>(to + place, load<T>(to + place) | <T>(numberAt(other) << bitsIn(row)))
  }
  return patch == end
}

export function unpackMoves(bits: usize, end: usize, base: usize, size: u32, width: u32, shift: u32, rows: usize, to: usize): bool {
  if (width == 1) return unpack<u8>(bits, end, base, size, shift, rows, to)
  if (width == 2) return unpack<u16>(bits, end, base, size, shift, rows, to)
  if (width == 4) return unpack<u32>(bits, end, base, size, shift, rows, to)
  return unpack<u64>(bits, end, base, size, shift, rows, to)
}
