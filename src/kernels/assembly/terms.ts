// Lines that are sums of vectors: what an adapter adds to a weight.

/**
 * values[l, i] = Σ over k of coefficients[l, k] × vectors[k, i], in float64 in the order of k, rounded once to float32; with `adds`, values +
 * the sum is rounded instead.
 * @param values float32 [lines, columns]
 * @param coefficients float64 [lines, rank]
 * @param vectors float64 [rank, columns]
 * @param lines a multiple of 4, as are the columns
 */
export function sumTerms(
  values: usize,
  coefficients: usize,
  vectors: usize,
  lines: i32,
  rank: i32,
  columns: i32,
  adds: bool,
): void {
  const line = <usize>columns << 2
  const row = <usize>columns << 3
  const next = <usize>rank << 3
  for (let l = 0; l < lines; l += 4, values += 4 * line, coefficients += 4 * next) {
    for (let i = 0; i < columns; i += 4) {
      let a0 = f64x2.splat(0)
      let a1 = a0
      let b0 = a0
      let b1 = a0
      let c0 = a0
      let c1 = a0
      let d0 = a0
      let d1 = a0
      let vector = vectors + (<usize>i << 3)
      let a = coefficients
      let b = a + next
      let c = b + next
      let d = c + next
      for (let k = 0; k < rank; k++, vector += row, a += 8, b += 8, c += 8, d += 8) {
        const low = v128.load(vector)
        const high = v128.load(vector, 16)
        const p = v128.load_splat<f64>(a)
        a0 = f64x2.add(a0, f64x2.mul(p, low))
        a1 = f64x2.add(a1, f64x2.mul(p, high))
        const q = v128.load_splat<f64>(b)
        b0 = f64x2.add(b0, f64x2.mul(q, low))
        b1 = f64x2.add(b1, f64x2.mul(q, high))
        const r = v128.load_splat<f64>(c)
        c0 = f64x2.add(c0, f64x2.mul(r, low))
        c1 = f64x2.add(c1, f64x2.mul(r, high))
        const s = v128.load_splat<f64>(d)
        d0 = f64x2.add(d0, f64x2.mul(s, low))
        d1 = f64x2.add(d1, f64x2.mul(s, high))
      }
      const to = values + (<usize>i << 2)
      finish(to, a0, a1, adds)
      finish(to + line, b0, b1, adds)
      finish(to + 2 * line, c0, c1, adds)
      finish(to + 3 * line, d0, d1, adds)
    }
  }
}

// @ts-ignore: decorator
@inline
function finish(to: usize, low: v128, high: v128, adds: bool): void {
  if (adds) {
    const old = v128.load(to)
    low = f64x2.add(f64x2.promote_low_f32x4(old), low)
    high = f64x2.add(f64x2.promote_low_f32x4(v128.shuffle<u32>(old, old, 2, 3, 2, 3)), high)
  }
  v128.store(to, v128.shuffle<u32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5))
}
