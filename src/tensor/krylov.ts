// The leading singular triplets of a big matrix A by randomised block Krylov iteration (Musco and Musco, NeurIPS 2015), with a bound
// on what they miss. Products in float32 in a memory of their own, small decompositions in float64; no TensorFlow.js.
import { type Key, normals } from '../kernels/index.js'
import { eigen, type Factor, product } from './eigen.js'
import type { Svd } from './exact-svd.js'
import { type KrylovBuffers, type KrylovSizes, krylovShapes, krylovSizes, PROBES } from './krylov-sizes.js'
import { type Dense, type MatrixMemory, rowsFrom } from './matrix-memory.js'
import { projectedTriplets } from './projected.js'
import { type RitzPairs, ritzExcess } from './ritz-bound.js'
import { copyRows, innerProducts, orthonormalise, projectOut, scaleValues } from './rows.js'

/** The error of the triplets is at most this much above the least of their rank, as a share of it, … */
export const SLACK = 0.05
/** … but for this share of the squared norm: float32 products do not tell less. */
const ROUNDING = 1e-5
/** Fewer blocks in the basis give worse triplets than need be, even where the bound would do. */
const LEAST_BLOCKS = 3
/**
 * P(Σ of squares of PROBES normals per direction, with any weights w of sum 1, is below PROBES u) is at most (u e^(1-u))^(PROBES/2)
 * (Chernoff; the worst case is one direction): 0.001 at this u.
 */
const UNLIKELY = 0.0864

/** Norm of the random vectors in the first block, as a share of it. */
const RANDOM = 1e-4

/** A unit vector of which less than this is outside the basis, squared, was rounding. */
const TURNED = 1e-2

/** A matrix, and the sum of the squares of its entries. */
export interface Normed {
  matrix: Dense
  squares: number
}

/**
 * The first `rank` singular triplets of a matrix, which is in `memory` with room for the search (`krylovBytes`). The square of their
 * error ‖A - U S Vᵀ‖ is at most (1 + SLACK)² times that of the least of that rank, and 1e-5 ‖A‖² more. Each check of that is wrong
 * for one matrix in a thousand at most; the key decides which. Null where more steps than are worth it would be needed, or where A is
 * so small that products with it are 0.
 */
export function krylovTriplets(memory: MatrixMemory, of: Normed, rank: number, key: Key): Svd | null {
  if (of.squares === 0) return zeros(of.matrix, rank)
  const { most, width } = krylovSizes(of.matrix.rows, of.matrix.columns, rank)
  if (most < LEAST_BLOCKS * width) return null
  return memory.within(() => new Krylov(memory, of, rank, key).run())
}

const zeros = ({ rows, columns }: Dense, rank: number): Svd => ({
  rows,
  columns,
  s: new Float64Array(rank),
  ut: new Float32Array(rank * rows),
  vt: new Float32Array(rank * columns),
})

/** Eigenvalues of VᵀMV, descending, and their vectors as rows. */
interface RitzValues {
  values: Float64Array
  vectors: Float64Array
}

/** What is known of a basis whose products with M are all there. */
type Known = Omit<RitzPairs, 'norm'>

class Krylov {
  private readonly a: Dense
  private readonly sizes: KrylovSizes
  private readonly buffers: KrylovBuffers
  /** A power of two: the trace of M = scale² AᵀA, which is `norm`, is about 1. */
  private readonly scale: number
  private readonly norm: number
  /** VᵀMV, the lower triangle, of rows of `most` entries. */
  private readonly projected: Float64Array
  /** Vectors of the basis, those of the last block among them, and how often a block went through M. */
  private count = 0
  private added: number
  private steps = 0
  /** Logarithm of the squared norm of the probes, per direction, that the probes of norm 1 stand for. */
  private probeLog = 0

  constructor(
    private readonly memory: MatrixMemory,
    { matrix, squares }: Normed,
    private readonly rank: number,
    key: Key,
  ) {
    this.a = matrix
    this.sizes = krylovSizes(matrix.rows, matrix.columns, rank)
    const shapes = Object.entries(krylovShapes(this.sizes))
    this.buffers = Object.fromEntries(
      shapes.map(([name, [rows, columns]]) => [name, memory.allocate(rows, columns)]),
    ) as unknown as KrylovBuffers
    this.scale = 2 ** -Math.round(Math.log2(squares) / 2)
    this.norm = squares * this.scale ** 2
    this.projected = new Float64Array(this.sizes.most ** 2)
    this.added = this.start(key)
  }

  /**
   * Draws the probes, and a first block of rows that A has summed with random weights. So it is half a power step ahead of random vectors;
   * a few of these are added for what A lacks. @returns the vectors of the block
   */
  private start(key: Key): number {
    const { memory, a } = this
    const { basis, products, residuals, range } = this.buffers
    const { width, small, large } = this.sizes
    const drawn = testMatrix((PROBES + width) * small + large, key)
    memory.values(rowsFrom(products, 0, PROBES)).set(drawn.subarray(0, PROBES * small))
    const weights = { ...range, rows: 1 }
    memory.values(weights).set(drawn.subarray((PROBES + width) * small))
    // So that no sum of huge entries is infinite.
    scaleValues(memory.values(weights), Math.min(1, this.scale))
    const block = rowsFrom(basis, 0, width)
    const values = memory.values(block).fill(0)
    memory.sketch(a, weights, block, a.rows < a.columns)
    const random = (RANDOM / Math.sqrt(values.length)) * Math.sqrt(memory.squares(block))
    for (let i = 0; i < values.length; i++) values[i]! += random * drawn[PROBES * small + i]!
    return orthonormalise(memory, block, residuals)
  }

  /**
   * Each turn finds A V of a new block, and with it Ritz values and the error of their triplets. What the basis before may miss is known
   * from its residuals, and from the probes, which are half a step further now.
   */
  run(): Svd | null {
    // Entries so small that every product of them is 0.
    if (this.added === 0) return null
    for (let known: Known | null = null; ; ) {
      const images = this.forward()
      const ritz = this.ritzPairs()
      if (known && this.steps + 1 >= LEAST_BLOCKS) {
        const norm = this.missing(2 * this.steps + 1, images)
        if (this.isClose(ritz, { ...known, norm })) return this.triplets(ritz.vectors)
      }
      known = this.back(ritz)
      if (this.renew()) continue
      const norm = this.missing(2 * this.steps)
      return this.isClose(ritz, { ...known, norm }) ? this.triplets(ritz.vectors) : null
    }
  }

  /** Takes the block into the basis. @returns the squared norm of the probes' images */
  private forward(): number {
    const { memory, a, count, added } = this
    const { basis, forward, products } = this.buffers
    this.count += added
    const end = this.count + PROBES
    copyRows(memory, rowsFrom(products, count, count + PROBES), rowsFrom(basis, this.count, end))
    const images = rowsFrom(forward, count, end)
    memory.multiply(rowsFrom(basis, count, end), a, images, a.rows >= a.columns)
    scaleValues(memory.values(images), this.scale)
    // In float64, as a leading value that is much larger than the others must not hide them.
    for (let i = count; i < this.count; i++) this.projected.set(memory.inner(forward, i, i + 1), i * this.sizes.most)
    return memory.squares(rowsFrom(forward, this.count, end))
  }

  /** Sends the block and the probes through the other half of M; what that is outside the basis tells what the basis misses. */
  private back(ritz: RitzValues): Known {
    const { memory, a, count, added } = this
    const { basis, forward, products, residuals, coefficients } = this.buffers
    const [begin, end] = [count - added, count + PROBES]
    const out = rowsFrom(products, begin, end)
    memory.multiply(rowsFrom(forward, begin, end), a, out, a.rows < a.columns)
    scaleValues(memory.values(out), this.scale)
    this.steps++
    projectOut(memory, rowsFrom(products, 0, end), rowsFrom(basis, 0, count), { out: residuals, parts: coefficients })
    this.keepProbes()
    return {
      values: ritz.values,
      residuals: inBasis(innerProducts(memory, rowsFrom(residuals, 0, count)), ritz.vectors, count),
      trace: Math.max(0, this.norm - sum(ritz.values)),
    }
  }

  /** The probes without their parts along the basis, at norm 1. */
  private keepProbes(): void {
    const { memory, count } = this
    const { products, residuals } = this.buffers
    const probes = rowsFrom(products, count, count + PROBES)
    copyRows(memory, rowsFrom(residuals, count, count + PROBES), probes)
    const squares = memory.squares(probes)
    this.probeLog += Math.log(squares)
    if (squares > 0) scaleValues(memory.values(probes), 1 / Math.sqrt(squares))
  }

  private ritzPairs(): RitzValues {
    const { count } = this
    const projected = new Float64Array(count * count)
    for (let i = 0; i < count; i++) {
      const from = i * this.sizes.most
      projected.set(this.projected.subarray(from, from + i + 1), i * count)
    }
    return eigen(projected, count)
  }

  /** The p-norm that the eigenvalues of M outside the basis have at most, where `more` is what the probes' squared norm has grown by since. */
  private missing(p: number, more = 1): RitzPairs['norm'] {
    return { p, value: Math.exp((this.probeLog + Math.log(more) - Math.log(PROBES * UNLIKELY)) / p) }
  }

  /** Whether the first Ritz values hold so much of the squared norm that the promise is kept. `known` is of this basis or one before. */
  private isClose({ values }: RitzValues, known: RitzPairs): boolean {
    const { rank, norm } = this
    const leading = (all: Float64Array) => sum(all.subarray(0, rank))
    const error = norm - leading(values)
    const floor = ROUNDING * norm
    if (error <= floor) return true
    if (this.steps + 1 < LEAST_BLOCKS || known.values.length < rank) return false
    const allowed = error - (error - floor) / (1 + SLACK) ** 2 + leading(values) - leading(known.values)
    return [2, 8, 32].some((part) => ritzExcess(known, rank, allowed / part / rank) <= allowed)
  }

  /**
   * The next block: an orthonormal basis of what the last products have outside the basis. Where that is rounding, it is as good as
   * new random vectors. @returns false where there is no room for it, or nothing left
   */
  private renew(): boolean {
    const { memory, count, added } = this
    const { basis, residuals, coefficients } = this.buffers
    if (count + added > this.sizes.most) return false
    const next = rowsFrom(basis, count, count + added)
    copyRows(memory, rowsFrom(residuals, count - added, count), next)
    const kept = orthonormalise(memory, next, residuals)
    const again = rowsFrom(residuals, 0, kept)
    projectOut(memory, rowsFrom(next, 0, kept), rowsFrom(basis, 0, count), { out: again, parts: coefficients })
    copyRows(memory, again, rowsFrom(next, 0, kept))
    this.added = orthonormalise(memory, rowsFrom(next, 0, kept), residuals, TURNED)
    return this.added > 0
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

/** X S Xᵀ of a symmetric S [n, n] whose lower triangle is given, and X [n, n]. */
function inBasis(lower: Float64Array, vectors: Float64Array, n: number): Float64Array {
  const x = { values: vectors, down: n, right: 1 }
  const half = product(x, symmetric(lower, n), [n, n, n])
  return product({ values: half, down: n, right: 1 }, { values: vectors, down: 1, right: n }, [n, n, n])
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
