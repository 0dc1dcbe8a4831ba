// Packed codes again, of two and of four bytes 16 at a time. docs/delta-format.md describes the bytes.
import { bitsAt, classOf } from './differences'
import { classesOf } from './shared/classes'
import { bitsIn, firstBytes, firstPairs, lastBytes, lastPairs, onesIn, placesOf, ROWS, rowOf } from './shared/widths'

/** A number in groups of seven bits, the lowest first; the top bit of a byte says that more follow. */
@inline function numberAt(at: usize): u64 {
  let number = <u64>load<u8>(at) & 127
  for (let bits: u64 = 7; load<u8>(at) > 127; bits += 7) number |= (<u64>load<u8>(++at) & 127) << bits
  return number
}
@inline function behindNumber(at: usize): usize {
  while (load<u8>(at) > 127) at++
  return at + 1
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
 * Codes of entries of two bytes without patches, 16 at a time. @param table of 16 widths of classes, the first to the fourth bytes of as many ones, and
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

/** As above, for entries of four bytes. */
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

/** @param rows of 256 classes, and behind them a table @param end of the record @returns whether it is sound */
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
    const row = rowOf(classOf<T>(load<T>(base + i * sizeof<T>()), shift), rows)
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
    const row = rowOf(classOf<T>(load<T>(base + place), shift), rows)
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
