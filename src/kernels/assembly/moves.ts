// What moves entries: rotations of heads, axes that change places, rows by their numbers; each as one kernel over units
// `from` … `to` − 1. Addresses are bytes and sizes entries.

/**
 * out = x·cos + exchanged(x)·sin of rows of `width` (a head): the first `half` entries and the next are exchanged, the rest has no partner.
 * `back` is the derivative, the transposed map. cos and sin are as long as x.
 */
export function rotate(x: usize, cos: usize, sin: usize, out: usize, width: usize, half: usize, back: bool, from: usize, to: usize, _: usize): void {
  const bytes = width << 2, step = half << 2
  for (let row = from; row < to; row++) {
    const at = row * bytes
    let i: usize = at
    const middle = at + step
    for (; i + 16 <= middle; i += 16) {
      const one = v128.load(x + i), other = v128.load(x + i + step)
      const c1 = f32x4.mul(one, v128.load(cos + i)), c2 = f32x4.mul(other, v128.load(cos + i + step))
      const s1 = v128.load(sin + i), s2 = v128.load(sin + i + step)
      v128.store(out + i, f32x4.add(c1, f32x4.mul(other, back ? s2 : s1)))
      v128.store(out + i + step, f32x4.add(c2, f32x4.mul(one, back ? s1 : s2)))
    }
    for (; i < middle; i += 4) {
      const one = f32.load(x + i), other = f32.load(x + i + step)
      const c1 = one * f32.load(cos + i), c2 = other * f32.load(cos + i + step)
      const s1 = f32.load(sin + i), s2 = f32.load(sin + i + step)
      f32.store(out + i, c1 + other * (back ? s2 : s1))
      f32.store(out + i + step, c2 + one * (back ? s1 : s2))
    }
    for (i = middle + step; i < at + bytes; i += 4) f32.store(out + i, f32.load(x + i) * f32.load(cos + i))
  }
}

@inline function copyRow(from: usize, to: usize, bytes: usize): void {
  let i: usize = 0
  for (; i + 16 <= bytes; i += 16) v128.store(to + i, v128.load(from + i))
  for (; i < bytes; i += 4) f32.store(to + i, f32.load(from + i))
}

/** [outer, a, b, width] → [outer, b, a, width], for from … to of the outer × b. */
export function swapAxes(x: usize, out: usize, a: usize, b: usize, width: usize, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  for (let unit = from; unit < to; unit++) {
    let source = x + ((unit / b) * a * b + unit % b) * bytes
    let into = out + unit * a * bytes
    for (let i: usize = 0; i < a; i++, source += b * bytes, into += bytes) copyRow(source, into, bytes)
  }
}

/** Row at[i] of x to row i of out [n, width], for from … to of the n. */
export function takeRows(x: usize, at: usize, out: usize, width: usize, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  for (let row = from; row < to; row++) copyRow(x + <usize>i32.load(at + (row << 2)) * bytes, out + row * bytes, bytes)
}

/** Rows of x [rows, width] added to row at[i] of `into` [segments, width], for panels of 16 columns; another number is of no row. */
export function addRows(x: usize, at: usize, into: usize, segments: usize, rows: usize, width: usize, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  const end = min<usize>(to << 6, bytes)
  for (let row: usize = 0; row < rows; row++) {
    const number = <usize>i32.load(at + (row << 2))
    if (number >= segments) continue
    const source = x + row * bytes, target = into + number * bytes
    let i = from << 6
    for (; i + 16 <= end; i += 16) v128.store(target + i, f32x4.add(v128.load(target + i), v128.load(source + i)))
    for (; i < end; i += 4) f32.store(target + i, f32.load(target + i) + f32.load(source + i))
  }
}

/** Row i of x [n, width] over row at[i] of `into`, for from … to of the n. */
export function putRows(x: usize, at: usize, into: usize, width: usize, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  for (let row = from; row < to; row++) copyRow(x + row * bytes, into + <usize>i32.load(at + (row << 2)) * bytes, bytes)
}
