// Single-precision matrix product C = op(A) · op(B) with SIMD, on any memory, such as the heap of the TensorFlow.js wasm backend.
// B is packed into panels of 8 columns. A is read where it lies, 5 rows at a time, or from a copy where it is transposed.
// Blocks: KC deep, MC rows, NC columns; `scratch` must hold gemmScratch() bytes. An entry is summed in one order, however the panels
// are divided among threads.

const MR: usize = 5
const NR: usize = 8
const KC: usize = 384
const MC: usize = 120
const NC: usize = 768

/** Bytes of scratch memory that gemm needs: a block of A, packed B and one edge tile. */
export function gemmScratch(): usize {
  return (MC * KC + KC * NC + MR * NR) * 4
}

@inline function min(a: usize, b: usize): usize { return a < b ? a : b }

/** Rows i0 … i0+mc and columns k0 … k0+kc of Aᵀ, for A [k, lda]: row after row. */
function transposeA(a: usize, lda: usize, i0: usize, mc: usize, k0: usize, kc: usize, out: usize): void {
  const step = lda << 2, row = kc << 2
  let i: usize = 0
  for (; i + 4 <= mc; i += 4, out += 4 * row) {
    let from = a + ((k0 * lda + i0 + i) << 2)
    let k: usize = 0, to = out
    for (; k + 4 <= kc; k += 4, from += 4 * step, to += 16) {
      const r0 = v128.load(from), r1 = v128.load(from + step), r2 = v128.load(from + 2 * step), r3 = v128.load(from + 3 * step)
      const a01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5), b01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
      const a23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5), b23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
      v128.store(to, v128.shuffle<f32>(a01, a23, 0, 1, 4, 5))
      v128.store(to + row, v128.shuffle<f32>(a01, a23, 2, 3, 6, 7))
      v128.store(to + 2 * row, v128.shuffle<f32>(b01, b23, 0, 1, 4, 5))
      v128.store(to + 3 * row, v128.shuffle<f32>(b01, b23, 2, 3, 6, 7))
    }
    for (; k < kc; k++, from += step, to += 4)
      for (let r: usize = 0; r < 4; r++) f32.store(to + r * row, f32.load(from + (r << 2)))
  }
  for (; i < mc; i++, out += row)
    for (let k: usize = 0; k < kc; k++) f32.store(out + (k << 2), f32.load(a + (((k0 + k) * lda + i0 + i) << 2)))
}

/** Copies B[k0 … k0+kc, j0 … j0+nc] into panels of NR columns, k-major; missing columns are zero. A few rows at a time are read to their end. */
function packRows(b: usize, ldb: usize, j0: usize, nc: usize, k0: usize, kc: usize, out: usize): void {
  const step = ldb << 2
  for (let k: usize = 0; k < kc; k += 16) {
    for (let j: usize = 0; j < nc; j += NR) {
      const columns = min(NR, nc - j)
      let from = b + (((k0 + k) * ldb + j0 + j) << 2)
      let to = out + ((j * kc + k * NR) << 2)
      for (const end = to + ((min(16, kc - k) * NR) << 2); to < end; to += NR << 2, from += step) {
        if (columns == NR) {
          v128.store(to, v128.load(from))
          v128.store(to, v128.load(from, 16), 16)
        } else {
          for (let c: usize = 0; c < NR; c++) f32.store(to + (c << 2), c < columns ? f32.load(from + (c << 2)) : 0)
        }
      }
    }
  }
}

/** The same of Bᵀ, for B [n, ldb]. */
function packColumns(b: usize, ldb: usize, j0: usize, nc: usize, k0: usize, kc: usize, out: usize): void {
  for (let j: usize = 0; j < nc; j += NR) {
    const columns = min(NR, nc - j)
    const from = b + (((j0 + j) * ldb + k0) << 2)
    if (columns == NR) {
      const step = ldb << 2
      let k: usize = 0
      for (; k + 4 <= kc; k += 4) {
        let p = from + (k << 2)
        for (let half: usize = 0; half < 32; half += 16) {
          const r0 = v128.load(p), r1 = v128.load(p + step), r2 = v128.load(p + 2 * step), r3 = v128.load(p + 3 * step)
          const a01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5), b01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
          const a23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5), b23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
          v128.store(out + half, v128.shuffle<f32>(a01, a23, 0, 1, 4, 5))
          v128.store(out + half, v128.shuffle<f32>(a01, a23, 2, 3, 6, 7), 32)
          v128.store(out + half, v128.shuffle<f32>(b01, b23, 0, 1, 4, 5), 64)
          v128.store(out + half, v128.shuffle<f32>(b01, b23, 2, 3, 6, 7), 96)
          p += 4 * step
        }
        out += 128
      }
      for (; k < kc; k++) {
        for (let c: usize = 0; c < NR; c++) f32.store(out + (c << 2), f32.load(from + ((c * ldb + k) << 2)))
        out += NR << 2
      }
    } else {
      for (let k: usize = 0; k < kc; k++) {
        for (let c: usize = 0; c < NR; c++) f32.store(out + (c << 2), c < columns ? f32.load(from + ((c * ldb + k) << 2)) : 0)
        out += NR << 2
      }
    }
  }
}

/** a·b + c: rounded once where the engine has the instruction and this build uses it, else twice. */
@inline function madd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(c, f32x4.mul(a, b))
}

/**
 * One MR × NR tile: C = (first ? 0 : C) + rows of A, `step` bytes apart, · panel of B. Of fewer rows than MR the last stands for those that
 * are missing. V8 keeps all sums in registers in this form alone: unrolled, or with one index for all rows, it takes half as long again.
 */
function tile(a0: usize, step: usize, rows: usize, pb: usize, kc: usize, c: usize, ldc: usize, first: bool): void {
  const row = ldc << 2
  const c0 = c, c1 = c0 + row, c2 = c1 + row, c3 = c2 + row, c4 = c3 + row
  let s00: v128, s01: v128, s10: v128, s11: v128, s20: v128, s21: v128, s30: v128, s31: v128, s40: v128, s41: v128
  if (first) {
    const zero = f32x4.splat(0)
    s00 = zero; s01 = zero; s10 = zero; s11 = zero; s20 = zero; s21 = zero; s30 = zero; s31 = zero; s40 = zero; s41 = zero
  } else {
    s00 = v128.load(c0); s01 = v128.load(c0, 16)
    s10 = v128.load(c1); s11 = v128.load(c1, 16)
    s20 = v128.load(c2); s21 = v128.load(c2, 16)
    s30 = v128.load(c3); s31 = v128.load(c3, 16)
    s40 = v128.load(c4); s41 = v128.load(c4, 16)
  }
  let a1 = a0 + (rows > 1 ? step : 0), a2 = a1 + (rows > 2 ? step : 0), a3 = a2 + (rows > 3 ? step : 0), a4 = a3 + (rows > 4 ? step : 0)
  for (const end = a0 + (kc << 2); a0 < end; a0 += 4, a1 += 4, a2 += 4, a3 += 4, a4 += 4, pb += NR << 2) {
    const b0 = v128.load(pb), b1 = v128.load(pb, 16)
    let a = v128.load_splat<f32>(a0)
    s00 = madd(a, b0, s00); s01 = madd(a, b1, s01)
    a = v128.load_splat<f32>(a1)
    s10 = madd(a, b0, s10); s11 = madd(a, b1, s11)
    a = v128.load_splat<f32>(a2)
    s20 = madd(a, b0, s20); s21 = madd(a, b1, s21)
    a = v128.load_splat<f32>(a3)
    s30 = madd(a, b0, s30); s31 = madd(a, b1, s31)
    a = v128.load_splat<f32>(a4)
    s40 = madd(a, b0, s40); s41 = madd(a, b1, s41)
  }
  v128.store(c0, s00); v128.store(c0, s01, 16)
  v128.store(c1, s10); v128.store(c1, s11, 16)
  v128.store(c2, s20); v128.store(c2, s21, 16)
  v128.store(c3, s30); v128.store(c3, s31, 16)
  v128.store(c4, s40); v128.store(c4, s41, 16)
}

/** Copies rows × columns entries between matrices whose rows are `ldFrom` and `ldTo` entries apart. */
function copyTile(from: usize, ldFrom: usize, to: usize, ldTo: usize, rows: usize, columns: usize): void {
  for (let r: usize = 0; r < rows; r++)
    for (let q: usize = 0; q < columns; q++) f32.store(to + ((r * ldTo + q) << 2), f32.load(from + ((r * ldFrom + q) << 2)))
}

/** Rows iFrom … iTo − 1 and columns jFrom … jTo − 1 of one product; both begin with a panel. */
function product(a: usize, b: usize, c: usize, m: usize, n: usize, k: usize, ta: bool, tb: bool,
  iFrom: usize, iTo: usize, jFrom: usize, jTo: usize, scratch: usize): void {
  const lda = ta ? m : k
  const ldb = tb ? k : n
  const turned = scratch
  const packedB = scratch + ((MC * KC) << 2)
  const edge = packedB + ((KC * NC) << 2)
  for (let j0 = jFrom; j0 < jTo; j0 += NC) {
    const nc = min(NC, jTo - j0)
    for (let k0: usize = 0; k0 < k; k0 += KC) {
      const kc = min(KC, k - k0)
      const first = k0 == 0
      if (tb) packColumns(b, ldb, j0, nc, k0, kc, packedB)
      else packRows(b, ldb, j0, nc, k0, kc, packedB)
      for (let i0 = iFrom; i0 < iTo; i0 += MC) {
        const mc = min(MC, iTo - i0)
        if (ta) transposeA(a, lda, i0, mc, k0, kc, turned)
        const step = (ta ? kc : lda) << 2
        const block = ta ? turned : a + ((i0 * lda + k0) << 2)
        for (let j: usize = 0; j < nc; j += NR) {
          const pb = packedB + ((j * kc) << 2)
          const columns = min(NR, nc - j)
          for (let i: usize = 0; i < mc; i += MR) {
            const to = c + (((i0 + i) * n + j0 + j) << 2)
            const rows = min(MR, mc - i)
            if (rows == MR && columns == NR) tile(block + i * step, step, rows, pb, kc, to, n, first)
            else {
              // The sum goes on from where it is, as in a whole tile: the bits of an entry do not depend on its place.
              if (!first) copyTile(to, n, edge, NR, rows, columns)
              tile(block + i * step, step, rows, pb, kc, edge, NR, first)
              copyTile(edge, NR, to, n, rows, columns)
            }
          }
        }
      }
    }
  }
}

/** Products from … to − 1 of a batch; strides in elements between the matrices of each operand (0 repeats one matrix). */
export function gemmBatch(a: usize, b: usize, c: usize, m: usize, n: usize, k: usize, transposeA: bool, transposeB: bool,
  strideA: usize, strideB: usize, from: usize, to: usize, scratch: usize): void {
  if (k == 0) { memory.fill(c + ((from * m * n) << 2), 0, ((to - from) * m * n) << 2); return }
  for (let i = from; i < to; i++)
    product(a + ((i * strideA) << 2), b + ((i * strideB) << 2), c + ((i * m * n) << 2), m, n, k, transposeA, transposeB, 0, m, 0, n, scratch)
}

/** Panels from … to − 1 of one product: of gemmPanel(across) columns each where `across`, else of rows. k > 0. */
export function gemmPanels(a: usize, b: usize, c: usize, m: usize, n: usize, k: usize, transposeA: bool, transposeB: bool,
  across: bool, from: usize, to: usize, scratch: usize): void {
  if (across) product(a, b, c, m, n, k, transposeA, transposeB, 0, m, from * NR, min(n, to * NR), scratch)
  else product(a, b, c, m, n, k, transposeA, transposeB, from * MR, min(m, to * MR), 0, n, scratch)
}

/** Rows, or columns, of a panel. */
export function gemmPanel(across: bool): usize { return across ? NR : MR }
