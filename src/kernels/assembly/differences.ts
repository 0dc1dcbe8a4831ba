// A tensor as its difference from another one, exactly: entries ↔ differences, and these ↔ symbols of one byte with the bits that they leave.
// docs/delta-format.md describes the bytes.

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

/** The class of an entry: its exponent. @param shift from a pattern without its sign to the class */
@inline export function classOf<T>(pattern: T, shift: u32): u8 {
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

/** Bits from a position on: at least 57, of entries of 8 bytes 64. */
@inline export function bitsAt<T>(bits: usize, at: u64): u64 {
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
