// Entries that moved away from those of a base ↔ codes: how far each moved, as few bits as that takes; and the classes that say how many it may take.
import { classOf } from './differences'
import { classesOf } from './shared/classes'

/** The classes of the base's entries, a byte each. Two and four bytes are what most checkpoints have. */
@inline function classify<T>(base: usize, size: u32, shift: u32, to: usize): void {
  const end = to + size
  if (sizeof<T>() == 2 || sizeof<T>() == 4)
    for (; to < end; to += 16, base += 16 * sizeof<T>()) v128.store(to, classesOf<T>(base, shift))
  else for (; to < end; to++, base += sizeof<T>()) store<u8>(to, classOf<T>(load<T>(base), shift))
}

/** @param to room for a byte of each entry, and 16 more */
export function findClasses(base: usize, size: u32, width: u32, shift: u32, to: usize): void {
  if (width == 1) classify<u8>(base, size, shift, to)
  else if (width == 2) classify<u16>(base, size, shift, to)
  else if (width == 4) classify<u32>(base, size, shift, to)
  else classify<u64>(base, size, shift, to)
}

/** Of entries of the base: the bits that are signs, and those of magnitudes; none of integers. */
@inline function signsOf<T>(isFloat: bool): v128 {
  return isFloat ? v128.splat<T>(<T>(<T>1 << <T>(8 * sizeof<T>() - 1))) : i32x4.splat(0)
}
@inline function magnitudesOf<T>(isFloat: bool): v128 {
  return isFloat ? v128.splat<T>(<T>~(<T>1 << <T>(8 * sizeof<T>() - 1))) : i32x4.splat(0)
}
/** Ones where a number is negative. */
@inline function spread<T>(numbers: v128): v128 {
  return v128.shr<T>(numbers, 8 * sizeof<T>() - 1)
}

/** Entries and those of the base → codes: how far each moved away from zero, with the sign in the lowest bit: 0, −1, 1, −2, …. */
@inline function toCodes<T>(post: usize, base: usize, size: u32, isFloat: bool, to: usize): void {
  const signs = signsOf<T>(isFloat)
  const magnitudes = magnitudesOf<T>(isFloat)
  for (const end = post + size * sizeof<T>(); post < end; post += 16, base += 16, to += 16) {
    const b = v128.load(base)
    const p = v128.xor(v128.load(post), v128.and(b, signs))
    const d = v128.sub<T>(v128.xor(p, v128.and(spread<T>(p), magnitudes)), v128.andnot(b, signs))
    v128.store(to, v128.xor(v128.shl<T>(d, 1), spread<T>(d)))
  }
}

/** The way back, in place. */
@inline function toEntries<T>(base: usize, size: u32, isFloat: bool, to: usize): void {
  const signs = signsOf<T>(isFloat)
  const magnitudes = magnitudesOf<T>(isFloat)
  const one = v128.splat<T>(1)
  const top = signsOf<T>(true)
  for (const end = to + size * sizeof<T>(); to < end; base += 16, to += 16) {
    const b = v128.load(base)
    const code = v128.load(to)
    const half = v128.andnot(v128.shr<T>(code, 1), top)
    const n = v128.add<T>(v128.andnot(b, signs), v128.xor(half, v128.neg<T>(v128.and(code, one))))
    v128.store(to, v128.xor(v128.xor(n, v128.and(spread<T>(n), magnitudes)), v128.and(b, signs)))
  }
}

export function findCodes(post: usize, base: usize, size: u32, width: u32, isFloat: bool, to: usize): void {
  if (width == 1) toCodes<i8>(post, base, size, isFloat, to)
  else if (width == 2) toCodes<i16>(post, base, size, isFloat, to)
  else if (width == 4) toCodes<i32>(post, base, size, isFloat, to)
  else toCodes<i64>(post, base, size, isFloat, to)
}

export function applyCodes(base: usize, size: u32, width: u32, isFloat: bool, to: usize): void {
  if (width == 1) toEntries<i8>(base, size, isFloat, to)
  else if (width == 2) toEntries<i16>(base, size, isFloat, to)
  else if (width == 4) toEntries<i32>(base, size, isFloat, to)
  else toEntries<i64>(base, size, isFloat, to)
}

/** Entries of large pieces that are counted, about. */
const COUNTED: u32 = 15

/** Codes, and how many bits they take: counts [256 classes, 65] of 32 bits (added to), of entries at equal distances. */
@inline function count<T>(codes: usize, classes: usize, size: u32, counts: usize): void {
  const step = (size >> COUNTED) | 1
  for (let i: u32 = 0; i < size; i += step) {
    const bits = 64 - clz(<u64>load<T>(codes + i * sizeof<T>()))
    const place = counts + ((<usize>load<u8>(classes + i) * 65 + <usize>bits) << 2)
    store<u32>(place, load<u32>(place) + 1)
  }
}

export function countWidths(codes: usize, classes: usize, size: u32, width: u32, counts: usize): void {
  if (width == 1) count<u8>(codes, classes, size, counts)
  else if (width == 2) count<u16>(codes, classes, size, counts)
  else if (width == 4) count<u32>(codes, classes, size, counts)
  else count<u64>(codes, classes, size, counts)
}
