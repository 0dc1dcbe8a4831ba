// Classes of entries of a base: their exponents.

/** The classes of 16 entries of two bytes. */
@inline export function classesOf(first: v128, last: v128, shift: u32): v128 {
  const magnitude = i16x8.splat(0x7fff)
  return i8x16.narrow_i16x8_u(i16x8.shr_u(v128.and(first, magnitude), shift), i16x8.shr_u(v128.and(last, magnitude), shift))
}
