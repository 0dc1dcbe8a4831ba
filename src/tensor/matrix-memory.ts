// Float32 matrices in a WebAssembly memory of their own, multiplied there by kernels/assembly/gemm.ts. Needs no TensorFlow.js, so
// that light worker threads can use it.
import { type Gemm, instantiate } from '../kernels/index.js'

interface Kernels extends Gemm {
  /** Σ x y of float32 in float64. */
  dot(x: number, y: number, size: number): number
  dotRows(x: number, y: number, size: number, count: number, to: number): void
  sketchRows: Sketch
  sketchColumns: Sketch
}

type Sketch = (a: number, rows: number, columns: number, weights: number, out: number, count: number) => void

/** A row-major float32 matrix at an address of a memory. */
export interface Dense {
  readonly at: number
  readonly rows: number
  readonly columns: number
}

const PAGE = 1 << 16
/** Scratch of the kernel, and what lies in front of it. */
const OWN = 4 << 20
/** The longest memory that WebAssembly has, in bytes. */
export const MOST_BYTES = 2 ** 32 - PAGE

const bytesOf = (rows: number, columns: number): number => 64 * Math.ceil((rows * columns) / 16)

/** Bytes of a memory that holds matrices of these shapes. */
export const memoryFor = (shapes: readonly (readonly [rows: number, columns: number])[]): number =>
  shapes.reduce((sum, [rows, columns]) => sum + bytesOf(rows, columns), OWN)

export class MatrixMemory {
  /** The memory itself, for other kernels. */
  readonly memory: WebAssembly.Memory
  private readonly kernels: Kernels
  private readonly scratch: number
  private top: number

  /** @throws RangeError where the system has no such memory */
  constructor(bytes: number) {
    this.memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE) })
    this.kernels = {
      ...instantiate<Kernels>('reduce', this.memory),
      ...instantiate<Kernels>('gemm', this.memory),
      ...instantiate<Kernels>('sketch', this.memory),
    }
    this.scratch = PAGE
    this.top = PAGE + 64 * Math.ceil(this.kernels.gemmScratch() / 64)
  }

  get bytes(): number {
    return this.memory.buffer.byteLength
  }

  /** Bytes in use. */
  get used(): number {
    return this.top
  }

  /** Makes the memory as long as that at least; what it holds stays. @throws RangeError where the system has no such memory */
  reserve(bytes: number): void {
    if (bytes > this.bytes) this.memory.grow(Math.ceil((bytes - this.bytes) / PAGE))
  }

  /** A new matrix; what it holds is not defined. */
  allocate(rows: number, columns: number): Dense {
    const matrix = { at: this.top, rows, columns }
    this.top += bytesOf(rows, columns)
    if (this.top > this.bytes) throw new RangeError(`a memory of ${this.bytes} bytes is too small for its matrices`)
    return matrix
  }

  /** Gives back what was allocated since `work` began. */
  within<T>(work: () => T): T {
    const top = this.top
    try {
      return work()
    } finally {
      this.top = top
    }
  }

  /** The entries, in place. */
  values({ at, rows, columns }: Dense): Float32Array {
    return new Float32Array(this.memory.buffer, at, rows * columns)
  }

  /** Σ of the squares of the entries, in float64. */
  squares({ at, rows, columns }: Dense): number {
    return this.kernels.dot(at, at, rows * columns)
  }

  /** The inner products, in float64, of row i with the first `count` rows. */
  inner({ at, columns }: Dense, i: number, count: number): Float64Array {
    this.kernels.dotRows(at + 4 * i * columns, at, columns, count, this.scratch)
    return new Float64Array(this.memory.buffer, this.scratch, count).slice()
  }

  /**
   * Adds row k of A, times weights[k], to row k mod `out.rows` of `out`; with `transposed`, column k. A product with a sparse matrix.
   * `out` has a multiple of 8 rows.
   */
  sketch(a: Dense, weights: Dense, out: Dense, transposed: boolean): void {
    const { sketchRows, sketchColumns } = this.kernels
    ;(transposed ? sketchColumns : sketchRows)(a.at, a.rows, a.columns, weights.at, out.at, out.rows)
  }

  /** A B into `out`; with `transposed`, A Bᵀ. */
  multiply(a: Dense, b: Dense, out: Dense, transposed = false): void {
    const [m, n, k] = [a.rows, out.columns, a.columns]
    this.kernels.gemmBatch(a.at, b.at, out.at, m, n, k, false, transposed, 0, 0, 0, 1, this.scratch)
  }
}

/** Rows from … to − 1 of a matrix, in place. */
export const rowsFrom = ({ at, columns }: Dense, from: number, to: number): Dense => ({
  at: at + 4 * from * columns,
  rows: to - from,
  columns,
})
