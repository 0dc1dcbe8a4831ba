// Memory in which records are decoded: its parts are given out one behind the other, and taken back together.
import { type Gemm, instantiate, type Kernels } from './module.js'
import { BadValue, VALUE_BYTES, type ValueFormat } from './values.js'

/** assembly/codes.ts. Addresses are bytes. */
interface CodeKernels {
  unpackCodes(from: number, first: number, count: number, bits: number, to: number): void
  levels(
    codes: number,
    first: number,
    count: number,
    columns: number,
    width: number,
    scales: number,
    zeros: number,
  ): void
  spreadSigns(from: number, first: number, count: number, magnitude: number, to: number): void
  findOnes(from: number, count: number, to: number): number
  isAscending(numbers: number, count: number, below: number): number
  scatter(to: number, first: number, numbers: number, count: number, values: number, width: number): void
}

/** Writes the float32 of so many entries from the number `first` on to an address. Up to 64 bytes behind them are written to as well. */
export type Fill = (first: number, count: number, to: number) => void

/** Kernels work on whole vectors, and read and write behind what they are given. */
const SLACK = 128
/** Entries that decoders take at a time, at most. */
const ROUND = 16

export class Workspace {
  readonly kernels: Kernels & CodeKernels & Gemm
  private end = 0

  /** @param begin first address that it gives out */
  constructor(
    readonly memory = new WebAssembly.Memory({ initial: 1 }),
    private readonly begin = 1024,
  ) {
    this.clear()
    this.kernels = Object.assign(
      {},
      ...['codec', 'codes', 'entries', 'gemm', 'reduce'].map((name) => instantiate<object>(name, memory)),
    )
  }

  /** Takes all parts back. */
  clear(): void {
    this.end = this.begin + SLACK
  }

  /** The address of so many bytes of any content. Views of the memory are void then. */
  take(bytes: number): number {
    const at = this.end
    this.end = Math.ceil((at + bytes + SLACK) / 64) * 64
    const missing = this.end - this.memory.buffer.byteLength
    if (missing > 0) this.memory.grow(Math.ceil(missing / 65536))
    return at
  }

  /** The address of a copy. */
  put(content: Uint8Array | Uint32Array | Float32Array): number {
    const at = this.take(content.byteLength)
    this.bytes(at, content.byteLength).set(new Uint8Array(content.buffer, content.byteOffset, content.byteLength))
    return at
  }

  bytes(at: number, count: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, at, count)
  }

  floats(at: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, at, count)
  }

  /** Values in a format of a file → float32, whatever lies behind them. @throws BadValue */
  decode(format: ValueFormat, from: number, count: number, to: number): void {
    const decode = this.kernels[`decode${format}`]
    const [whole, width] = [count - (count % ROUND), VALUE_BYTES[format]]
    const isBad = decode(from, to, whole)
    const tail = this.bytes(this.begin, ROUND * width).fill(0)
    tail.set(this.bytes(from + whole * width, (count - whole) * width))
    if (decode(this.begin, to + 4 * whole, count - whole) || isBad) throw new BadValue()
  }
}
