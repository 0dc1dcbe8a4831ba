// Classes of entries of a base: their exponents.

/** The classes of 16 entries of two or four bytes. @param shift from a pattern without its sign to the class; of integers it leaves nothing */
@inline export function classesOf<T>(base: usize, shift: u32): v128 {
  if (sizeof<T>() == 2) return i8x16.narrow_i16x8_u(shifted<T>(base, shift), shifted<T>(base + 16, shift))
  const first = i16x8.narrow_i32x4_u(shifted<T>(base, shift), shifted<T>(base + 16, shift))
  return i8x16.narrow_i16x8_u(first, i16x8.narrow_i32x4_u(shifted<T>(base + 32, shift), shifted<T>(base + 48, shift)))
}

@inline function shifted<T>(at: usize, shift: u32): v128 {
  const magnitudes = v128.splat<T>(<T>-1 >> <T>1)
  return v128.shr<T>(v128.and(v128.load(at), magnitudes), shift)
}
