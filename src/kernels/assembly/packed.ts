// Differences in as few bits as most of their class need, without an entropy coder. docs/delta-format.md describes the bytes.
import { bitsAt, classOf } from './differences'

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
