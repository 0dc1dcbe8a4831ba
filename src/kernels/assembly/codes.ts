// Codes of few bits and bits → numbers of 32 bits, and numbers to where they belong. All read up to 8 bytes behind what they are given.

/** Codes of so many bits, at most 24, the first in the lowest bits of the first byte → integers. @param first number of the first one */
export function unpackCodes(from: usize, first: u32, count: u32, bits: u32, to: usize): void {
  const mask = (<u64>1 << bits) - 1
  let at = <u64>first * bits
  for (const end = to + (<usize>count << 2); to < end; to += 4, at += bits)
    store<u32>(to, <u32>((load<u64>(from + <usize>(at >> 3)) >> (at & 7)) & mask))
}

/**
 * Codes of entries of a matrix → scale · (code − zero), float32, in place.
 * @param first number of the first entry @param width entries of a group; the last one of a row has what is left
 * @param scales of all groups, float32 @param zeros of all groups, codes
 */
export function levels(codes: usize, first: u32, count: u32, columns: u32, width: u32, scales: usize, zeros: usize): void {
  const groups = (columns + width - 1) / width
  let row = first / columns
  let column = first % columns
  for (const end = codes + (<usize>count << 2); codes < end; ) {
    const group = column / width
    const next = min(columns, (group + 1) * width)
    const at = <usize>(row * groups + group) << 2
    const stop = min(end, codes + (<usize>(next - column) << 2))
    const scale = load<f32>(scales + at)
    const zero = load<i32>(zeros + at)
    const scalesOf = f32x4.splat(scale)
    const zerosOf = i32x4.splat(zero)
    for (; codes + 16 <= stop; codes += 16)
      v128.store(codes, f32x4.mul(scalesOf, f32x4.convert_i32x4_s(i32x4.sub(v128.load(codes), zerosOf))))
    for (; codes < stop; codes += 4) store<f32>(codes, scale * <f32>(load<i32>(codes) - zero))
    column = next == columns ? 0 : next
    row += <u32>(next == columns)
  }
}

/** Bits from the number `first` on → the magnitude where one is 1, else its opposite. */
export function spreadSigns(from: usize, first: u32, count: u32, magnitude: f32, to: usize): void {
  const minus = reinterpret<u32>(magnitude) ^ 0x80000000
  let i = first
  const last = first + count
  for (; i < last && (i & 7) != 0; i++, to += 4) store<u32>(to, minus ^ (bitAt(from, i) << 31))
  const all = i32x4.splat(minus)
  const sign = i32x4.splat(0x80000000)
  const low = i32x4(1, 2, 4, 8)
  const high = i32x4(16, 32, 64, 128)
  for (; i + 8 <= last; i += 8, to += 32) {
    const byte = i32x4.splat(load<u8>(from + (i >> 3)))
    v128.store(to, v128.xor(all, v128.and(sign, i32x4.eq(v128.and(byte, low), low))))
    v128.store(to, v128.xor(all, v128.and(sign, i32x4.eq(v128.and(byte, high), high))), 16)
  }
  for (; i < last; i++, to += 4) store<u32>(to, minus ^ (bitAt(from, i) << 31))
}

@inline function bitAt(from: usize, i: u32): u32 {
  return (<u32>load<u8>(from + (i >> 3)) >> (i & 7)) & 1
}

/** Numbers of the bits that are 1. @returns how many */
export function findOnes(from: usize, count: u32, to: usize): u32 {
  const begin = to
  for (let i: u32 = 0; i < count; i += 64, from += 8) {
    let bits = load<u64>(from)
    if (count - i < 64) bits &= (<u64>1 << (count - i)) - 1
    for (; bits; bits &= bits - 1, to += 4) store<u32>(to, i + <u32>ctz(bits))
  }
  return <u32>((to - begin) >> 2)
}

/** Whether numbers of 32 bits ascend, and all are below a bound. */
export function isAscending(numbers: usize, count: u32, below: u32): bool {
  let last: i64 = -1
  for (const end = numbers + (<usize>count << 2); numbers < end; numbers += 4) {
    const each = <i64>load<u32>(numbers)
    if (each <= last) return false
    last = each
  }
  return last < <i64>below
}

/** Values of `width` bytes, 2 or 4, to the entries of these numbers, of which `first` is at the address `to`. */
export function scatter(to: usize, first: u32, numbers: usize, count: u32, values: usize, width: u32): void {
  for (const end = numbers + (<usize>count << 2); numbers < end; numbers += 4, values += width) {
    const at = to + <usize>(load<u32>(numbers) - first) * width
    if (width == 2) store<u16>(at, load<u16>(values))
    else store<u32>(at, load<u32>(values))
  }
}
