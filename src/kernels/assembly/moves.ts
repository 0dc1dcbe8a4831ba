// What moves entries: rotations of heads, axes that change places, rows that are put into a cache; each as one kernel over units
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

/** [outer, a, b, width] → [outer, b, a, width], for from … to of the outer × b. */
export function swapAxes(x: usize, out: usize, a: usize, b: usize, width: usize, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  for (let unit = from; unit < to; unit++) {
    let source = x + ((unit / b) * a * b + unit % b) * bytes
    let into = out + unit * a * bytes
    for (let i: usize = 0; i < a; i++, source += b * bytes, into += bytes) {
      let k: usize = 0
      for (; k + 16 <= bytes; k += 16) v128.store(into + k, v128.load(source + k))
      for (; k < bytes; k += 4) f32.store(into + k, f32.load(source + k))
    }
  }
}

/** Row i of x [n, width] over row at[i] of `into`, for from … to of the n. */
export function putRows(x: usize, at: usize, into: usize, width: usize, from: usize, to: usize, _: usize): void {
  const bytes = width << 2
  for (let row = from; row < to; row++) {
    const source = x + row * bytes, target = into + <usize>i32.load(at + (row << 2)) * bytes
    let i: usize = 0
    for (; i + 16 <= bytes; i += 16) v128.store(target + i, v128.load(source + i))
    for (; i < bytes; i += 4) f32.store(target + i, f32.load(source + i))
  }
}
