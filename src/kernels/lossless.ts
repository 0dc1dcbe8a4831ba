// Pieces of files as records and back, exactly: what is read and written, its checksums, and the base in the format of the tensor.
import { showChecksum, startChecksum } from './checksum.js'
import { BadRecord, RecordReader } from './frequencies.js'
import { instantiate, type Kernels, type LosslessKernels } from './module.js'
import type { FileBytes, Storage } from './pass.js'
import {
  type BasePiece,
  formatOf,
  type PieceFault,
  type PieceMachine,
  type PostPiece,
  type RestoredPiece,
  type StoredPiece,
} from './piece.js'
import { AT, PIECE_MEMORY } from './piece-memory.js'
import { PieceRecords } from './piece-records.js'

type PieceKernels = LosslessKernels & Kernels

/** A machine with a memory of its own. */
export function makePieceMachine(storage: Storage): PieceMachine {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(PIECE_MEMORY / 65536) })
  const names = ['codec', 'differences', 'moved', 'packed', 'planes', 'rans', 'unpacked']
  const kernels = Object.assign({}, ...names.map((name) => instantiate<object>(name, memory))) as PieceKernels
  const run = new PieceRun(memory, kernels, storage)
  return { compress: (piece) => run.compress(piece), restore: (piece) => run.restore(piece) }
}

/** All work on pieces: one buffer after the other. */
class PieceRun {
  private readonly records: PieceRecords

  constructor(
    private readonly memory: WebAssembly.Memory,
    private readonly kernels: PieceKernels,
    private readonly storage: Storage,
  ) {
    this.records = new PieceRecords(memory, kernels)
  }

  private view(at: number, bytes: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, at, bytes)
  }

  private sumOf(at: number, bytes: number): string {
    startChecksum(this.memory, AT.sums)
    this.kernels.checksum(at, bytes, 0, AT.sums)
    return showChecksum(this.memory, AT.sums)
  }

  private load(at: number, from: FileBytes | { given: Uint8Array }): void {
    if ('given' in from) this.view(at, from.given.length).set(from.given)
    else this.storage.read(from.file, this.view(at, from.bytes), from.begin)
  }

  private sumOfLoaded(at: number, from: FileBytes | { given: Uint8Array }): string {
    return this.sumOf(at, 'given' in from ? from.given.length : from.bytes)
  }

  compress({ dtype, bytes, base, post, codec }: PostPiece): StoredPiece {
    this.load(AT.post, post)
    if (base) this.load(AT.base, base)
    const [resultSum, baseSum] = [this.sumOf(AT.post, bytes), base ? this.sumOfLoaded(AT.base, base) : '']
    const cast = base && this.cast(base, dtype, bytes)
    const record = this.records.write(bytes, dtype, { base: cast, codec })
    const isPlaced = record.buffer === this.memory.buffer
    if (!isPlaced) this.view(AT.bits, record.length).set(record)
    const sum = this.sumOf(AT.bits, record.length)
    return { record: isPlaced ? record.slice() : record, sum, resultSum, baseSum }
  }

  /** The base in the format of the tensor. @returns its address */
  private cast(base: BasePiece, dtype: string | null, bytes: number): number {
    if (dtype === null || base.dtype === dtype) return AT.base
    const { kernels } = this
    const size = bytes / formatOf(dtype).width
    kernels[`decode${base.dtype as 'F32'}`](AT.base, AT.symbols, size)
    kernels[`encode${dtype as 'F32'}`](AT.symbols, AT.cast, size)
    return AT.cast
  }

  /** A piece that is right needs no look at its record and its base: their checksums say which is to blame where it is not. */
  restore({ dtype, bytes, base, record, sums, to }: RestoredPiece): PieceFault {
    this.load(AT.bits, record)
    if (base) this.load(AT.base, base)
    if (!this.make({ dtype, bytes, base, record }) || this.sumOf(AT.post, bytes) !== sums.resultSum)
      return base && this.sumOf(AT.bits, record.bytes) === sums.sum && this.sumOfLoaded(AT.base, base) !== sums.baseSum
        ? 'base'
        : 'record'
    for (const { file, begin } of to) this.storage.write(file, this.view(AT.post, bytes), begin)
    return null
  }

  /** The piece of a record. @returns whether that is sound */
  private make({ dtype, bytes, base, record }: Omit<RestoredPiece, 'sums' | 'to'>): boolean {
    const stored = this.view(AT.bits, record.bytes)
    const at = base && this.cast(base, dtype, bytes)
    try {
      if (stored.length) this.records.read(new RecordReader(stored), { dtype, bytes, base: at })
      else if (at !== null) this.view(AT.post, bytes).set(this.view(at, bytes))
      return stored.length > 0 || at !== null
    } catch (error) {
      if (error instanceof BadRecord || error instanceof WebAssembly.RuntimeError) return false
      throw error
    }
  }
}
