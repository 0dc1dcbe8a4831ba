// Codes of few bits and bits → numbers of 32 bits. All read up to 8 bytes behind what they are given.

/** Codes of so many bits, at most 24, the first in the lowest bits of the first byte → integers. */
export function unpackCodes(from: usize, count: u32, bits: u32, to: usize): void {
  const mask = (<u64>1 << bits) - 1
  let at: u64 = 0
  for (const end = to + (<usize>count << 2); to < end; to += 4, at += bits)
    store<u32>(to, <u32>((load<u64>(from + <usize>(at >> 3)) >> (at & 7)) & mask))
}

/** Codes of a group → scale · (code − zero), in place. */
export function levels(codes: usize, count: u32, scale: f32, zero: i32): void {
  const end = codes + (<usize>count << 2)
  const scales = f32x4.splat(scale)
  const zeros = i32x4.splat(zero)
  for (; codes + 16 <= end; codes += 16)
    v128.store(codes, f32x4.mul(scales, f32x4.convert_i32x4_s(i32x4.sub(v128.load(codes), zeros))))
  for (; codes < end; codes += 4) store<f32>(codes, scale * <f32>(load<i32>(codes) - zero))
}

/** Bits from the number `first` on → the magnitude where one is 1, else its opposite. */
export function spreadSigns(from: usize, first: u32, count: u32, magnitude: f32, to: usize): void {
  const minus = reinterpret<u32>(magnitude) ^ 0x80000000
  for (let i = first; i < first + count; i++, to += 4)
    store<u32>(to, minus ^ (((<u32>load<u8>(from + (i >> 3)) >> (i & 7)) & 1) << 31))
}

/** Numbers of the bits that are 1, counted from `first`. @returns how many */
export function findOnes(from: usize, count: u32, first: u32, to: usize): u32 {
  const begin = to
  for (let i: u32 = 0; i < count; i += 64, from += 8) {
    let bits = load<u64>(from)
    if (count - i < 64) bits &= (<u64>1 << (count - i)) - 1
    for (; bits; bits &= bits - 1, to += 4) store<u32>(to, first + i + <u32>ctz(bits))
  }
  return <u32>((to - begin) >> 2)
}
