// Bytes of entries: planes of them, and whether they are the same.

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

export function isEqual(one: usize, two: usize, bytes: u32): bool {
  let i: u32 = 0
  for (; i + 16 <= bytes; i += 16)
    if (v128.any_true(v128.xor(v128.load(one + i), v128.load(two + i)))) return false
  for (; i < bytes; i++) if (load<u8>(one + i) != load<u8>(two + i)) return false
  return true
}
