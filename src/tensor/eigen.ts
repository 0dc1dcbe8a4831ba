// Eigenvectors of symmetric matrices in float64, on the kernels of kernels/assembly/eigen.ts: Householder reduction to tridiagonal form,
// implicit QL steps here, and their rotations undone on the vectors that are wanted. Works without a TensorFlow.js backend.
import { instantiate } from '../kernels/index.js'

interface Kernels {
  multiply(a: number, stride: number, panel: number, depth: number, out: number, outStride: number, rows: number): void
  reduce(a: number, stride: number, n: number, diagonal: number, beside: number, factors: number, work: number): void
  reflect(rows: number, count: number, a: number, stride: number, n: number, factors: number): void
  rotateBack(
    panels: number,
    count: number,
    n: number,
    starts: number,
    lengths: number,
    sweeps: number,
    end: number,
  ): void
}

interface Workshop extends Kernels {
  memory: WebAssembly.Memory
}

const PAGE = 1 << 16
/** A workshop of more bytes is given back after its work. */
const KEPT = 64 << 20
let kept: Workshop | undefined

/** Float64 arrays of these lengths, zeroed and aligned, in the memory of the kernels, for the time of `work`. */
function inWorkshop<T>(lengths: number[], work: (kernels: Kernels, arrays: Float64Array[]) => T): T {
  const offsets = [PAGE]
  for (const length of lengths) offsets.push(offsets.at(-1)! + 64 * Math.ceil(length / 8))
  const pages = Math.ceil(offsets.at(-1)! / PAGE)
  if (!kept || kept.memory.buffer.byteLength < pages * PAGE) {
    const memory = new WebAssembly.Memory({ initial: pages })
    kept = { ...instantiate<Kernels>('eigen', memory), memory }
  }
  const { memory, ...kernels } = kept
  if (memory.buffer.byteLength > KEPT) kept = undefined
  return work(
    kernels,
    lengths.map((length, i) => new Float64Array(memory.buffer, offsets[i], length).fill(0)),
  )
}

const upTo = (n: number, multiple: number): number => Math.ceil(n / multiple) * multiple

/** Which entry of `values` is (k, j): k × down + j × right. */
export interface Factor {
  values: ArrayLike<number>
  down: number
  right: number
}

/** A B [rows, columns] row-major, of A [rows, depth] and B [depth, columns]; with `lower` only where row >= column. */
export function product(
  a: Factor,
  b: Factor,
  [rows, depth, columns]: [number, number, number],
  lower = false,
): Float64Array {
  const [tall, stride] = [upTo(rows, 4), upTo(columns, 8)]
  return inWorkshop([tall * depth, depth * 8, tall * stride], ({ multiply }, [left, panel, out]) => {
    for (let i = 0; i < rows; i++) copyLine(a, i * a.down, a.right, left!.subarray(i * depth, (i + 1) * depth))
    for (let j = 0; j < columns; j += 8) {
      const width = Math.min(8, columns - j)
      if (width < 8) panel!.fill(0)
      for (let c = 0; c < width; c++) copyColumn(b, (j + c) * b.right, panel!, c)
      const first = lower ? j : 0 // a multiple of 4
      multiply(
        left!.byteOffset + 8 * first * depth,
        depth,
        panel!.byteOffset,
        depth,
        out!.byteOffset + 8 * (first * stride + j),
        stride,
        tall - first,
      )
    }
    const result = new Float64Array(rows * columns)
    for (let i = 0; i < rows; i++) result.set(out!.subarray(i * stride, i * stride + columns), i * columns)
    return result
  })
}

/** Entries from `at` on, `step` apart, into `line`. */
function copyLine({ values }: Factor, at: number, step: number, line: Float64Array): void {
  if (step === 1 && (values instanceof Float32Array || values instanceof Float64Array))
    line.set(values.subarray(at, at + line.length))
  else for (let k = 0; k < line.length; k++) line[k] = values[at + k * step]!
}

/** Entries from `at` on, a column of B, into column c of a panel of eight. */
function copyColumn({ values, down }: Factor, at: number, panel: Float64Array, c: number): void {
  for (let k = c, from = at; k < panel.length; k += 8, from += down) panel[k] = values[from]!
}

/** The lower triangle of A Aᵀ [n, n], of A [n, depth]. */
export const gram = (a: Factor, n: number, depth: number): Float64Array =>
  product(a, { values: a.values, down: a.right, right: a.down }, [n, depth, n], true)

/** Eigenvalues, in no order, of the symmetric matrix [n, n] whose lower triangle is given. */
export const eigenvalues = (matrix: Float64Array, n: number): Float64Array => decompose(matrix, n, 0).values

/**
 * Eigenvalues, descending, and orthonormal vectors of the first `wanted`, as rows [wanted, n], of the symmetric matrix whose lower
 * triangle is given. Few vectors cost less than all.
 */
export function eigen(matrix: Float64Array, n: number, wanted = n): { values: Float64Array; vectors: Float64Array } {
  const { values, vectors } = decompose(matrix, n, wanted)
  return { values: values.sort().reverse(), vectors }
}

/** A power of two that brings the largest entry near 1: squares of tiny entries do not vanish, and no digit changes. */
function scaleOf(matrix: Float64Array): number {
  const largest = matrix.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0)
  return largest > 0 && largest < Infinity ? 2 ** Math.min(1000, -Math.floor(Math.log2(largest))) : 1
}

/** Eigenvalues, in no order, and the vectors of the largest. */
function decompose(matrix: Float64Array, n: number, wanted: number): { values: Float64Array; vectors: Float64Array } {
  const [stride, scale, panels] = [upTo(n, 8), scaleOf(matrix), Math.ceil(wanted / 8)]
  const batch = wanted ? batchOf(n) : 0
  return inWorkshop(
    [n * stride, n, n, n, n, 8 * n * panels, wanted * stride, 2 * batch, batch / 2, batch / 2],
    (kernels, [a, d, e, factors, work, turned, rows, angles, starts, lengths]) => {
      for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) a![i * stride + j] = matrix[i * n + j]! * scale
      kernels.reduce(a!.byteOffset, stride, n, d!.byteOffset, e!.byteOffset, factors!.byteOffset, work!.byteOffset)
      const sweeps = diagonalise(d!, e!, batch)
      const values = d!.map((value) => value / scale)
      const order = Array.from(d!.keys()).sort((i, j) => d![j]! - d![i]!)
      // Column k of the panels begins as the unit vector of the k-th largest eigenvalue. Its zeros are so small that they change no digit,
      // but no product of them is subnormal, which takes a processor many times as long.
      turned!.fill(1e-100)
      for (let k = 0; k < wanted; k++) turned![8 * (n * (k >> 3) + order[k]!) + (k & 7)] = 1
      for (const each of sweeps.reverse()) {
        angles!.set(each.angles.subarray(0, 2 * each.held))
        words(starts!).set(each.starts)
        words(lengths!).set(each.lengths)
        kernels.rotateBack(
          turned!.byteOffset,
          panels,
          n,
          starts!.byteOffset,
          lengths!.byteOffset,
          each.starts.length,
          angles!.byteOffset + 16 * each.held,
        )
      }
      for (let k = 0; k < wanted; k++)
        for (let i = 0; i < n; i++) rows![k * stride + i] = turned![8 * (n * (k >> 3) + i) + (k & 7)]!
      kernels.reflect(rows!.byteOffset, wanted, a!.byteOffset, stride, n, factors!.byteOffset)
      const vectors = new Float64Array(wanted * n)
      for (let k = 0; k < wanted; k++) vectors.set(rows!.subarray(k * stride, k * stride + n), k * n)
      return { values, vectors }
    },
  )
}

const words = ({ buffer, byteOffset, length }: Float64Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, 2 * length)

/** Rotations of sweeps, one after the other: `angles` has `held` pairs (cosine, sine). */
interface Sweeps {
  /** Of each sweep the upper plane (start + 1, start), and how many it turns downwards. */
  starts: number[]
  lengths: number[]
  angles: Float64Array
  held: number
}

/** Rotations that are undone together: enough that a panel of vectors pays for its way into the cache. */
const batchOf = (n: number): number => Math.max(n, Math.min(1 << 15, 2 * n * n))

/**
 * Eigenvalues of a symmetric tridiagonal matrix by implicit QL steps with Wilkinson's shift; they take the place of `d`, `e` is
 * used up.
 * @returns the rotations of the steps, up to `batch` of them together; none are kept where `batch` is 0
 */
function diagonalise(d: Float64Array, e: Float64Array, batch: number): Sweeps[] {
  const n = d.length
  const turns = new Float64Array(2 * n)
  const sweeps: Sweeps[] = []
  const keep = (start: number, count: number): void => {
    if (!sweeps.length || sweeps.at(-1)!.held + count > batch)
      sweeps.push({ starts: [], lengths: [], angles: new Float64Array(2 * batch), held: 0 })
    const last = sweeps.at(-1)!
    last.angles.set(turns.subarray(0, 2 * count), 2 * last.held)
    last.starts.push(start)
    last.lengths.push(count)
    last.held += count
  }
  for (let low = 0; low < n; low++) {
    for (let step = 0; step < 60; step++) {
      let high = low
      while (high < n - 1 && Math.abs(e[high]!) > Number.EPSILON * (Math.abs(d[high]!) + Math.abs(d[high + 1]!))) high++
      if (high === low) break
      let g = (d[low + 1]! - d[low]!) / (2 * e[low]!)
      g = d[high]! - d[low]! + e[low]! / (g + (g < 0 ? -1 : 1) * Math.hypot(g, 1))
      let [s, c, shift, count] = [1, 1, 0, 0]
      let i = high - 1
      for (; i >= low; i--) {
        const f = s * e[i]!
        const b = c * e[i]!
        const r = Math.sqrt(f * f + g * g)
        e[i + 1] = r
        if (r === 0) break
        s = f / r
        c = g / r
        turns[2 * count] = c
        turns[2 * count++ + 1] = s
        g = d[i + 1]! - shift
        const t = (d[i]! - g) * s + 2 * c * b
        shift = s * t
        d[i + 1] = g + shift
        g = c * t - b
      }
      if (count && batch) keep(high - 1, count)
      if (i >= low) {
        d[i + 1]! -= shift
        e[high] = 0
        continue
      }
      d[low]! -= shift
      e[low] = g
      e[high] = 0
    }
  }
  return sweeps
}
