// Pieces of tensors as records that keep less than all of their deltas: written with what they become, and read to be written to files.
import { join } from './bytes.js'
import { CHECKSUM_BYTES, showChecksum, startChecksum } from './checksum.js'
import { encodeLossy, type LossyPlace, lossyHeadBytes, mostLossyBytes } from './lossy-form.js'
import type { LossyFault, LossyMachine, LossyPiece, LossyPost, RestoredLossy, StoredLossy } from './lossy-piece.js'
import { decodeLossyHead, type LossyHead, type LossyReading, readLossy } from './lossy-read.js'
import type { FileBytes, Storage } from './pass.js'
import { PIECE_BYTES, type PieceFault } from './piece.js'
import { addSeeds } from './seeds.js'
import { BadLossy, type PlacedRecord } from './sparse.js'
import { BadValue, VALUE_BYTES, type ValueFormat } from './values.js'
import { Workspace } from './workspace.js'

const WIDE = 2 * PIECE_BYTES
const REGIONS = {
  sums: CHECKSUM_BYTES,
  stored: WIDE,
  base: WIDE,
  post: WIDE,
  delta: WIDE,
  edited: WIDE,
  cast: PIECE_BYTES,
  out: PIECE_BYTES,
  mended: PIECE_BYTES,
}

function layOut(): Record<keyof typeof REGIONS | 'end', number> {
  let end = 1024
  const at = Object.entries(REGIONS).map(([name, bytes]) => {
    const begin = end
    end = Math.ceil((end + bytes + 128) / 64) * 64
    return [name, begin]
  })
  return { ...Object.fromEntries(at), end } as ReturnType<typeof layOut>
}

const AT = layOut()
/** Bytes of memory that a machine needs, with what a record becomes. */
export const LOSSY_MEMORY = AT.end + 4 * WIDE

/** A machine with a memory of its own. */
export function makeLossyMachine(storage: Storage): LossyMachine {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(AT.end / 65536) })
  const run = new LossyRun(new Workspace(memory, AT.end), storage)
  return {
    compress: (piece) => orFault(() => run.compress(piece)),
    restore: (piece) => run.restore(piece),
  }
}

function orFault<T>(work: () => T): T | LossyFault {
  try {
    return work()
  } catch (error) {
    if (error instanceof BadValue) return error.of
    throw error
  }
}

/** All work on pieces: one buffer after the other. */
class LossyRun {
  private head: { key: string; head: LossyHead } | undefined

  constructor(
    private readonly space: Workspace,
    private readonly storage: Storage,
  ) {}

  private get kernels(): Workspace['kernels'] {
    return this.space.kernels
  }

  private get memory(): WebAssembly.Memory {
    return this.space.memory
  }

  private patterns(at: number, { size, dtype }: LossyPlace): Uint16Array | Uint32Array {
    return dtype === 'F32'
      ? new Uint32Array(this.memory.buffer, at, size)
      : new Uint16Array(this.memory.buffer, at, size)
  }

  private sumOf(at: number, bytes: number): string {
    startChecksum(this.memory, AT.sums)
    this.kernels.checksum(at, bytes, 0, AT.sums)
    return showChecksum(this.memory, AT.sums)
  }

  private read(from: FileBytes | { given: Uint8Array }, at: number): number {
    const bytes = 'given' in from ? from.given.length : from.bytes
    if ('given' in from) this.space.bytes(at, bytes).set(from.given)
    else this.storage.read(from.file, this.space.bytes(at, bytes), from.begin)
    // Kernels work on whole vectors.
    this.space.bytes(at + bytes, 64).fill(0)
    return bytes
  }

  /** Values that were read to `at` as float32. @throws BadValue */
  private decode(at: number, { size, dtype }: { size: number; dtype: string }, to: number): void {
    const isBad = this.kernels[`decode${dtype as ValueFormat}`](at, to, size)
    if (isBad) throw new BadValue(to === AT.post ? 'post' : 'base')
  }

  private clearBehind(values: number, size: number): void {
    this.space.floats(values, size + 16).fill(0, size)
  }

  /** @throws BadValue */
  private encode(from: number, to: number, { size, dtype }: LossyPlace): void {
    this.clearBehind(from, size)
    if (this.kernels[`encode${dtype}`](from, to, size)) throw new BadValue()
  }

  /** Weights, of the base and a delta, which may be lost. @throws BadValue */
  private encodeSum(base: number, delta: number, to: number, place: LossyPlace): void {
    const { size, dtype } = place
    if (dtype !== 'BF16') {
      this.kernels.add(base, delta, size)
      return this.encode(base, to, place)
    }
    for (const values of [base, delta]) this.clearBehind(values, size)
    if (this.kernels.addBF16(delta, base, to, size)) throw new BadValue()
  }

  compress({ lossy, bytes, base, post, edited, scales, given, changes }: LossyPost): StoredLossy {
    const { form, place, restores } = lossy
    const { size, dtype } = place
    const { kernels } = this
    const baseSum = this.sumOf(AT.stored, this.read(base, AT.stored))
    this.decode(AT.stored, { size, dtype: base.dtype }, AT.base)
    this.read(post, AT.out)
    this.decode(AT.out, place, AT.post)
    kernels.subtract(AT.delta, AT.post, AT.base, size)
    this.encode(AT.base, AT.cast, place)
    if (edited?.of === 'delta') this.read(edited, AT.edited)
    else kernels.scale(AT.edited, AT.delta, size, 1)
    if (edited?.of === 'weights') this.read(edited, AT.mended)
    const body = encodeLossy(form, place, {
      edited: this.space.floats(AT.edited, size),
      base: this.patterns(AT.cast, place),
      weights: edited?.of === 'weights' ? this.patterns(AT.mended, place) : null,
      scales,
      given: given?.record ?? null,
    })
    const head = given ? decodeLossyHead(form, place, given.head) : []
    this.space.clear()
    const reading = readLossy(
      form,
      place,
      { at: this.space.put(body), bytes: body.length },
      { head, space: this.space },
    )
    // Without an edit of its own, what is decoded is the edit.
    this.make(reading, place, { dtype: base.dtype, to: edited ? null : AT.edited })
    if (restores) this.restoreLeft(place)
    const record = restores || edited?.of === 'weights' ? join([body, this.mend(place)]) : body
    kernels[`decode${dtype}`](AT.out, AT.base, size)
    if (changes) kernels.subtract(AT.edited, AT.base, AT.post, size)
    return {
      record,
      sum: this.sumOfBytes(record),
      resultSum: this.sumOf(AT.out, bytes),
      baseSum,
      // What is drawn is the tensor, whatever stands for it.
      lost: 'seeds' in reading ? 0 : kernels.distance(AT.post, AT.base, size),
      moved: kernels.dot(AT.delta, AT.delta, size),
      ...(changes && { change: this.space.floats(AT.edited, size).slice() }),
    }
  }

  /**
   * The weights of a record, at `out`, from the base whose bytes are at `stored`.
   * @param delta the format of the base, and where the delta goes that the record says; null for nowhere
   * @throws BadValue
   */
  private make(reading: LossyReading, place: LossyPlace, { dtype, to }: { dtype: string; to: number | null }): void {
    const { step } = reading
    const [sum, moved] = [this.space.take(4 * step), this.space.take(4 * step)]
    for (let first = 0; first < place.size; first += step) {
      const size = Math.min(step, place.size - first)
      this.decode(AT.stored + first * VALUE_BYTES[dtype as ValueFormat], { size, dtype }, sum)
      const [out, part] = [AT.out + first * VALUE_BYTES[place.dtype], { ...place, size }]
      if ('fill' in reading) {
        const delta = to === null ? moved : to + 4 * first
        reading.fill(first, size, delta)
        this.encodeSum(sum, delta, out, part)
        continue
      }
      if ('seeds' in reading) {
        const { seeds } = reading
        addSeeds(this.space.floats(sum, size), { tensor: seeds.tensor, from: place.from + first }, seeds)
      }
      this.encode(sum, out, part)
    }
    if ('replace' in reading) reading.replace(AT.out)
  }

  /** What the edit writes, at `mended`: entries that it leaves alone are those of post. @throws BadValue */
  private restoreLeft(place: LossyPlace): void {
    this.kernels.restore(AT.edited, AT.delta, AT.post, AT.base, place.size)
    this.encode(AT.edited, AT.mended, place)
  }

  /** Puts right what differs from `mended`. @returns numbers and patterns of these entries */
  private mend(place: LossyPlace): Uint8Array {
    const { size, dtype } = place
    const [is, should] = [this.patterns(AT.out, place), this.patterns(AT.mended, place)]
    const width = VALUE_BYTES[dtype]
    const found: number[] = []
    for (let i = 0; i < size; i++) if (is[i] !== should[i]) found.push(i)
    const bytes = new DataView(new ArrayBuffer(found.length * (4 + width)))
    for (const [k, i] of found.entries()) {
      bytes.setUint32(k * (4 + width), i, true)
      if (width === 4) bytes.setUint32(k * 8 + 4, should[i]!, true)
      else bytes.setUint16(k * 6 + 4, should[i]!, true)
      is[i] = should[i]!
    }
    return new Uint8Array(bytes.buffer)
  }

  /** @param rest what is behind the entries of a record @throws BadLossy */
  private readMended({ at, bytes }: PlacedRecord, place: LossyPlace): void {
    const width = VALUE_BYTES[place.dtype]
    if (bytes % (4 + width)) throw new BadLossy()
    const rest = new DataView(this.memory.buffer, at, bytes)
    const to = this.patterns(AT.out, place)
    for (let from = 0; from < bytes; from += 4 + width) {
      const i = rest.getUint32(from, true)
      if (i >= place.size) throw new BadLossy()
      to[i] = width === 4 ? rest.getUint32(from + 4, true) : rest.getUint16(from + 4, true)
    }
  }

  private sumOfBytes(bytes: Uint8Array): string {
    this.space.clear()
    return this.sumOf(this.space.put(bytes), bytes.length)
  }

  /** The head of the tensor whose first record begins there; the last one is kept. */
  private headOf({ form, place }: LossyPiece, { file, begin }: RestoredLossy['first']): LossyHead {
    const bytes = lossyHeadBytes(form, place)
    // Of rank 0 there is nothing to read.
    if (!bytes) return decodeLossyHead(form, place, new Uint8Array(0))
    const key = `${begin} ${file}`
    if (this.head?.key === key) return this.head.head
    const stored = new Uint8Array(bytes)
    this.storage.read(file, stored, begin)
    const head = decodeLossyHead(form, place, stored)
    this.head = { key, head }
    return head
  }

  restore({ lossy, bytes, base, record, sums, to, first }: RestoredLossy): PieceFault {
    const { form, place } = lossy
    if (record.bytes > mostLossyBytes(form, place)) return 'record'
    this.space.clear()
    const at = this.space.take(record.bytes)
    this.storage.read(record.file, this.space.bytes(at, record.bytes), record.begin)
    if (this.sumOf(at, record.bytes) !== sums.sum) return 'record'
    const baseBytes = this.read(base, AT.stored)
    // A piece that is right was made of the right base, or of one that makes no difference.
    if (
      !this.remake({ lossy, base, first }, { at, bytes: record.bytes }) ||
      this.sumOf(AT.out, bytes) !== sums.resultSum
    )
      return this.sumOf(AT.stored, baseBytes) === sums.baseSum ? 'record' : 'base'
    for (const { file, begin } of to) this.storage.write(file, this.space.bytes(AT.out, bytes), begin)
    return null
  }

  /** The weights of a record, at `out`, from the base that was read. @returns whether both are sound */
  private remake(
    { lossy, base, first }: Pick<RestoredLossy, 'lossy' | 'base' | 'first'>,
    record: PlacedRecord,
  ): boolean {
    const { form, place } = lossy
    try {
      const head = this.headOf(lossy, first)
      const reading = readLossy(form, place, record, { head, space: this.space })
      this.make(reading, place, { dtype: base.dtype, to: null })
      this.readMended({ at: reading.end, bytes: record.at + record.bytes - reading.end }, place)
      return true
    } catch (error) {
      if (error instanceof BadValue || error instanceof BadLossy) return false
      throw error
    }
  }
}
