// The leading singular triplets of a big matrix A by randomised block Krylov iteration (Musco and Musco, NeurIPS 2015), with a bound
// on what they miss. Products in float32 in a memory of their own, small decompositions in float64; no TensorFlow.js.
import { type Key, normals } from '../kernels/index.js'
import { eigen, type Factor, product } from './eigen.js'
import type { Svd } from './exact-svd.js'
import { type Dense, type MatrixMemory, memoryFor, rowsFrom } from './matrix-memory.js'
import { projectedShapes, projectedTriplets } from './projected.js'
import { type RitzPairs, ritzExcess } from './ritz-bound.js'
import { copyRows, innerProducts, orthonormalise, projectOut, scaleValues } from './rows.js'

/** The error of the triplets is at most this much above the least of their rank, as a share of it … */
export const SLACK = 0.05
/** … or they miss at most this share of the squared norm: float32 products do not tell less. */
const ROUNDING = 1e-5
/** Fewer steps than this give worse triplets than need be, even where the bound would do. */
const LEAST_STEPS = 3
const MOST_STEPS = 8
/** Vectors that estimate what the basis misses. */
const PROBES = 8
/**
 * P(Σ of squares of PROBES normals per direction, with any weights w of sum 1, is below PROBES u) is at most (u e^(1-u))^(PROBES/2)
 * (Chernoff; the worst case is one direction): 0.001 at this u.
 */
const UNLIKELY = 0.0705

/** A unit vector of which less than this is outside the basis, squared, was rounding. */
const TURNED = 1e-2

const upTo = (n: number): number => 8 * Math.ceil(n / 8)

interface Sizes {
  /** Columns of the basis' vectors (the smaller side of A), and of their images. */
  small: number
  large: number
  /** Vectors that a step adds, at most; vectors in all; and those that the triplets are made of. */
  width: number
  most: number
  final: number
}

function sizesOf(rows: number, columns: number, rank: number): Sizes {
  const small = Math.min(rows, columns)
  const width = upTo(rank)
  const most = width * Math.min(MOST_STEPS, Math.floor(small / 2 / width))
  return { small, large: Math.max(rows, columns), width, most, final: Math.min(most, width + 8) }
}

/** Bytes of a memory for A [rows, columns] and the search for `rank` triplets. */
export function krylovBytes(rows: number, columns: number, rank: number): number {
  const sizes = sizesOf(rows, columns, rank)
  return memoryFor([
    [rows, columns],
    ...Object.values(shapesOf(sizes)),
    ...projectedShapes(rows, columns, sizes.final),
    [sizes.width, sizes.width],
  ])
}

/** Bytes that the search takes besides, for random vectors and small decompositions in float64. */
export function krylovWorkBytes(rows: number, columns: number, rank: number): number {
  const { small, large, width, most, final } = sizesOf(rows, columns, rank)
  const decompositions = 8 * (Math.max(final * large, most * small) + 8 * large + 8 * most ** 2)
  return 4 * (width + PROBES) * small + decompositions + (4 << 20)
}

function shapesOf({ small, large, width, most, final }: Sizes): Record<keyof Buffers, [number, number]> {
  return {
    block: [width + PROBES, small],
    images: [width + PROBES, large],
    basis: [most, small],
    forward: [most, large],
    products: [most + PROBES, small],
    residuals: [most + PROBES, small],
    coefficients: [most + PROBES, most],
    range: [final, large],
  }
}

interface Buffers {
  /** The probes, then the vectors that the next step adds, as rows. */
  block: Dense
  /** A times each of them. */
  images: Dense
  /** V as rows, A V, M V with the probes after them, and their parts outside V; M = AᵀA (of the smaller side), scaled. */
  basis: Dense
  forward: Dense
  products: Dense
  residuals: Dense
  coefficients: Dense
  range: Dense
}

/**
 * The first `rank` singular triplets of the matrix `a`, which is in `memory` with room for the search (`krylovBytes`). Their error
 * ‖A - U S Vᵀ‖ is at most 1 + SLACK times the least of that rank, or its square is at most 1e-5 ‖A‖² above the least. That is wrong
 * for one matrix in a thousand at most; the key decides which. Null where more steps than are worth it would be needed.
 */
export function krylovTriplets(memory: MatrixMemory, a: Dense, rank: number, key: Key): Svd | null {
  if (memory.squares(a) === 0) return zeros(a, rank)
  const { most, width } = sizesOf(a.rows, a.columns, rank)
  if (most < LEAST_STEPS * width) return null
  return memory.within(() => new Krylov(memory, a, rank, key).run())
}

const zeros = ({ rows, columns }: Dense, rank: number): Svd => ({
  rows,
  columns,
  s: new Float64Array(rank),
  ut: new Float32Array(rank * rows),
  vt: new Float32Array(rank * columns),
})

class Krylov {
  private readonly sizes: Sizes
  private readonly buffers: Buffers
  /** Squared norm of A, and the power of two that makes the trace of M = scale × AᵀA about 1. */
  private readonly norm: number
  private readonly scale: number
  /** Vectors of the next step, vectors of the basis, and steps so far. */
  private added: number
  private count = 0
  private steps = 0
  /** Logarithm of the squared norm of the probes, per direction, that the probes of norm 1 stand for. */
  private probeLog = 0

  constructor(
    private readonly memory: MatrixMemory,
    private readonly a: Dense,
    private readonly rank: number,
    key: Key,
  ) {
    this.sizes = sizesOf(a.rows, a.columns, rank)
    const shapes = Object.entries(shapesOf(this.sizes))
    this.buffers = Object.fromEntries(
      shapes.map(([name, [rows, columns]]) => [name, memory.allocate(rows, columns)]),
    ) as unknown as Buffers
    this.norm = memory.squares(a)
    this.scale = 2 ** -Math.round(Math.log2(this.norm))
    const { block } = this.buffers
    memory.values(block).set(testMatrix(block.rows * block.columns, key))
    this.added = orthonormalise(memory, rowsFrom(block, PROBES, block.rows), this.buffers.residuals)
  }

  run(): Svd | null {
    for (;;) {
      this.step()
      const ritz = this.ritzPairs()
      const close = this.isClose(ritz)
      if (close && this.steps >= LEAST_STEPS) return this.triplets(ritz.vectors)
      this.renew()
      if (this.added === 0 || this.count + this.added > this.sizes.most)
        return close ? this.triplets(ritz.vectors) : null
    }
  }

  /** Adds the block to the basis, with its images and its products with M; sends the probes through M. */
  private step(): void {
    const { memory, a, count, added } = this
    const { block, images, basis, forward, products, residuals, coefficients } = this.buffers
    const flat = a.rows < a.columns
    const [from, to] = [rowsFrom(block, 0, PROBES + added), rowsFrom(images, 0, PROBES + added)]
    memory.multiply(from, a, to, !flat)
    copyRows(memory, rowsFrom(to, PROBES, PROBES + added), rowsFrom(forward, count, count + added))
    copyRows(memory, rowsFrom(from, PROBES, PROBES + added), rowsFrom(basis, count, count + added))
    scaleValues(memory.values(to), this.scale)
    memory.multiply(to, a, from, flat)
    copyRows(memory, rowsFrom(from, PROBES, PROBES + added), rowsFrom(products, count, count + added))
    this.count += added
    this.steps++
    copyRows(memory, rowsFrom(from, 0, PROBES), rowsFrom(products, this.count, this.count + PROBES))
    projectOut(memory, rowsFrom(products, 0, this.count + PROBES), rowsFrom(this.buffers.basis, 0, this.count), {
      out: residuals,
      parts: coefficients,
    })
    this.keepProbes()
  }

  /** The probes without their parts along the basis, at norm 1. */
  private keepProbes(): void {
    const { memory, count } = this
    const { block, residuals } = this.buffers
    const probes = rowsFrom(block, 0, PROBES)
    copyRows(memory, rowsFrom(residuals, count, count + PROBES), probes)
    const squares = memory.squares(probes)
    this.probeLog += Math.log(squares)
    if (squares > 0) scaleValues(memory.values(probes), 1 / Math.sqrt(squares))
  }

  private ritzPairs(): RitzPairs & { vectors: Float64Array } {
    const { memory, count } = this
    const { residuals, coefficients } = this.buffers
    const values = memory.values(coefficients)
    const projected = new Float64Array(count * count)
    for (let i = 0; i < count; i++) for (let j = 0; j <= i; j++) projected[i * count + j] = values[i * count + j]!
    const ritz = eigen(projected, count)
    const outside = innerProducts(memory, rowsFrom(residuals, 0, count))
    const x = { values: ritz.vectors, down: count, right: 1 }
    const half = product(x, symmetric(outside, count), [count, count, count])
    const turned = product({ values: half, down: count, right: 1 }, { values: ritz.vectors, down: 1, right: count }, [
      count,
      count,
      count,
    ])
    const p = 2 * this.steps
    return {
      ...ritz,
      residuals: turned,
      trace: Math.max(0, this.norm * this.scale - sum(ritz.values)),
      norm: { p, value: Math.exp((this.probeLog - Math.log(PROBES * UNLIKELY)) / p) },
    }
  }

  /** Whether the first Ritz values hold so much of the squared norm that the promise is kept. */
  private isClose(ritz: RitzPairs): boolean {
    const norm = this.norm * this.scale
    const error = norm - sum(ritz.values.slice(0, this.rank))
    const floor = ROUNDING * norm
    if (error <= floor) return true
    if (this.steps < LEAST_STEPS || this.count < this.rank) return false
    const allowed = error - (error - floor) / (1 + SLACK) ** 2
    return [2, 8, 32].some((part) => ritzExcess(ritz, this.rank, allowed / part / this.rank) <= allowed)
  }

  /**
   * The next block: an orthonormal basis of what the last products have outside the basis. Where that is rounding, it is as good as
   * new random vectors.
   */
  private renew(): void {
    const { memory, count, added } = this
    const { block, residuals, coefficients } = this.buffers
    const next = rowsFrom(block, PROBES, PROBES + added)
    copyRows(memory, rowsFrom(residuals, count - added, count), next)
    const kept = orthonormalise(memory, next, residuals)
    const again = rowsFrom(residuals, 0, kept)
    projectOut(memory, rowsFrom(next, 0, kept), rowsFrom(this.buffers.basis, 0, this.count), {
      out: again,
      parts: coefficients,
    })
    copyRows(memory, again, rowsFrom(next, 0, kept))
    this.added = orthonormalise(memory, rowsFrom(next, 0, kept), residuals, TURNED)
  }

  /** Triplets of A from Ritz vectors. */
  private triplets(vectors: Float64Array): Svd {
    const { memory, a, count } = this
    const { forward, coefficients, range } = this.buffers
    const final = Math.min(count, this.sizes.final)
    const change = { ...coefficients, rows: final, columns: count }
    memory.values(change).set(vectors.subarray(0, final * count))
    const images = rowsFrom(range, 0, final)
    memory.multiply(change, rowsFrom(forward, 0, count), images)
    return projectedTriplets(memory, a, images, this.rank)
  }
}

/** Both triangles of a matrix [n, n] of which the lower one is given. */
function symmetric(lower: Float64Array, n: number): Factor {
  const values = lower.slice()
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) values[i * n + j] = lower[j * n + i]!
  return { values, down: n, right: 1 }
}

const sum = (values: ArrayLike<number>): number => {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i]!
  return total
}

let drawn: { key: Key; values: Float32Array } | undefined

/** The first `size` normals of a key. They are kept, because matrix after matrix asks for them. */
function testMatrix(size: number, key: Key): Float32Array {
  if (!drawn || drawn.values.length < size || drawn.key[0] !== key[0] || drawn.key[1] !== key[1])
    drawn = { key, values: normals(size, key) }
  return drawn.values.subarray(0, size)
}
