// Float64 kernels of the symmetric eigenvalue problem (see src/tensor/eigen.ts): products in panels of eight columns, the
// Householder reduction to tridiagonal form, and what leads from there to eigenvectors. Addresses are multiples of 16; `stride` is the
// length of a row in entries, a multiple of 8, and what lies beyond the matrix in a row is zero.

@inline function at(base: usize, i: usize): usize {
  return base + (i << 3)
}

/** Four rows of `a`, `row` bytes apart, times four columns of a panel. V8 keeps eight sums in registers, but not sixteen. */
@inline function tile(p0: usize, row: usize, b: usize, depth: usize, to: usize, step: usize): void {
  const zero = f64x2.splat(0)
  let s00 = zero, s01 = zero, s10 = zero, s11 = zero, s20 = zero, s21 = zero, s30 = zero, s31 = zero
  let p1 = p0 + row, p2 = p1 + row, p3 = p2 + row
  for (const end = b + (depth << 6); b < end; b += 64, p0 += 8, p1 += 8, p2 += 8, p3 += 8) {
    const b0 = v128.load(b), b1 = v128.load(b, 16)
    let x = v128.load_splat<f64>(p0)
    s00 = f64x2.add(s00, f64x2.mul(x, b0)); s01 = f64x2.add(s01, f64x2.mul(x, b1))
    x = v128.load_splat<f64>(p1)
    s10 = f64x2.add(s10, f64x2.mul(x, b0)); s11 = f64x2.add(s11, f64x2.mul(x, b1))
    x = v128.load_splat<f64>(p2)
    s20 = f64x2.add(s20, f64x2.mul(x, b0)); s21 = f64x2.add(s21, f64x2.mul(x, b1))
    x = v128.load_splat<f64>(p3)
    s30 = f64x2.add(s30, f64x2.mul(x, b0)); s31 = f64x2.add(s31, f64x2.mul(x, b1))
  }
  v128.store(to, s00); v128.store(to, s01, 16)
  to += step
  v128.store(to, s10); v128.store(to, s11, 16)
  to += step
  v128.store(to, s20); v128.store(to, s21, 16)
  to += step
  v128.store(to, s30); v128.store(to, s31, 16)
}

/** out[i, 0…8] = Σ_k a[i, k] panel[k, 0…8] for `rows` rows (a multiple of 4) of a. */
export function multiply(a: usize, stride: usize, panel: usize, depth: usize, out: usize, outStride: usize, rows: usize): void {
  for (let half: usize = 0; half < 64; half += 32)
    for (let i: usize = 0; i < rows; i += 4)
      tile(at(a, i * stride), stride << 3, panel + half, depth, at(out, i * outStride) + half, outStride << 3)
}

@inline function sum(x: v128): f64 {
  return f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1)
}

function dot(x: usize, y: usize, n: usize): f64 {
  let s0 = f64x2.splat(0), s1 = s0
  let i: usize = 0
  for (; i + 4 <= n; i += 4, x += 32, y += 32) {
    s0 = f64x2.add(s0, f64x2.mul(v128.load(x), v128.load(y)))
    s1 = f64x2.add(s1, f64x2.mul(v128.load(x, 16), v128.load(y, 16)))
  }
  let total = sum(f64x2.add(s0, s1))
  for (; i < n; i++, x += 8, y += 8) total += load<f64>(x) * load<f64>(y)
  return total
}

/** y += c x. */
function add(y: usize, c: f64, x: usize, n: usize): void {
  const cs = f64x2.splat(c)
  let i: usize = 0
  for (; i + 4 <= n; i += 4, x += 32, y += 32) {
    v128.store(y, f64x2.add(v128.load(y), f64x2.mul(cs, v128.load(x))))
    v128.store(y, f64x2.add(v128.load(y, 16), f64x2.mul(cs, v128.load(x, 16))), 16)
  }
  for (; i < n; i++, x += 8, y += 8) store<f64>(y, load<f64>(y) + c * load<f64>(x))
}

/** y += c x, and returns Σ z x: one pass over a row of a triangle, which stands for a row and a column of the whole. */
function addAndDot(y: usize, c: f64, x: usize, z: usize, n: usize): f64 {
  const cs = f64x2.splat(c)
  let s0 = f64x2.splat(0), s1 = s0
  let i: usize = 0
  for (; i + 4 <= n; i += 4, x += 32, y += 32, z += 32) {
    const x0 = v128.load(x), x1 = v128.load(x, 16)
    s0 = f64x2.add(s0, f64x2.mul(x0, v128.load(z)))
    s1 = f64x2.add(s1, f64x2.mul(x1, v128.load(z, 16)))
    v128.store(y, f64x2.add(v128.load(y), f64x2.mul(cs, x0)))
    v128.store(y, f64x2.add(v128.load(y, 16), f64x2.mul(cs, x1)), 16)
  }
  let total = sum(f64x2.add(s0, s1))
  for (; i < n; i++, x += 8, y += 8, z += 8) {
    const value = load<f64>(x)
    total += value * load<f64>(z)
    store<f64>(y, load<f64>(y) + c * value)
  }
  return total
}

/** x += c y + d z. */
function addTwo(x: usize, c: f64, y: usize, d: f64, z: usize, n: usize): void {
  const cs = f64x2.splat(c), ds = f64x2.splat(d)
  let i: usize = 0
  for (; i + 2 <= n; i += 2, x += 16, y += 16, z += 16) {
    v128.store(x, f64x2.add(v128.load(x), f64x2.add(f64x2.mul(cs, v128.load(y)), f64x2.mul(ds, v128.load(z)))))
  }
  if (i < n) store<f64>(x, load<f64>(x) + c * load<f64>(y) + d * load<f64>(z))
}

/**
 * Householder reduction (Golub and Van Loan §8.3.1) of the symmetric matrix whose lower triangle a holds, from the last row
 * up: A = Q T Qᵀ with Q = H_(n-1) … H_1, H_i = I - factors[i] v vᵀ and v in the first i entries of row i of a.
 * `diagonal` and `beside` (beside[i] couples i and i + 1) get T; `work` has n entries.
 */
export function reduce(a: usize, stride: usize, n: usize, diagonal: usize, beside: usize, factors: usize, work: usize): void {
  for (let i: usize = n - 1; i > 0; i--) {
    const v = at(a, i * stride)
    store<f64>(at(diagonal, i), load<f64>(at(v, i)))
    const norm = Math.sqrt(dot(v, v, i))
    const last = load<f64>(at(v, i - 1))
    const alpha = last > 0 ? -norm : norm
    store<f64>(at(beside, i - 1), alpha)
    const half = norm * norm - alpha * last
    if (!(half > 0)) { store<f64>(at(factors, i), 0); continue }
    store<f64>(at(v, i - 1), last - alpha)
    const factor = 1 / half
    store<f64>(at(factors, i), factor)
    memory.fill(work, 0, i << 3)
    for (let j: usize = 0; j < i; j++) {
      const row = at(a, j * stride)
      const x = load<f64>(at(v, j))
      const total = addAndDot(work, x, row, v, j)
      store<f64>(at(work, j), load<f64>(at(work, j)) + total + load<f64>(at(row, j)) * x)
    }
    const shift = 0.5 * factor * factor * dot(work, v, i)
    for (let j: usize = 0; j < i; j++) store<f64>(at(work, j), factor * load<f64>(at(work, j)) - shift * load<f64>(at(v, j)))
    for (let j: usize = 0; j < i; j++) addTwo(at(a, j * stride), -load<f64>(at(v, j)), work, -load<f64>(at(work, j)), v, j + 1)
  }
  store<f64>(diagonal, load<f64>(a))
}

/** Q x for each of `count` rows x of `rows` [count, stride], from what `reduce` left of H_i: x H_1 … H_(n-1). */
export function reflect(rows: usize, count: usize, a: usize, stride: usize, n: usize, factors: usize): void {
  for (let i: usize = 1; i < n; i++) {
    const factor = load<f64>(at(factors, i))
    if (factor == 0) continue
    const v = at(a, i * stride)
    for (let r: usize = 0; r < count; r++) {
      const row = at(rows, r * stride)
      add(row, -factor * dot(row, v, i), v, i)
    }
  }
}

/**
 * Undoes sweeps of rotations on columns, eight of which are a panel [n, 8], the last sweep first: sweep k has turned rows (i + 1, i) for
 * i = starts[k] down, by lengths[k] pairs (cosine, sine), which end where those of the next sweep begin; `end` is the end of the last ones.
 */
export function rotateBack(panels: usize, count: usize, n: usize, starts: usize, lengths: usize, sweeps: usize, end: usize): void {
  for (const last = panels + ((count * n) << 6); panels < last; panels += n << 6) {
    let angle = end
    for (let k = sweeps; k-- > 0; ) {
      const length = <usize>load<u32>(lengths + (k << 2))
      let p = panels + ((<usize>load<u32>(starts + (k << 2)) + 1 - length) << 6)
      let x0 = v128.load(p), x1 = v128.load(p, 16), x2 = v128.load(p, 32), x3 = v128.load(p, 48)
      for (const begin = angle - (length << 4); angle > begin; p += 64) {
        angle -= 16
        const c = v128.load_splat<f64>(angle), s = v128.load_splat<f64>(angle + 8)
        const h0 = v128.load(p, 64), h1 = v128.load(p, 80), h2 = v128.load(p, 96), h3 = v128.load(p, 112)
        v128.store(p, f64x2.add(f64x2.mul(s, h0), f64x2.mul(c, x0)))
        v128.store(p, f64x2.add(f64x2.mul(s, h1), f64x2.mul(c, x1)), 16)
        v128.store(p, f64x2.add(f64x2.mul(s, h2), f64x2.mul(c, x2)), 32)
        v128.store(p, f64x2.add(f64x2.mul(s, h3), f64x2.mul(c, x3)), 48)
        x0 = f64x2.sub(f64x2.mul(c, h0), f64x2.mul(s, x0)); x1 = f64x2.sub(f64x2.mul(c, h1), f64x2.mul(s, x1))
        x2 = f64x2.sub(f64x2.mul(c, h2), f64x2.mul(s, x2)); x3 = f64x2.sub(f64x2.mul(c, h3), f64x2.mul(s, x3))
      }
      v128.store(p, x0); v128.store(p, x1, 16); v128.store(p, x2, 32); v128.store(p, x3, 48)
    }
  }
}
