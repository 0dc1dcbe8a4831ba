// Differences in as few bits as most of their class need, without an entropy coder. docs/delta-format.md describes the bytes.
import { bitsAt, classOf } from './differences'

/** The classes of the base's entries, a byte each. Two bytes are what most checkpoints have. */
@inline function classify<T>(base: usize, size: u32, shift: u32, to: usize): void {
  if (sizeof<T>() != 2) {
    for (const end = to + size; to < end; to++, base += sizeof<T>()) store<u8>(to, classOf<T>(load<T>(base), shift))
    return
  }
  const magnitude = i16x8.splat(0x7fff)
  for (const end = to + size; to < end; to += 16, base += 32) {
    const low = i16x8.shr_u(v128.and(v128.load(base), magnitude), shift)
    const high = i16x8.shr_u(v128.and(v128.load(base, 16), magnitude), shift)
    v128.store(to, i8x16.narrow_i16x8_u(low, high))
  }
}

/** @param to room for a byte of each entry, and 16 more */
export function findClasses(base: usize, size: u32, width: u32, shift: u32, to: usize): void {
  if (width == 1) classify<u8>(base, size, shift, to)
  else if (width == 2) classify<u16>(base, size, shift, to)
  else if (width == 4) classify<u32>(base, size, shift, to)
  else classify<u64>(base, size, shift, to)
}

/** Differences of few bits as numbers of few bits, in place: 0, −1, 1, −2, …. */
@inline function foldSigns<T>(at: usize, size: u32): void {
  for (const end = at + size * sizeof<T>(); at < end; at += 16) {
    const d = v128.load(at)
    v128.store(at, v128.xor(v128.shl<T>(d, 1), v128.neg<T>(v128.shr<T>(d, 8 * sizeof<T>() - 1))))
  }
}

/** The way back. */
@inline function unfoldSigns<T>(at: usize, size: u32): void {
  for (const end = at + size * sizeof<T>(); at < end; at += 16) {
    const z = v128.load(at)
    v128.store(at, v128.xor(v128.shr<T>(z, 1), v128.neg<T>(v128.and(z, v128.splat<T>(1)))))
  }
}

/**
 * Folds the signs of differences, and counts how many bits they take: counts [256 classes, 65] of 32 bits (added to), of every seventh one.
 * What takes n bits is less than 2^n − 1: the last pattern stands for what takes more.
 */
@inline function count<T>(differences: usize, classes: usize, size: u32, counts: usize): void {
  foldSigns<T>(differences, size)
  for (let i: u32 = 0; i < size; i += 7) {
    const bits = 64 - clz(<u64>load<T>(differences + i * sizeof<T>()) + 1)
    const place = counts + ((<usize>load<u8>(classes + i) * 65 + <usize>bits) << 2)
    store<u32>(place, load<u32>(place) + 1)
  }
}

export function countWidths(differences: usize, classes: usize, size: u32, width: u32, counts: usize): void {
  if (width == 1) count<u8>(differences, classes, size, counts)
  else if (width == 2) count<u16>(differences, classes, size, counts)
  else if (width == 4) count<u32>(differences, classes, size, counts)
  else count<u64>(differences, classes, size, counts)
}

/** Of a class: the ones that stand for what needs more bits than it has, and their number, from 1 to 56. */
@inline function rowOf(place: usize, rows: usize): usize {
  return rows + (<usize>load<u8>(place) << 4)
}
@inline function onesIn(row: usize): u64 {
  return load<u64>(row)
}
@inline function bitsIn(row: usize): u64 {
  return load<u64>(row, 8)
}

/**
 * Differences with folded signs → as many bits each as its class has; behind ones, which stand for what needs more, all of its bytes.
 * @param classes classes of the base's entries, a byte each
 * @param rows of 256 classes, two words each: as many ones as it has bits, and these
 * @param most bytes: where they would be more, the end is behind these
 * @returns the byte after the last bits
 */
@inline function pack<T>(differences: usize, classes: usize, size: u32, rows: usize, bits: usize, most: u32): usize {
  const limit = bits + most
  let held: u64 = 0
  let filled: u64 = 0
  for (const end = differences + size * sizeof<T>(); differences < end; differences += sizeof<T>(), classes++) {
    const row = rowOf(classes, rows)
    let whole = <u64>load<T>(differences)
    if (whole >= onesIn(row)) {
      if (bits > limit) return bits
      held |= onesIn(row) << filled
      filled += bitsIn(row)
      store<u64>(bits, held)
      bits += <usize>(filled >> 3)
      held >>= filled & ~7
      filled &= 7
      const part = min<u32>(sizeof<T>(), 4)
      for (let i: u32 = 0; i < sizeof<T>(); i += part, bits += part, whole >>= 32, held >>= 8 * part) {
        held |= (whole & 0xffffffff) << filled
        store<u64>(bits, held)
      }
      continue
    }
    held |= whole << filled
    filled += bitsIn(row)
    store<u64>(bits, held)
    bits += <usize>(filled >> 3)
    held >>= filled & ~7
    filled &= 7
  }
  return bits + <usize>((filled + 7) >> 3)
}

export function packDifferences(differences: usize, classes: usize, size: u32, width: u32, rows: usize, bits: usize, most: u32): usize {
  if (width == 1) return pack<u8>(differences, classes, size, rows, bits, most)
  if (width == 2) return pack<u16>(differences, classes, size, rows, bits, most)
  if (width == 4) return pack<u32>(differences, classes, size, rows, bits, most)
  return pack<u64>(differences, classes, size, rows, bits, most)
}

@inline function unpack<T>(bits: usize, classes: usize, size: u32, rows: usize, to: usize): usize {
  let at: u64 = 0
  for (let place = to, end = to + size * sizeof<T>(); place < end; place += sizeof<T>(), classes++) {
    const row = rowOf(classes, rows)
    let z = bitsAt<T>(bits, at) & onesIn(row)
    at += bitsIn(row)
    if (z == onesIn(row)) {
      z = bitsAt<T>(bits, at)
      at += 8 * sizeof<T>()
    }
    store<T>(place, <T>z)
  }
  unfoldSigns<T>(to, size)
  return bits + <usize>((at + 7) >> 3)
}

/** The way back, to differences. @returns the byte after the last bits */
export function unpackDifferences(bits: usize, classes: usize, size: u32, width: u32, rows: usize, to: usize): usize {
  if (width == 1) return unpack<u8>(bits, classes, size, rows, to)
  if (width == 2) return unpack<u16>(bits, classes, size, rows, to)
  if (width == 4) return unpack<u32>(bits, classes, size, rows, to)
  return unpack<u64>(bits, classes, size, rows, to)
}
