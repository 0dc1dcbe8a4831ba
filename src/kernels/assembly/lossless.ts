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

/** A difference from a base, with the sign turned where that is negative. */
@inline function mirrored<T>(d: T, base: T): T {
  const sign = <T>(base >> <T>(8 * sizeof<T>() - 1))
  return <T>((d ^ sign) - sign)
}

/** Steps of an octave, as a logarithm, so that there are at most 256 symbols. */
@inline function stepsOf<T>(): u64 {
  return sizeof<T>() == 8 ? 1 : sizeof<T>() == 4 ? 2 : 3
}

@inline function classOf<T>(pattern: T, shift: u32, isFloat: bool): u8 {
  return isFloat ? <u8>((<u64>pattern & (<u64>-1 >> <u64>(65 - 8 * sizeof<T>()))) >> <u64>shift) : 0
}

/**
 * Entries and those of the base → symbols, classes, counts [256 classes, 256 symbols] of 32 bits (added to), and what the symbols leave. No
 * branch depends on an entry: how far it moved cannot be foreseen.
 * @param shift from a pattern without its sign to the class
 * @param bits room for them, and 8 bytes
 * @returns the byte after the last bits
 */
@inline function split<T>(post: usize, base: usize, size: u32, shift: u32, isFloat: bool, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  const steps = stepsOf<T>()
  let held: u64 = 0
  let filled: u64 = 0
  for (let i: u32 = 0; i < size; i++, post += sizeof<T>(), base += sizeof<T>()) {
    const b = load<T>(base)
    let d = <T>(ordered<T>(load<T>(post), isFloat) - ordered<T>(b, isFloat))
    if (isFloat) d = mirrored<T>(d, b)
    const sign = <u64>(<i64>d >> 63)
    // The magnitude of the lowest number is its own pattern, without a sign.
    const v = ((<u64>(<i64>d) ^ sign) - sign) & (<u64>-1 >> <u64>(64 - 8 * sizeof<T>()))
    const rest = 63 - steps - clz(v | (<u64>1 << steps))
    const symbol = (((rest << steps) + (v >> rest)) << 1) | (sign & 1)
    let left = v & ((<u64>1 << rest) - 1)
    let count = rest
    if (sizeof<T>() == 8) {
      held |= (left & 0xffffff) << filled
      filled += min<u64>(count, 24)
      store<u64>(bits, held)
      bits += <usize>(filled >> 3)
      held >>= filled & ~7
      filled &= 7
      left >>= 24
      count -= min<u64>(count, 24)
    }
    held |= left << filled
    filled += count
    store<u64>(bits, held)
    bits += <usize>(filled >> 3)
    held >>= filled & ~7
    filled &= 7
    const kind = classOf<T>(b, shift, isFloat)
    store<u8>(symbols + i, <u8>symbol)
    store<u8>(classes + i, kind)
    const place = counts + (((<usize>kind << 8) | <usize>symbol) << 2)
    store<u32>(place, load<u32>(place) + 1)
  }
  store<u8>(bits, <u8>held)
  return bits + <usize>((filled + 7) >> 3)
}

export function split8(post: usize, base: usize, size: u32, shift: u32, isFloat: bool, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  if (isFloat) return split<i8>(post, base, size, shift, true, symbols, classes, counts, bits)
  return split<i8>(post, base, size, shift, false, symbols, classes, counts, bits)
}
export function split16(post: usize, base: usize, size: u32, shift: u32, isFloat: bool, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  if (isFloat) return split<i16>(post, base, size, shift, true, symbols, classes, counts, bits)
  return split<i16>(post, base, size, shift, false, symbols, classes, counts, bits)
}
export function split32(post: usize, base: usize, size: u32, shift: u32, isFloat: bool, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  if (isFloat) return split<i32>(post, base, size, shift, true, symbols, classes, counts, bits)
  return split<i32>(post, base, size, shift, false, symbols, classes, counts, bits)
}
export function split64(post: usize, base: usize, size: u32, shift: u32, isFloat: bool, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  if (isFloat) return split<i64>(post, base, size, shift, true, symbols, classes, counts, bits)
  return split<i64>(post, base, size, shift, false, symbols, classes, counts, bits)
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

/** The state with the next two bytes, where it is low. */
@inline function refilled(x: u32, at: usize): u32 {
  return x < LOWEST ? (x << 16) | <u32>load<u16>(at) : x
}

@inline function placesOf<T>(rows: usize, b: T, shift: u32, isFloat: bool, x: u32): usize {
  const row = load<u32>(rows + (<usize>classOf<T>(b, shift, isFloat) << 2))
  return <usize>row + (<usize>(x & MASK) << 2)
}

/** Bits that a symbol leaves. */
@inline function restOf<T>(word: u32): u32 {
  const octave = word >> (<u32>stepsOf<T>() + 1)
  return octave > 1 ? octave - 1 : 0
}

/** So many bits from a position on. */
@inline function bitsAt<T>(bits: usize, at: u64, count: u32): u64 {
  const place = bits + <usize>(at >> 3)
  let left = load<u64>(place) >> (at & 7)
  if (sizeof<T>() == 8) left |= (<u64>load<u8>(place, 8) << 1) << (63 - (at & 7))
  return left & ((<u64>1 << count) - 1)
}

/** A symbol, the bits that it left, and the entry of the base → the entry. */
@inline function entryOf<T>(word: u32, rest: u32, left: u64, b: T, isFloat: bool): T {
  let d: T
  if (sizeof<T>() == 8) d = <T>((<u64>((word >> 1) - (rest << <u32>stepsOf<T>())) << rest) | left)
  else d = <T>((((word >> 1) - (rest << <u32>stepsOf<T>())) << rest) | <u32>left)
  const sign = <T>-(<i32>(word & 1))
  d = <T>((d ^ sign) - sign)
  if (isFloat) d = mirrored<T>(d, b)
  return ordered<T>(<T>(ordered<T>(b, isFloat) + d), isFloat)
}

/**
 * Coded symbols, the base and what the symbols left → entries, in one go.
 * @param rows for each of 256 classes the address of its places
 * @param bits after the coded symbols; what is read beyond `bitsEnd` does not count
 * @returns whether the bytes end with the last symbol, the states where they began, and the bits at `bitsEnd`
 */
@inline function join<T>(from: usize, end: usize, base: usize, size: u32, shift: u32, isFloat: bool, rows: usize, bits: usize, bitsEnd: usize, to: usize): bool {
  if (from + 16 > end) return false
  let x0 = load<u32>(from)
  let x1 = load<u32>(from, 4)
  let x2 = load<u32>(from, 8)
  let x3 = load<u32>(from, 12)
  let at = from + 16
  let bit: u64 = 0
  const whole = size & ~3
  let i: u32 = 0
  for (; i < whole; i += 4, base += 4 * sizeof<T>(), to += 4 * sizeof<T>()) {
    const b0 = load<T>(base)
    const b1 = load<T>(base + sizeof<T>())
    const b2 = load<T>(base + 2 * sizeof<T>())
    const b3 = load<T>(base + 3 * sizeof<T>())
    const p0 = load<u32>(placesOf<T>(rows, b0, shift, isFloat, x0))
    const p1 = load<u32>(placesOf<T>(rows, b1, shift, isFloat, x1))
    const p2 = load<u32>(placesOf<T>(rows, b2, shift, isFloat, x2))
    const p3 = load<u32>(placesOf<T>(rows, b3, shift, isFloat, x3))
    x0 = next(x0, p0)
    x1 = next(x1, p1)
    x2 = next(x2, p2)
    x3 = next(x3, p3)
    const at1 = at + (<usize>(x0 < LOWEST) << 1)
    x0 = refilled(x0, at)
    const at2 = at1 + (<usize>(x1 < LOWEST) << 1)
    x1 = refilled(x1, at1)
    const at3 = at2 + (<usize>(x2 < LOWEST) << 1)
    x2 = refilled(x2, at2)
    at = at3 + (<usize>(x3 < LOWEST) << 1)
    x3 = refilled(x3, at3)
    if (at > end) return false
    const w0 = p0 & 255
    const r0 = restOf<T>(w0)
    store<T>(to, entryOf<T>(w0, r0, bitsAt<T>(bits, bit, r0), b0, isFloat))
    bit += r0
    const w1 = p1 & 255
    const r1 = restOf<T>(w1)
    store<T>(to + sizeof<T>(), entryOf<T>(w1, r1, bitsAt<T>(bits, bit, r1), b1, isFloat))
    bit += r1
    const w2 = p2 & 255
    const r2 = restOf<T>(w2)
    store<T>(to + 2 * sizeof<T>(), entryOf<T>(w2, r2, bitsAt<T>(bits, bit, r2), b2, isFloat))
    bit += r2
    const w3 = p3 & 255
    const r3 = restOf<T>(w3)
    store<T>(to + 3 * sizeof<T>(), entryOf<T>(w3, r3, bitsAt<T>(bits, bit, r3), b3, isFloat))
    bit += r3
  }
  for (; i < size; i++, base += sizeof<T>(), to += sizeof<T>()) {
    const state = i & 3
    const b = load<T>(base)
    const x = state == 0 ? x0 : state == 1 ? x1 : x2
    const place = load<u32>(placesOf<T>(rows, b, shift, isFloat, x))
    const y = next(x, place)
    if (state == 0) x0 = refilled(y, at)
    else if (state == 1) x1 = refilled(y, at)
    else x2 = refilled(y, at)
    at += <usize>(y < LOWEST) << 1
    const word = place & 255
    const rest = restOf<T>(word)
    store<T>(to, entryOf<T>(word, rest, bitsAt<T>(bits, bit, rest), b, isFloat))
    bit += rest
  }
  const isWhole = at == end && x0 == LOWEST && x1 == LOWEST && x2 == LOWEST && x3 == LOWEST
  return isWhole && bits + <usize>((bit + 7) >> 3) == bitsEnd
}

export function join8(from: usize, end: usize, base: usize, size: u32, shift: u32, isFloat: bool, rows: usize, bits: usize, bitsEnd: usize, to: usize): bool {
  if (isFloat) return join<i8>(from, end, base, size, shift, true, rows, bits, bitsEnd, to)
  return join<i8>(from, end, base, size, shift, false, rows, bits, bitsEnd, to)
}
export function join16(from: usize, end: usize, base: usize, size: u32, shift: u32, isFloat: bool, rows: usize, bits: usize, bitsEnd: usize, to: usize): bool {
  if (isFloat) return join<i16>(from, end, base, size, shift, true, rows, bits, bitsEnd, to)
  return join<i16>(from, end, base, size, shift, false, rows, bits, bitsEnd, to)
}
export function join32(from: usize, end: usize, base: usize, size: u32, shift: u32, isFloat: bool, rows: usize, bits: usize, bitsEnd: usize, to: usize): bool {
  if (isFloat) return join<i32>(from, end, base, size, shift, true, rows, bits, bitsEnd, to)
  return join<i32>(from, end, base, size, shift, false, rows, bits, bitsEnd, to)
}
export function join64(from: usize, end: usize, base: usize, size: u32, shift: u32, isFloat: bool, rows: usize, bits: usize, bitsEnd: usize, to: usize): bool {
  if (isFloat) return join<i64>(from, end, base, size, shift, true, rows, bits, bitsEnd, to)
  return join<i64>(from, end, base, size, shift, false, rows, bits, bitsEnd, to)
}

/**
 * Coded symbols of one table → symbols. @param places of the table
 * @returns whether the bytes end with the last symbol, and the states where they began
 */
export function decodeSymbols(from: usize, end: usize, size: u32, places: usize, symbols: usize): bool {
  if (from + 16 > end) return false
  let x0 = load<u32>(from)
  let x1 = load<u32>(from, 4)
  let x2 = load<u32>(from, 8)
  let x3 = load<u32>(from, 12)
  let at = from + 16
  const whole = size & ~3
  let i: u32 = 0
  for (; i < whole; i += 4) {
    const p0 = load<u32>(places + (<usize>(x0 & MASK) << 2))
    const p1 = load<u32>(places + (<usize>(x1 & MASK) << 2))
    const p2 = load<u32>(places + (<usize>(x2 & MASK) << 2))
    const p3 = load<u32>(places + (<usize>(x3 & MASK) << 2))
    store<u32>(symbols + i, (p0 & 255) | ((p1 & 255) << 8) | ((p2 & 255) << 16) | (p3 << 24))
    x0 = next(x0, p0)
    x1 = next(x1, p1)
    x2 = next(x2, p2)
    x3 = next(x3, p3)
    const low0 = <usize>(x0 < LOWEST) << 1
    x0 = refilled(x0, at)
    at += low0
    const low1 = <usize>(x1 < LOWEST) << 1
    x1 = refilled(x1, at)
    at += low1
    const low2 = <usize>(x2 < LOWEST) << 1
    x2 = refilled(x2, at)
    at += low2
    const low3 = <usize>(x3 < LOWEST) << 1
    x3 = refilled(x3, at)
    at += low3
    if (at > end) return false
  }
  for (; i < size; i++) {
    const state = i & 3
    const x = state == 0 ? x0 : state == 1 ? x1 : x2
    const place = load<u32>(places + (<usize>(x & MASK) << 2))
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
