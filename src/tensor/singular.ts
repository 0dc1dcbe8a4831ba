// The singular values of a matrix alone, several times cheaper than svd.ts: for spectra and ranks. Float64, no tensors.

/**
 * All min(rows, columns) singular values of `values` (row-major), descending: roots of the eigenvalues of the smaller Gram
 * matrix, so values below about 1e-8 of the largest are noise. Cost about min²·max + 2·min³ operations.
 */
export function singularValues(values: Float32Array, rows: number, columns: number): Float64Array {
  const { matrix, size } = gram(values, rows, columns)
  const { diagonal, beside } = tridiagonal(matrix, size)
  return eigenvalues(diagonal, beside)
    .map((square) => Math.sqrt(Math.max(0, square)))
    .sort()
    .reverse()
}

/** The smaller of AAᵀ and AᵀA, lower triangle, row-major. */
function gram(values: Float32Array, rows: number, columns: number): { matrix: Float64Array; size: number } {
  const size = Math.min(rows, columns)
  const depth = Math.max(rows, columns)
  const wide = Float64Array.from(values)
  if (rows > columns) for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) wide[j * rows + i] = values[i * columns + j]
  const matrix = new Float64Array(size * size)
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0
      for (let k = 0, a = i * depth, b = j * depth; k < depth; k++) sum += wide[a + k] * wide[b + k]
      matrix[i * size + j] = sum
    }
  }
  return { matrix, size }
}

/** Householder reduction (Golub & Van Loan §8.3.1) of a symmetric matrix (lower triangle, overwritten): diagonal and what is beside it. */
function tridiagonal(a: Float64Array, n: number): { diagonal: Float64Array; beside: Float64Array } {
  const diagonal = new Float64Array(n)
  const beside = new Float64Array(n)
  const [v, p] = [new Float64Array(n), new Float64Array(n)]
  for (let k = 0; k < n; k++) {
    diagonal[k] = a[k * n + k]
    if (k === n - 1) break
    let norm2 = 0
    for (let i = k + 1; i < n; i++) norm2 += (v[i] = a[i * n + k]) ** 2
    const alpha = v[k + 1] > 0 ? -Math.sqrt(norm2) : Math.sqrt(norm2)
    beside[k] = alpha
    const vv = 2 * (norm2 - alpha * v[k + 1])
    if (!(vv > 0)) continue
    v[k + 1] -= alpha
    p.fill(0)
    for (let i = k + 1; i < n; i++) {
      let sum = 0
      for (let j = k + 1, at = i * n; j < i; j++) {
        sum += a[at + j] * v[j]
        p[j] += a[at + j] * v[i]
      }
      p[i] += sum + a[i * n + i] * v[i]
    }
    let pv = 0
    for (let i = k + 1; i < n; i++) pv += (p[i] *= 2 / vv) * v[i]
    for (let i = k + 1; i < n; i++) p[i] -= (pv / vv) * v[i]
    for (let i = k + 1; i < n; i++) for (let j = k + 1, at = i * n; j <= i; j++) a[at + j] -= v[i] * p[j] + p[i] * v[j]
  }
  return { diagonal, beside }
}

/** Eigenvalues of a symmetric tridiagonal matrix by implicit QL steps with Wilkinson's shift; both arrays are overwritten. */
function eigenvalues(d: Float64Array, e: Float64Array): Float64Array {
  const n = d.length
  for (let low = 0; low < n; low++) {
    for (let step = 0; step < 60; step++) {
      let high = low
      while (high < n - 1 && Math.abs(e[high]) > Number.EPSILON * (Math.abs(d[high]) + Math.abs(d[high + 1]))) high++
      if (high === low) break
      let g = (d[low + 1] - d[low]) / (2 * e[low])
      g = d[high] - d[low] + e[low] / (g + (g < 0 ? -1 : 1) * Math.hypot(g, 1))
      let [s, c, shift] = [1, 1, 0]
      let i = high - 1
      for (; i >= low; i--) {
        const f = s * e[i]
        const b = c * e[i]
        const r = Math.sqrt(f * f + g * g)
        e[i + 1] = r
        if (r === 0) break
        s = f / r
        c = g / r
        g = d[i + 1] - shift
        const t = (d[i] - g) * s + 2 * c * b
        shift = s * t
        d[i + 1] = g + shift
        g = c * t - b
      }
      if (i >= low) {
        d[i + 1] -= shift
        e[high] = 0
        continue
      }
      d[low] -= shift
      e[low] = g
      e[high] = 0
    }
  }
  return d
}
