// Sums of weighted rows, or columns, of a matrix, in float32: a product with a sparse random matrix, as fast as its entries are read.

/** Adds row k of A [rows, columns], times weights[k], to row k mod `count` of `out` [count, columns]. */
export function sketchRows(a: usize, rows: usize, columns: usize, weights: usize, out: usize, count: usize): void {
  for (let k: usize = 0; k < rows; k++) {
    const weight = load<f32>(weights + (k << 2))
    const weighs = f32x4.splat(weight)
    let to = out + (((k % count) * columns) << 2)
    let j: usize = 0
    for (; j + 4 <= columns; j += 4, a += 16, to += 16)
      v128.store(to, f32x4.add(v128.load(to), f32x4.mul(weighs, v128.load(a))))
    for (; j < columns; j++, a += 4, to += 4) store<f32>(to, load<f32>(to) + weight * load<f32>(a))
  }
}

/** Adds column k of A [rows, columns], times weights[k], to row k mod `count` of `out` [count, rows]; `count` is a multiple of 8. */
export function sketchColumns(a: usize, rows: usize, columns: usize, weights: usize, out: usize, count: usize): void {
  const step = count << 2
  const row = rows << 2
  for (let i: usize = 0; i < rows; i++, a += columns << 2, out += 4) {
    for (let b: usize = 0; b < count; b += 8) {
      let s0 = f32x4.splat(0), s1 = s0
      let k = b
      let from = a + (b << 2), weight = weights + (b << 2)
      for (; k + 8 <= columns; k += count, from += step, weight += step) {
        s0 = f32x4.add(s0, f32x4.mul(v128.load(from), v128.load(weight)))
        s1 = f32x4.add(s1, f32x4.mul(v128.load(from, 16), v128.load(weight, 16)))
      }
      let to = out + b * row
      store<f32>(to, load<f32>(to) + f32x4.extract_lane(s0, 0)); to += row
      store<f32>(to, load<f32>(to) + f32x4.extract_lane(s0, 1)); to += row
      store<f32>(to, load<f32>(to) + f32x4.extract_lane(s0, 2)); to += row
      store<f32>(to, load<f32>(to) + f32x4.extract_lane(s0, 3)); to += row
      store<f32>(to, load<f32>(to) + f32x4.extract_lane(s1, 0)); to += row
      store<f32>(to, load<f32>(to) + f32x4.extract_lane(s1, 1)); to += row
      store<f32>(to, load<f32>(to) + f32x4.extract_lane(s1, 2)); to += row
      store<f32>(to, load<f32>(to) + f32x4.extract_lane(s1, 3))
      for (let lane: usize = 0; k + lane < columns && lane < 8; lane++) {
        to = out + (b + lane) * row
        store<f32>(to, load<f32>(to) + load<f32>(from + (lane << 2)) * load<f32>(weight + (lane << 2)))
      }
    }
  }
}
