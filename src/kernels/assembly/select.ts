// Keeps the entries of largest magnitude, in one pass: see src/tensor/select.ts for how the threshold is found.

/**
 * to[i] = from[i] × scale where |from[i]| > threshold, or equals it and i <= lastTie; else × 0. Magnitudes are compared as the
 * integers that their bits spell (same order for finite values); `threshold` is such an integer.
 */
export function keep(from: usize, to: usize, size: u32, threshold: i32, lastTie: i32, scale: f32): void {
  const magnitude = i32x4.splat(0x7fffffff)
  const thresholds = i32x4.splat(threshold)
  const lastTies = i32x4.splat(lastTie)
  const scales = f32x4.splat(scale)
  const four = i32x4.splat(4)
  let positions = i32x4(0, 1, 2, 3)
  let i: u32 = 0
  for (; size - i >= 4; i += 4) {
    const value = v128.load(from + (<usize>i << 2))
    const bits = v128.and(value, magnitude)
    const tied = v128.and(i32x4.eq(bits, thresholds), i32x4.le_s(positions, lastTies))
    const kept = v128.or(i32x4.gt_s(bits, thresholds), tied)
    v128.store(to + (<usize>i << 2), f32x4.mul(value, v128.and(scales, kept)))
    positions = i32x4.add(positions, four)
  }
  for (; i < size; i++) {
    const value = load<f32>(from + (<usize>i << 2))
    const bits = reinterpret<i32>(value) & 0x7fffffff
    const kept = bits > threshold || (bits == threshold && <i32>i <= lastTie)
    store<f32>(to + (<usize>i << 2), value * (kept ? scale : 0))
  }
}
