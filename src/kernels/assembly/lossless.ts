// A tensor as its difference from another one, exactly: entries ↔ symbols of one byte, and symbols ↔ bytes by an entropy coder (rANS: Duda
// 2013), with a table of frequencies for each class of the other tensor's entries. docs/delta-format.md describes the bytes.

/** Logarithm of the sum of the frequencies of a table. */
const PRECISION: u32 = 12
const MASK: u32 = (1 << PRECISION) - 1
/** States lie from here to 2^16 times as much; two bytes are written or read at a time. */
const LOWEST: u32 = 1 << 15
/** Bytes of the symbols of a table's places. */
const RANGES: usize = 1 << PRECISION

// Entries.

/** Bit patterns as integers in the order of the numbers: those of negative floats run backwards. */
@inline function ordered<T>(patterns: v128): v128 {
  const signs = v128.shr<T>(patterns, 8 * sizeof<T>() - 1)
  return v128.xor(patterns, v128.andnot(signs, v128.splat<T>(<T>(<T>1 << <T>(8 * sizeof<T>() - 1)))))
}

/** Differences from a base, with the sign turned where that is negative. */
@inline function mirrored<T>(d: v128, base: v128): v128 {
  const signs = v128.shr<T>(base, 8 * sizeof<T>() - 1)
  return v128.sub<T>(v128.xor(d, signs), signs)
}

/** Entries and those of the base → differences. What lies behind the entries, up to 16 bytes, is written to. */
@inline function toDifferences<T>(post: usize, base: usize, size: u32, isFloat: bool, to: usize): void {
  for (const end = post + size * sizeof<T>(); post < end; post += 16, base += 16, to += 16) {
    const b = v128.load(base)
    const p = v128.load(post)
    v128.store(to, isFloat ? mirrored<T>(v128.sub<T>(ordered<T>(p), ordered<T>(b)), b) : v128.sub<T>(p, b))
  }
}

/** The way back, in place. */
@inline function toEntries<T>(base: usize, size: u32, isFloat: bool, to: usize): void {
  for (const end = to + size * sizeof<T>(); to < end; base += 16, to += 16) {
    const b = v128.load(base)
    const d = v128.load(to)
    v128.store(to, isFloat ? ordered<T>(v128.add<T>(ordered<T>(b), mirrored<T>(d, b))) : v128.add<T>(b, d))
  }
}

export function subtractBase(post: usize, base: usize, size: u32, width: u32, isFloat: bool, to: usize): void {
  if (width == 1) toDifferences<i8>(post, base, size, isFloat, to)
  else if (width == 2) toDifferences<i16>(post, base, size, isFloat, to)
  else if (width == 4) toDifferences<i32>(post, base, size, isFloat, to)
  else toDifferences<i64>(post, base, size, isFloat, to)
}

export function addBase(base: usize, size: u32, width: u32, isFloat: bool, to: usize): void {
  if (width == 1) toEntries<i8>(base, size, isFloat, to)
  else if (width == 2) toEntries<i16>(base, size, isFloat, to)
  else if (width == 4) toEntries<i32>(base, size, isFloat, to)
  else toEntries<i64>(base, size, isFloat, to)
}

/** Steps of an octave, as a logarithm, so that there are at most 256 symbols. */
@inline function stepsOf<T>(): u64 {
  return sizeof<T>() == 8 ? 1 : sizeof<T>() == 4 ? 2 : 3
}

@inline function classOf<T>(pattern: T, shift: u32): u8 {
  return <u8>((<u64>pattern & (<u64>-1 >> <u64>(65 - 8 * sizeof<T>()))) >> <u64>shift)
}

/**
 * Differences from a base → symbols, classes, counts [256 classes, 256 symbols] of 32 bits (added to), and what the symbols leave. No
 * branch depends on an entry: how far it moved cannot be foreseen.
 * @param shift from a pattern without its sign to the class
 * @param bits room for them, and 8 bytes
 * @returns the byte after the last bits
 */
@inline function split<T>(differences: usize, base: usize, size: u32, shift: u32, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  const steps = stepsOf<T>()
  let held: u64 = 0
  let filled: u64 = 0
  for (let i: u32 = 0; i < size; i++, differences += sizeof<T>(), base += sizeof<T>()) {
    const d = load<T>(differences)
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
    const kind = classOf<T>(load<T>(base), shift)
    store<u8>(symbols + i, <u8>symbol)
    store<u8>(classes + i, kind)
    const place = counts + (((<usize>kind << 8) | <usize>symbol) << 2)
    store<u32>(place, load<u32>(place) + 1)
  }
  store<u8>(bits, <u8>held)
  return bits + <usize>((filled + 7) >> 3)
}

export function split8(differences: usize, base: usize, size: u32, shift: u32, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  return split<i8>(differences, base, size, shift, symbols, classes, counts, bits)
}
export function split16(differences: usize, base: usize, size: u32, shift: u32, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  return split<i16>(differences, base, size, shift, symbols, classes, counts, bits)
}
export function split32(differences: usize, base: usize, size: u32, shift: u32, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  return split<i32>(differences, base, size, shift, symbols, classes, counts, bits)
}
export function split64(differences: usize, base: usize, size: u32, shift: u32, symbols: usize, classes: usize, counts: usize, bits: usize): usize {
  return split<i64>(differences, base, size, shift, symbols, classes, counts, bits)
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

/** Bits from a position on: at least 57, of entries of 8 bytes 64. */
@inline function bitsAt<T>(bits: usize, at: u64): u64 {
  const place = bits + <usize>(at >> 3)
  const held = load<u64>(place) >> (at & 7)
  return sizeof<T>() == 8 ? held | ((<u64>load<u8>(place, 8) << 1) << (63 - (at & 7))) : held
}

/**
 * Fills a table for `joinNarrow`: for each symbol 16 bits of its least magnitude, 16 free ones, 16 with the number of bits that it left, and
 * a mask of as many ones.
 */
@inline function fillSteps<T>(table: usize): void {
  const steps = stepsOf<T>()
  for (let word: u64 = 0; word < 256; word++) {
    const octave = word >> (steps + 1)
    const rest = octave - <u64>(octave > 0)
    const least = ((word >> 1) - (rest << steps)) << rest
    store<u64>(table + (<usize>word << 3), (least & 0xffff) | (rest << 32) | (((<u64>1 << rest) - 1) << 48))
  }
}

/** A symbol and the bits from its own on → the difference. What lies above its lowest bits is not of it. */
@inline function magnitudeOf(step: u64, held: u64): u64 {
  return step + (held & (step >> 48))
}

@inline function signed<T>(magnitude: u64, word: u64): T {
  const sign = -(word & 1)
  return <T>((magnitude ^ sign) - sign)
}

/**
 * Symbols and what they left → differences from a base, of one or two bytes: four symbols leave at most 48 bits, which are read at once.
 * @param table room for 2048 bytes
 * @returns the byte after the last bits
 */
@inline function joinNarrow<T>(symbols: usize, bits: usize, size: u32, to: usize, table: usize): usize {
  fillSteps<T>(table)
  const end = symbols + size
  let at: u64 = 0
  for (const whole = symbols + (size & ~3); symbols < whole; symbols += 4, to += 4 * sizeof<T>()) {
    const words = load<u32>(symbols)
    const s0 = load<u64>(table + (<usize>(words & 255) << 3))
    const s1 = load<u64>(table + (<usize>((words >> 8) & 255) << 3))
    const s2 = load<u64>(table + (<usize>((words >> 16) & 255) << 3))
    const s3 = load<u64>(table + (<usize>(words >> 24) << 3))
    const held0 = load<u64>(bits + <usize>(at >> 3)) >> (at & 7)
    // A shift is by the lowest six bits of a number.
    const held1 = held0 >> (s0 >> 32)
    const held2 = held1 >> (s1 >> 32)
    const held3 = held2 >> (s2 >> 32)
    at += ((s0 + s1 + s2 + s3) >> 32) & 0xff
    store<T>(to, signed<T>(magnitudeOf(s0, held0), words))
    store<T>(to, signed<T>(magnitudeOf(s1, held1), words >> 8), sizeof<T>())
    store<T>(to, signed<T>(magnitudeOf(s2, held2), words >> 16), 2 * sizeof<T>())
    store<T>(to, signed<T>(magnitudeOf(s3, held3), words >> 24), 3 * sizeof<T>())
  }
  for (; symbols < end; symbols++, to += sizeof<T>()) {
    const word = <u64>load<u8>(symbols)
    const step = load<u64>(table + (<usize>word << 3))
    store<T>(to, signed<T>(magnitudeOf(step, bitsAt<T>(bits, at)), word))
    at += (step >> 32) & 0xff
  }
  return bits + <usize>((at + 7) >> 3)
}

/** The same for wider ones, whose symbols leave more. */
@inline function join<T>(symbols: usize, bits: usize, size: u32, to: usize): usize {
  const steps = stepsOf<T>()
  let at: u64 = 0
  for (const end = symbols + size; symbols < end; symbols++, to += sizeof<T>()) {
    const word = <u64>load<u8>(symbols)
    const octave = word >> (steps + 1)
    const rest = octave - <u64>(octave > 0)
    const left = bitsAt<T>(bits, at) & ((<u64>1 << rest) - 1)
    at += rest
    store<T>(to, signed<T>((((word >> 1) - (rest << steps)) << rest) | left, word))
  }
  return bits + <usize>((at + 7) >> 3)
}

export function join8(symbols: usize, bits: usize, size: u32, to: usize, table: usize): usize {
  return joinNarrow<i8>(symbols, bits, size, to, table)
}
export function join16(symbols: usize, bits: usize, size: u32, to: usize, table: usize): usize {
  return joinNarrow<i16>(symbols, bits, size, to, table)
}
export function join32(symbols: usize, bits: usize, size: u32, to: usize): usize {
  return join<i32>(symbols, bits, size, to)
}
export function join64(symbols: usize, bits: usize, size: u32, to: usize): usize {
  return join<i64>(symbols, bits, size, to)
}

// Differences in as few bits as most of their class need, without an entropy coder.

/** A difference of few bits as a number of few bits: 0, −1, 1, −2, …. */
@inline function zigzag<T>(d: T): u64 {
  return <u64>((<i64>d << 1) ^ (<i64>d >> 63)) & (<u64>-1 >> <u64>(64 - 8 * sizeof<T>()))
}

/**
 * Counts how many bits differences take: counts [256 classes, 65] of 32 bits (added to), of every seventh one.
 * What takes n bits is less than 2^n − 1: the last pattern stands for what takes more.
 */
@inline function count<T>(differences: usize, base: usize, size: u32, shift: u32, counts: usize): void {
  for (let i: u32 = 0; i < size; i += 7) {
    const at = i * sizeof<T>()
    const bits = 64 - clz(zigzag<T>(load<T>(differences + at)) + 1)
    const place = counts + ((<usize>classOf<T>(load<T>(base + at), shift) * 65 + <usize>bits) << 2)
    store<u32>(place, load<u32>(place) + 1)
  }
}

export function countWidths(differences: usize, base: usize, size: u32, width: u32, shift: u32, counts: usize): void {
  if (width == 1) count<i8>(differences, base, size, shift, counts)
  else if (width == 2) count<i16>(differences, base, size, shift, counts)
  else if (width == 4) count<i32>(differences, base, size, shift, counts)
  else count<i64>(differences, base, size, shift, counts)
}

/**
 * Differences → as many bits each as its class has; behind ones, which stand for what needs more, all of its bytes.
 * @param widths bits of each of 256 classes of the base's entries, a byte each, from 1 to 56
 * @param most bytes: where they would be more, the end is behind these
 * @returns the byte after the last bits
 */
@inline function pack<T>(differences: usize, base: usize, size: u32, shift: u32, widths: usize, bits: usize, most: u32): usize {
  const limit = bits + most
  let held: u64 = 0
  let filled: u64 = 0
  for (const end = differences + size * sizeof<T>(); differences < end; differences += sizeof<T>(), base += sizeof<T>()) {
    let whole = zigzag<T>(load<T>(differences))
    const width = <u64>load<u8>(widths + <usize>classOf<T>(load<T>(base), shift))
    const ones = (<u64>1 << width) - 1
    held |= min<u64>(whole, ones) << filled
    filled += width
    store<u64>(bits, held)
    bits += <usize>(filled >> 3)
    held >>= filled & ~7
    filled &= 7
    if (whole < ones) continue
    if (bits > limit) return bits
    for (let i: u32 = 0; i < sizeof<T>(); i++, bits++, whole >>= 8, held >>= 8) {
      held |= (whole & 255) << filled
      store<u64>(bits, held)
    }
  }
  return bits + <usize>((filled + 7) >> 3)
}

export function packDifferences(differences: usize, base: usize, size: u32, width: u32, shift: u32, widths: usize, bits: usize, most: u32): usize {
  if (width == 1) return pack<i8>(differences, base, size, shift, widths, bits, most)
  if (width == 2) return pack<i16>(differences, base, size, shift, widths, bits, most)
  if (width == 4) return pack<i32>(differences, base, size, shift, widths, bits, most)
  return pack<i64>(differences, base, size, shift, widths, bits, most)
}

@inline function unpack<T>(bits: usize, base: usize, size: u32, shift: u32, widths: usize, to: usize): usize {
  let at: u64 = 0
  for (const end = to + size * sizeof<T>(); to < end; to += sizeof<T>(), base += sizeof<T>()) {
    const width = <u64>load<u8>(widths + <usize>classOf<T>(load<T>(base), shift))
    const ones = (<u64>1 << width) - 1
    let z = bitsAt<T>(bits, at) & ones
    at += width
    if (z == ones) {
      z = bitsAt<T>(bits, at) & (<u64>-1 >> <u64>(64 - 8 * sizeof<T>()))
      at += 8 * sizeof<T>()
    }
    store<T>(to, <T>((z >> 1) ^ -(z & 1)))
  }
  return bits + <usize>((at + 7) >> 3)
}

/** The way back. @returns the byte after the last bits */
export function unpackDifferences(bits: usize, base: usize, size: u32, width: u32, shift: u32, widths: usize, to: usize): usize {
  if (width == 1) return unpack<i8>(bits, base, size, shift, widths, to)
  if (width == 2) return unpack<i16>(bits, base, size, shift, widths, to)
  if (width == 4) return unpack<i32>(bits, base, size, shift, widths, to)
  return unpack<i64>(bits, base, size, shift, widths, to)
}
