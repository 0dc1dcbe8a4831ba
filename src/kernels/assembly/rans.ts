// Symbols of one byte ↔ bytes by an entropy coder (rANS: Duda 2013), with a table of frequencies for each class of the other tensor's entries.
// docs/delta-format.md describes the bytes.
import { classOf } from './differences'

/** Logarithm of the sum of the frequencies of a table. */
const PRECISION: u32 = 12
const MASK: u32 = (1 << PRECISION) - 1
/** States lie from here to 2^16 times as much; two bytes are written or read at a time. */
const LOWEST: u32 = 1 << 15
/** Bytes of the symbols of a table's places. */
const RANGES: usize = 1 << PRECISION

/** Adds how often each of the 256 symbols occurs. */
export function countSymbols(symbols: usize, size: u32, counts: usize): void {
  for (let i: u32 = 0; i < size; i++) {
    const count = counts + (<usize>load<u8>(symbols + i) << 2)
    store<u32>(count, load<u32>(count) + 1)
  }
}

/** Address of the row of a class. @param rows of the classes' tables, 32 bits each */
@inline function rowOf(rows: usize, classes: usize, i: u32): usize {
  return <usize>load<u32>(rows + (<usize>load<u8>(classes + i) << 2))
}

@inline function put(x: u32, symbol: u32, row: usize): u64 {
  const range = load<u32>(row + (<usize>symbol << 2))
  const start = range & 0xffff
  const frequency = range >> 16
  // In the upper half: whether two bytes leave the state.
  const leaves = x >= frequency << 19
  const y = leaves ? x >> 16 : x
  const q = y / frequency
  return (<u64>leaves << 32) | <u64>((q << PRECISION) + (y - q * frequency) + start)
}

/**
 * Symbols → bytes that end before `end`, written backwards. Entry i goes through state i modulo 4.
 * @param rows for each of 256 classes the address of its table: for each symbol start | frequency << 16
 * @returns the first byte
 */
export function encodeSymbols(symbols: usize, classes: usize, size: u32, rows: usize, end: usize): usize {
  let x0 = LOWEST
  let x1 = LOWEST
  let x2 = LOWEST
  let x3 = LOWEST
  let at = end
  let i = size
  // The last ones, up to a multiple of four.
  for (; i & 3; ) {
    i--
    const state = i & 3
    const x = state == 0 ? x0 : state == 1 ? x1 : x2
    const made = put(x, load<u8>(symbols + i), rowOf(rows, classes, i))
    store<u16>(at - 2, <u16>x)
    at -= <usize>(made >> 32) << 1
    if (state == 0) x0 = <u32>made
    else if (state == 1) x1 = <u32>made
    else x2 = <u32>made
  }
  while (i) {
    i -= 4
    const word = load<u32>(symbols + i)
    const m3 = put(x3, word >> 24, rowOf(rows, classes, i + 3))
    store<u16>(at - 2, <u16>x3)
    at -= <usize>(m3 >> 32) << 1
    x3 = <u32>m3
    const m2 = put(x2, (word >> 16) & 255, rowOf(rows, classes, i + 2))
    store<u16>(at - 2, <u16>x2)
    at -= <usize>(m2 >> 32) << 1
    x2 = <u32>m2
    const m1 = put(x1, (word >> 8) & 255, rowOf(rows, classes, i + 1))
    store<u16>(at - 2, <u16>x1)
    at -= <usize>(m1 >> 32) << 1
    x1 = <u32>m1
    const m0 = put(x0, word & 255, rowOf(rows, classes, i))
    store<u16>(at - 2, <u16>x0)
    at -= <usize>(m0 >> 32) << 1
    x0 = <u32>m0
  }
  store<u32>(at - 16, x0)
  store<u32>(at - 12, x1)
  store<u32>(at - 8, x2)
  store<u32>(at - 4, x3)
  return at - 16
}

/** Frequencies (16 bits, of 256 symbols, with the sum 4096) → start | frequency << 16. */
export function fillRanges(frequencies: usize, row: usize): void {
  let start: u32 = 0
  for (let s: u32 = 0; s < 256; s++) {
    const frequency = <u32>load<u16>(frequencies + (<usize>s << 1))
    store<u32>(row + (<usize>s << 2), start | (frequency << 16))
    start += frequency
  }
}

/** The same → for each of 4096 places its symbol, a byte, and behind them the ranges of the symbols: together they stay in the cache. */
export function fillPlaces(frequencies: usize, row: usize): void {
  fillRanges(frequencies, row + RANGES)
  for (let s: u32 = 0; s < 256; s++) {
    const frequency = <u32>load<u16>(frequencies + (<usize>s << 1))
    memory.fill(row, <u8>s, frequency)
    row += frequency
  }
}

/** The state after a symbol. */
@inline function next(x: u32, symbol: u32, row: usize): u32 {
  const range = load<u32>(row + (<usize>symbol << 2), RANGES)
  return (range >> 16) * (x >> PRECISION) + (x & MASK) - (range & 0xffff)
}

/** The state with the next two bytes, where it is low. No branch: that would be foreseen wrongly about every third time. */
@inline function refilled(x: u32, at: usize): u32 {
  return select<u32>((x << 16) | <u32>load<u16>(at), x, x < LOWEST)
}

/** Address of the places of an entry's table. @param rows of the classes' tables, 32 bits each */
@inline function placesOf<T>(rows: usize, base: usize, shift: u32): usize {
  return <usize>load<u32>(rows + (<usize>classOf<T>(load<T>(base), shift) << 2))
}

/**
 * Coded symbols → symbols. @param rows for each of 256 classes of the base's entries the address of its places
 * @returns whether the bytes end with the last symbol, and the states where they began
 */
@inline function decode<T>(from: usize, end: usize, base: usize, size: u32, shift: u32, rows: usize, symbols: usize): bool {
  if (from + 16 > end) return false
  let x0 = load<u32>(from)
  let x1 = load<u32>(from, 4)
  let x2 = load<u32>(from, 8)
  let x3 = load<u32>(from, 12)
  let at = from + 16
  const whole = size & ~3
  let i: u32 = 0
  for (; i < whole; i += 4, base += 4 * sizeof<T>()) {
    const t0 = placesOf<T>(rows, base, shift)
    const t1 = placesOf<T>(rows, base + sizeof<T>(), shift)
    const t2 = placesOf<T>(rows, base + 2 * sizeof<T>(), shift)
    const t3 = placesOf<T>(rows, base + 3 * sizeof<T>(), shift)
    const s0 = <u32>load<u8>(t0 + (x0 & MASK))
    const s1 = <u32>load<u8>(t1 + (x1 & MASK))
    const s2 = <u32>load<u8>(t2 + (x2 & MASK))
    const s3 = <u32>load<u8>(t3 + (x3 & MASK))
    store<u32>(symbols + i, s0 | (s1 << 8) | (s2 << 16) | (s3 << 24))
    x0 = next(x0, s0, t0)
    x1 = next(x1, s1, t1)
    x2 = next(x2, s2, t2)
    x3 = next(x3, s3, t3)
    const at1 = at + (<usize>(x0 < LOWEST) << 1)
    x0 = refilled(x0, at)
    const at2 = at1 + (<usize>(x1 < LOWEST) << 1)
    x1 = refilled(x1, at1)
    const at3 = at2 + (<usize>(x2 < LOWEST) << 1)
    x2 = refilled(x2, at2)
    at = at3 + (<usize>(x3 < LOWEST) << 1)
    x3 = refilled(x3, at3)
    if (at > end) return false
  }
  for (; i < size; i++, base += sizeof<T>()) {
    const state = i & 3
    const x = state == 0 ? x0 : state == 1 ? x1 : x2
    const places = placesOf<T>(rows, base, shift)
    const symbol = <u32>load<u8>(places + (x & MASK))
    store<u8>(symbols + i, <u8>symbol)
    const y = next(x, symbol, places)
    if (state == 0) x0 = refilled(y, at)
    else if (state == 1) x1 = refilled(y, at)
    else x2 = refilled(y, at)
    at += <usize>(y < LOWEST) << 1
  }
  return at == end && x0 == LOWEST && x1 == LOWEST && x2 == LOWEST && x3 == LOWEST
}

export function decodeSymbols(from: usize, end: usize, base: usize, size: u32, width: u32, shift: u32, rows: usize, symbols: usize): bool {
  if (width == 1) return decode<i8>(from, end, base, size, shift, rows, symbols)
  if (width == 2) return decode<i16>(from, end, base, size, shift, rows, symbols)
  if (width == 4) return decode<i32>(from, end, base, size, shift, rows, symbols)
  return decode<i64>(from, end, base, size, shift, rows, symbols)
}
