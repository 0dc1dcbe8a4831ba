// Vectors of float32 as float64, and sums of lanes.

/** Two float32 in memory as float64: half as much work for the processor as those of a vector. */
@inline export function pair(at: usize): v128 {
  return low(v128.load64_zero(at))
}
@inline export function low(x: v128): v128 {
  return f64x2.promote_low_f32x4(x)
}
@inline export function high(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0))
}
@inline export function sumOf(a: v128, b: v128): f64 {
  const both = f64x2.add(a, b)
  return f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1)
}

@inline export function laneSum(x: v128): i32 {
  return i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3)
}
