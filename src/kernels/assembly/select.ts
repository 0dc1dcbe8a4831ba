// Keeps or drops the entries of largest magnitude, in one pass: see src/tensor/select.ts for how the threshold is found.

/** to[i] = from[i] × scale where the bits of |from[i]| spell more than `limit`, else × 0. Four vectors at a time. */
@inline function keepAbove(from: usize, to: usize, size: u32, limit: i32, scale: f32): void {
  const limits = i32x4.splat(limit)
  const scales = f32x4.splat(scale)
  let i: u32 = 0
  for (; size - i >= 16; i += 16, from += 64, to += 64) {
    v128.store(to, kept(v128.load(from), limits, scales))
    v128.store(to, kept(v128.load(from, 16), limits, scales), 16)
    v128.store(to, kept(v128.load(from, 32), limits, scales), 32)
    v128.store(to, kept(v128.load(from, 48), limits, scales), 48)
  }
  for (; i < size; i++, from += 4, to += 4) {
    const value = load<f32>(from)
    store<f32>(to, value * ((reinterpret<i32>(value) & 0x7fffffff) > limit ? scale : 0))
  }
}

/** v ×= 0 where the bits of |v| spell more than `limit`: the sign is left. */
@inline function dropAbove(v: usize, size: u32, limit: i32): void {
  const limits = i32x4.splat(limit)
  let i: u32 = 0
  for (; size - i >= 16; i += 16, v += 64) {
    v128.store(v, left(v128.load(v), limits))
    v128.store(v, left(v128.load(v, 16), limits), 16)
    v128.store(v, left(v128.load(v, 32), limits), 32)
    v128.store(v, left(v128.load(v, 48), limits), 48)
  }
  for (; i < size; i++, v += 4) {
    const bits = load<i32>(v)
    if ((bits & 0x7fffffff) > limit) store<i32>(v, bits & i32.MIN_VALUE)
  }
}

@inline function left(values: v128, limits: v128): v128 {
  const magnitude = i32x4.splat(0x7fffffff)
  const above = i32x4.gt_s(v128.and(values, magnitude), limits)
  return v128.andnot(values, v128.and(above, magnitude))
}

@inline function kept(values: v128, limits: v128, scales: v128): v128 {
  const bits = v128.and(values, i32x4.splat(0x7fffffff))
  return f32x4.mul(values, v128.and(scales, i32x4.gt_s(bits, limits)))
}

/**
 * to[i] = from[i] × scale where |from[i]| > threshold, or equals it and i <= lastTie; else × 0. Magnitudes are compared as the
 * integers that their bits spell (same order for finite values); `threshold` is such an integer.
 */
export function keep(from: usize, to: usize, size: u32, threshold: i32, lastTie: i32, scale: f32): void {
  const tied = min(size, <u32>(lastTie + 1))
  const bytes = <usize>tied << 2
  keepAbove(from, to, tied, threshold - 1, scale)
  keepAbove(from + bytes, to + bytes, size - tied, threshold, scale)
}

/** v ×= 0 where |v| > threshold, or equals it and i <= lastTie; as `keep`. */
export function drop(v: usize, size: u32, threshold: i32, lastTie: i32): void {
  const tied = min(size, <u32>(lastTie + 1))
  dropAbove(v, tied, threshold - 1)
  dropAbove(v + (<usize>tied << 2), size - tied, threshold)
}
