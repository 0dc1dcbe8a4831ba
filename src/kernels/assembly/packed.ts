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
    const ones = (1 << min<u32>(width, 16)) - 1
    store<u8>(table + k, width)
    store<u8>(table + k, ones, 16)
    store<u8>(table + k, ones >> 8, 32)
  }
  store<u8>(table, first, 48)
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

/** Of 16 classes the places of their widths in a table: 16 widths, the lower and the upper bytes of as many ones, the first class. */
@inline function placesOf(classes: v128, first: v128): v128 {
  return i8x16.min_u(i8x16.sub_sat_u(classes, first), i8x16.splat(15))
}
/** Pairs of bytes of the first or of the last eight lanes. */
@inline function firstPairs(one: v128, two: v128): v128 {
  return v128.shuffle<u8>(one, two, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
}
@inline function lastPairs(one: v128, two: v128): v128 {
  return v128.shuffle<u8>(one, two, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
}

/** Pairs of codes as one, the bits of the second right behind those of the first. @param ones as many as each has bits */
@inline function joinPairs(codes: v128, ones: v128): v128 {
  const low = i32x4.splat(0xffff)
  const kept = v128.and(codes, ones)
  const power = i32x4.sub(v128.and(ones, low), i32x4.splat(-1))
  return i32x4.add(v128.and(kept, low), i32x4.mul(i32x4.shr_u(kept, 16), power))
}

/**
 * Codes of two bytes as pairs, in place, and the bits of these in the place of their classes. @param size a multiple of 16 @returns the end of the patches
 */
function pairHalves(codes: usize, classes: usize, size: u32, rows: usize, patches: usize, most: u32): usize {
  const table = rows + ROWS
  const widthsOf = v128.load(table)
  const lowsOf = v128.load(table, 16)
  const highsOf = v128.load(table, 32)
  const first = v128.load8_splat(table, 48)
  const none = i32x4.splat(0)
  let patch = patches
  let next: u32 = 0
  for (let i: u32 = 0; i < size && patch - patches <= <usize>most; i += 16) {
    const at = codes + 2 * <usize>i
    const one = v128.load(at)
    const two = v128.load(at, 16)
    const places = placesOf(v128.load(classes + i), first)
    const lows = i8x16.swizzle(lowsOf, places)
    const highs = i8x16.swizzle(highsOf, places)
    const ones = firstPairs(lows, highs)
    const twos = lastPairs(lows, highs)
    const others = i8x16.narrow_i16x8_s(i16x8.ne(v128.andnot(one, ones), none), i16x8.ne(v128.andnot(two, twos), none))
    for (let left = i8x16.bitmask(others); left; left &= left - 1) {
      const k = i + ctz(left)
      patch = writeNumber(<u64>load<u16>(codes + 2 * k) >> bitsIn(rowOf(classes + k, rows)), writeNumber(k - next, patch))
      next = k + 1
    }
    const widths = i8x16.swizzle(widthsOf, places)
    const sums = i16x8.add(v128.and(widths, i16x8.splat(255)), i16x8.shr_u(widths, 8))
    v128.store(at, joinPairs(one, ones))
    v128.store(at, joinPairs(two, twos), 16)
    v128.store64_lane(classes + (i >> 1), i8x16.narrow_i16x8_u(sums, sums), 0)
  }
  return patch
}

/** Pairs of codes, and the bits of each → these bits, one behind the other. @returns the byte after the last bits */
function packPairs(pairs: usize, widths: usize, size: u32, bits: usize): usize {
  let held: u64 = 0
  let filled: u64 = 0
  for (const end = widths + size; widths < end; widths += 2, pairs += 8) {
    const two = load<u64>(pairs)
    const first = <u64>load<u8>(widths)
    let count = <u64>load<u8>(widths, 1)
    let left = two >> 32
    if (first + count > 56) {
      held |= (two & 0xffffffff) << filled
      filled += first
      store<u64>(bits, held)
      bits += <usize>(filled >> 3)
      held >>= filled & ~7
      filled &= 7
    } else {
      left = (left << first) | (two & 0xffffffff)
      count += first
    }
    held |= left << filled
    filled += count
    store<u64>(bits, held)
    bits += <usize>(filled >> 3)
    held >>= filled & ~7
    filled &= 7
  }
  return bits + <usize>((filled + 7) >> 3)
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
  if (sizeof<T>() == 2) {
    memory.fill(codes + 2 * <usize>size, 0, 32)
    const last = bitsIn(rowOf(classes + size - 1, rows))
    patch = pairHalves(codes, classes, (size + 15) & ~15, rows, patches, most)
    // Then it stopped before the end: the others are no pairs.
    if (patch - patches > <usize>most) return bits + (patch - patches)
    // Behind the last entry is none.
    if (size & 1) store<u8>(classes + (size >> 1), <u8>last)
    store<u8>(classes + ((size + 1) >> 1), 0)
    bits = packPairs(codes, classes, (size + 1) >> 1, bits)
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
  const first = v128.load8_splat(table, 48)
  // Bits before each code, from the byte before the first on: then none of a code's first byte is its own where it begins with the next one.
  bits--
  let at: u32 = 7
  for (const end = to + 2 * <usize>size; to < end; base += 32, to += 32) {
    const classes = classesOf(v128.load(base), v128.load(base, 16), shift)
    const places = placesOf(classes, first)
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
    const one = eightCodes(bits + (at >> 3), firstPairs(bytes, bytes), i16x8.extend_low_i8x16_u(powers))
    const two = eightCodes(bits + (middle >> 3), lastPairs(bytes, bytes), i16x8.extend_high_i8x16_u(powers))
    v128.store(to, v128.and(one, firstPairs(lows, highs)))
    v128.store(to, v128.and(two, lastPairs(lows, highs)), 16)
    at = middle + <u32>(<u64>i64x2.extract_lane(sums, 1) >> 56)
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
