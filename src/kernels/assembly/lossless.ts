// A tensor as its difference from another one, exactly: entries ↔ symbols of one byte, and symbols ↔ bytes by an entropy coder (rANS: Duda
// 2013), with a table of frequencies for each class of the other tensor's entries. docs/delta-format.md describes the bytes.

/** Logarithm of the sum of the frequencies of a table. */
const PRECISION: u32 = 12
const MASK: u32 = (1 << PRECISION) - 1
/** States lie from here to 2^16 times as much; two bytes are written or read at a time. */
const LOWEST: u32 = 1 << 15

// Entries.

/** Bit patterns as integers in the order of the numbers: those of negative floats run backwards. */
@inline function ordered<T>(pattern: T, isFloat: bool): T {
  if (!isFloat) return pattern
  const sign = <T>(pattern >> <T>(8 * sizeof<T>() - 1))
  return <T>(pattern ^ (sign & ~(<T>1 << <T>(8 * sizeof<T>() - 1))))
}

/** Steps of an octave, as a logarithm, so that there are at most 256 symbols. */
@inline function stepsOf<T>(): u64 {
  return sizeof<T>() == 8 ? 1 : sizeof<T>() == 4 ? 2 : 3
}

@inline function classOf<T>(pattern: T, shift: u32, isFloat: bool): u8 {
  return isFloat ? <u8>((<u64>pattern & (<u64>-1 >> <u64>(65 - 8 * sizeof<T>()))) >> <u64>shift) : 0
}

/**
 * Entries and those of the base → symbols, classes, counts [256 classes, 256 symbols] of 32 bits (added to), and what the symbols leave.
 * @param shift from a pattern without its sign to the class
 * @returns the byte after the last bits
 */
@inline function split<T>(post: usize, base: usize, size: u32, shift: u32, isFloat: bool, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  const steps = stepsOf<T>()
  let held: u64 = 0
  let filled: u64 = 0
  for (let i: u32 = 0; i < size; i++, post += sizeof<T>(), base += sizeof<T>()) {
    const b = load<T>(base)
    let d = <T>(ordered<T>(load<T>(post), isFloat) - ordered<T>(b, isFloat))
    if (isFloat && b < 0) d = <T>-d
    const negative = <u64>(d < 0)
    // The magnitude of the lowest number is its own pattern, without a sign.
    const v = (negative ? <u64>(0 - <i64>d) : <u64>d) & (<u64>-1 >> <u64>(64 - 8 * sizeof<T>()))
    let symbol = v
    if (v >= <u64>2 << steps) {
      const rest = 63 - clz(v) - steps
      symbol = (rest << steps) + (v >> rest)
      let left = v & ((<u64>1 << rest) - 1)
      let count = rest
      if (sizeof<T>() == 8 && count > 32) {
        held |= (left & 0xffffffff) << filled
        store<u32>(bits, <u32>held)
        bits += 4
        held >>= 32
        left >>= 32
        count -= 32
      }
      held |= left << filled
      filled += count
      if (filled >= 32) {
        store<u32>(bits, <u32>held)
        bits += 4
        held >>= 32
        filled -= 32
      }
    }
    symbol = (symbol << 1) | negative
    const kind = classOf<T>(b, shift, isFloat)
    store<u8>(symbols + i, <u8>symbol)
    store<u8>(classes + i, kind)
    const count = counts + (((<usize>kind << 8) | <usize>symbol) << 2)
    store<u32>(count, load<u32>(count) + 1)
  }
  store<u32>(bits, <u32>held)
  return bits + <usize>((filled + 7) >> 3)
}

export function split8(post: usize, base: usize, size: u32, shift: u32, isFloat: bool, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  return split<i8>(post, base, size, shift, isFloat, symbols, classes, counts, bits)
}
export function split16(post: usize, base: usize, size: u32, shift: u32, isFloat: bool, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  return split<i16>(post, base, size, shift, isFloat, symbols, classes, counts, bits)
}
export function split32(post: usize, base: usize, size: u32, shift: u32, isFloat: bool, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  return split<i32>(post, base, size, shift, isFloat, symbols, classes, counts, bits)
}
export function split64(post: usize, base: usize, size: u32, shift: u32, isFloat: bool, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  return split<i64>(post, base, size, shift, isFloat, symbols, classes, counts, bits)
}

/** The classes alone. */
@inline function classify<T>(base: usize, size: u32, shift: u32, isFloat: bool, classes: usize): void {
  for (let i: u32 = 0; i < size; i++, base += sizeof<T>()) store<u8>(classes + i, classOf<T>(load<T>(base), shift, isFloat))
}

export function classify8(base: usize, size: u32, shift: u32, isFloat: bool, classes: usize): void {
  classify<i8>(base, size, shift, isFloat, classes)
}
export function classify16(base: usize, size: u32, shift: u32, isFloat: bool, classes: usize): void {
  classify<i16>(base, size, shift, isFloat, classes)
}
export function classify32(base: usize, size: u32, shift: u32, isFloat: bool, classes: usize): void {
  classify<i32>(base, size, shift, isFloat, classes)
}
export function classify64(base: usize, size: u32, shift: u32, isFloat: bool, classes: usize): void {
  classify<i64>(base, size, shift, isFloat, classes)
}

/**
 * Symbols, the base and what the symbols left → entries.
 * @param most symbols that there are
 * @returns the byte after the last bits; 0 for a symbol that there is not, or bits that end too early
 */
@inline function join<T>(base: usize, size: u32, isFloat: bool, symbols: usize, most: u32, bits: usize, end: usize, to: usize): usize {
  const steps = stepsOf<T>()
  let held: u64 = 0
  let filled: u64 = 0
  for (let i: u32 = 0; i < size; i++, base += sizeof<T>(), to += sizeof<T>()) {
    const b = load<T>(base)
    const word = <u32>load<u8>(symbols + i)
    if (word >= most) return 0
    let v = <u64>(word >> 1)
    if (v >= <u64>2 << steps) {
      const rest = (v >> steps) - 1
      v = (v - (rest << steps)) << rest
      let count = rest
      if (filled < count && filled <= 32) {
        if (bits >= end) return 0
        held |= <u64>load<u32>(bits) << filled
        bits += 4
        filled += 32
      }
      if (sizeof<T>() == 8 && count > 32) {
        v |= held & 0xffffffff
        held >>= 32
        filled -= 32
        count -= 32
        if (filled < count) {
          if (bits >= end) return 0
          held |= <u64>load<u32>(bits) << filled
          bits += 4
          filled += 32
        }
        v |= (held & ((<u64>1 << count) - 1)) << 32
      } else v |= held & ((<u64>1 << count) - 1)
      held >>= count
      filled -= count
    }
    let d = <T>(word & 1 ? 0 - v : v)
    if (isFloat && b < 0) d = <T>-d
    store<T>(to, ordered<T>(<T>(ordered<T>(b, isFloat) + d), isFloat))
  }
  return bits - <usize>(filled >> 3)
}

export function join8(base: usize, size: u32, isFloat: bool, symbols: usize, most: u32, bits: usize, end: usize, to: usize): usize {
  return join<i8>(base, size, isFloat, symbols, most, bits, end, to)
}
export function join16(base: usize, size: u32, isFloat: bool, symbols: usize, most: u32, bits: usize, end: usize, to: usize): usize {
  return join<i16>(base, size, isFloat, symbols, most, bits, end, to)
}
export function join32(base: usize, size: u32, isFloat: bool, symbols: usize, most: u32, bits: usize, end: usize, to: usize): usize {
  return join<i32>(base, size, isFloat, symbols, most, bits, end, to)
}
export function join64(base: usize, size: u32, isFloat: bool, symbols: usize, most: u32, bits: usize, end: usize, to: usize): usize {
  return join<i64>(base, size, isFloat, symbols, most, bits, end, to)
}

// Bytes of entries.

/** Bit patterns of floats with the sign last, so that the exponent fills the first byte. */
@inline function turned<T>(pattern: T, isFloat: bool): T {
  return isFloat ? rotl<T>(pattern, 1) : pattern
}

@inline function toPlanes<T>(from: usize, size: u32, isFloat: bool, to: usize): void {
  for (let i: u32 = 0; i < size; i++, from += sizeof<T>()) {
    let word = turned<T>(load<T>(from), isFloat)
    for (let j: u32 = 0; j < sizeof<T>(); j++, word = <T>(<u64>word >> 8)) store<u8>(to + j * size + i, <u8>word)
  }
}

/** Entries of so many bytes → all their lowest bytes, then all of the next, …. */
export function planes(from: usize, size: u32, width: u32, isFloat: bool, to: usize): void {
  if (width == 1) toPlanes<u8>(from, size, isFloat, to)
  else if (width == 2) toPlanes<u16>(from, size, isFloat, to)
  else if (width == 4) toPlanes<u32>(from, size, isFloat, to)
  else toPlanes<u64>(from, size, isFloat, to)
}

@inline function fromPlanes<T>(from: usize, size: u32, isFloat: bool, to: usize): void {
  for (let i: u32 = 0; i < size; i++, to += sizeof<T>()) {
    let word: u64 = 0
    for (let j: u32 = 0; j < sizeof<T>(); j++) word |= <u64>load<u8>(from + j * size + i) << (8 * j)
    store<T>(to, isFloat ? rotr<T>(<T>word, 1) : <T>word)
  }
}

/** The way back. */
export function entries(from: usize, size: u32, width: u32, isFloat: bool, to: usize): void {
  if (width == 1) fromPlanes<u8>(from, size, isFloat, to)
  else if (width == 2) fromPlanes<u16>(from, size, isFloat, to)
  else if (width == 4) fromPlanes<u32>(from, size, isFloat, to)
  else fromPlanes<u64>(from, size, isFloat, to)
}

/** Adds how often each of the 256 symbols occurs. */
export function countSymbols(symbols: usize, size: u32, counts: usize): void {
  for (let i: u32 = 0; i < size; i++) {
    const count = counts + (<usize>load<u8>(symbols + i) << 2)
    store<u32>(count, load<u32>(count) + 1)
  }
}

export function isEqual(one: usize, two: usize, bytes: u32): bool {
  let i: u32 = 0
  for (; i + 16 <= bytes; i += 16)
    if (v128.any_true(v128.xor(v128.load(one + i), v128.load(two + i)))) return false
  for (; i < bytes; i++) if (load<u8>(one + i) != load<u8>(two + i)) return false
  return true
}

// Symbols.

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

/** The same → for each of 4096 places: symbol | place in its range << 8 | (frequency − 1) << 20. */
export function fillPlaces(frequencies: usize, row: usize): void {
  for (let s: u32 = 0; s < 256; s++) {
    const frequency = <u32>load<u16>(frequencies + (<usize>s << 1))
    for (let i: u32 = 0; i < frequency; i++, row += 4) store<u32>(row, s | (i << 8) | ((frequency - 1) << 20))
  }
}

@inline function next(x: u32, place: u32): u32 {
  return ((place >> 20) + 1) * (x >> PRECISION) + ((place >> 8) & MASK)
}

/**
 * The way back. @param rows for each of 256 classes the address of its places
 * @returns whether the bytes end with the last symbol, and the states where they began
 */
export function decodeSymbols(from: usize, end: usize, classes: usize, size: u32, rows: usize, symbols: usize): bool {
  if (from + 16 > end) return false
  let x0 = load<u32>(from)
  let x1 = load<u32>(from, 4)
  let x2 = load<u32>(from, 8)
  let x3 = load<u32>(from, 12)
  let at = from + 16
  const whole = size & ~3
  let i: u32 = 0
  for (; i < whole; i += 4) {
    const p0 = load<u32>(rowOf(rows, classes, i) + (<usize>(x0 & MASK) << 2))
    const p1 = load<u32>(rowOf(rows, classes, i + 1) + (<usize>(x1 & MASK) << 2))
    const p2 = load<u32>(rowOf(rows, classes, i + 2) + (<usize>(x2 & MASK) << 2))
    const p3 = load<u32>(rowOf(rows, classes, i + 3) + (<usize>(x3 & MASK) << 2))
    store<u32>(symbols + i, (p0 & 255) | ((p1 & 255) << 8) | ((p2 & 255) << 16) | (p3 << 24))
    x0 = next(x0, p0)
    x1 = next(x1, p1)
    x2 = next(x2, p2)
    x3 = next(x3, p3)
    const low0 = x0 < LOWEST
    x0 = low0 ? (x0 << 16) | <u32>load<u16>(at) : x0
    at += <usize>low0 << 1
    const low1 = x1 < LOWEST
    x1 = low1 ? (x1 << 16) | <u32>load<u16>(at) : x1
    at += <usize>low1 << 1
    const low2 = x2 < LOWEST
    x2 = low2 ? (x2 << 16) | <u32>load<u16>(at) : x2
    at += <usize>low2 << 1
    const low3 = x3 < LOWEST
    x3 = low3 ? (x3 << 16) | <u32>load<u16>(at) : x3
    at += <usize>low3 << 1
    if (at > end) return false
  }
  for (; i < size; i++) {
    const state = i & 3
    const x = state == 0 ? x0 : state == 1 ? x1 : x2
    const place = load<u32>(rowOf(rows, classes, i) + (<usize>(x & MASK) << 2))
    store<u8>(symbols + i, <u8>place)
    let y = next(x, place)
    if (y < LOWEST) {
      y = (y << 16) | <u32>load<u16>(at)
      at += 2
    }
    if (state == 0) x0 = y
    else if (state == 1) x1 = y
    else x2 = y
  }
  return at == end && x0 == LOWEST && x1 == LOWEST && x2 == LOWEST && x3 == LOWEST
}
