// Pieces of tensors as records that keep less than all of their deltas: written with what they become, and read to be written to files.
import { CHECKSUM_BYTES, showChecksum, startChecksum } from './checksum.js'
import {
  decodeLossy,
  decodeLossyHead,
  encodeLossy,
  holdsWeights,
  type LossyHead,
  type LossyPlace,
  lossyHeadBytes,
  mostLossyBytes,
  type ReadLossy,
} from './lossy-form.js'
import type { LossyFault, LossyMachine, LossyPiece, LossyPost, RestoredLossy, StoredLossy } from './lossy-piece.js'
import { instantiate, type Kernels } from './module.js'
import type { FileBytes, Storage } from './pass.js'
import { PIECE_BYTES, type PieceFault } from './piece.js'
import { addSeeds } from './seeds.js'
import { BadLossy, join } from './sparse.js'
import { BadValue, VALUE_BYTES, type ValueFormat } from './values.js'

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
  const kernels = Object.assign(
    {},
    ...['codec', 'entries', 'reduce'].map((name) => instantiate<object>(name, memory)),
  ) as Kernels
  const run = new LossyRun(memory, kernels, storage)
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
    private readonly memory: WebAssembly.Memory,
    private readonly kernels: Kernels,
    private readonly storage: Storage,
  ) {}

  private view(at: number, bytes: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, at, bytes)
  }

  private floats(at: number, size: number): Float32Array {
    return new Float32Array(this.memory.buffer, at, size)
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
    if ('given' in from) this.view(at, bytes).set(from.given)
    else this.storage.read(from.file, this.view(at, bytes), from.begin)
    // Kernels work on whole vectors.
    this.view(at + bytes, 64).fill(0)
    return bytes
  }

  /** Values of a file as float32. @returns the checksum of their bytes @throws BadValue */
  private load(from: FileBytes | { given: Uint8Array }, dtype: string, size: number, to: number): string {
    const bytes = this.read(from, AT.stored)
    const isBad = this.kernels[`decode${dtype as ValueFormat}`](AT.stored, to, size)
    if (isBad) throw new BadValue(to === AT.post ? 'post' : 'base')
    this.floats(to, size + 16).fill(0, size)
    return this.sumOf(AT.stored, bytes)
  }

  /** @throws BadValue */
  private encode(from: number, to: number, { size, dtype }: LossyPlace): void {
    this.floats(from, size + 16).fill(0, size)
    if (this.kernels[`encode${dtype}`](from, to, size)) throw new BadValue()
  }

  compress({ lossy, bytes, base, post, edited, scales, given }: LossyPost): StoredLossy {
    const { form, place, restores } = lossy
    const { size, dtype } = place
    const { kernels } = this
    const baseSum = this.load(base, base.dtype, size, AT.base)
    this.load(post, dtype, size, AT.post)
    kernels.subtract(AT.delta, AT.post, AT.base, size)
    this.encode(AT.base, AT.cast, place)
    if (edited?.of === 'delta') this.read(edited, AT.edited)
    else kernels.scale(AT.edited, AT.delta, size, 1)
    if (edited?.of === 'weights') this.read(edited, AT.mended)
    const body = encodeLossy(form, place, {
      edited: this.floats(AT.edited, size),
      base: this.patterns(AT.cast, place),
      weights: edited?.of === 'weights' ? this.patterns(AT.mended, place) : null,
      scales,
      given: given?.record ?? null,
    })
    const head = given ? decodeLossyHead(form, place, given.head) : []
    const found = decodeLossy(form, place, body, head)
    this.make(found, place)
    // Without an edit of its own, what is decoded is the edit.
    if (!edited && found.delta) this.floats(AT.edited, size).set(found.delta)
    if (restores) this.restoreLeft(place)
    const record = restores || edited?.of === 'weights' ? join([body, this.mend(place)]) : body
    kernels[`decode${dtype}`](AT.out, AT.base, size)
    return {
      record,
      sum: this.sumOfBytes(record),
      resultSum: this.sumOf(AT.out, bytes),
      baseSum,
      // What is drawn is the tensor, whatever stands for it.
      lost: found.seeds ? 0 : kernels.distance(AT.post, AT.base, size),
      moved: kernels.dot(AT.delta, AT.delta, size),
    }
  }

  /** The weights of a record, at `out`; the base as float32 is at `base`, and in the format of the tensor at `cast`. @throws BadValue */
  private make({ delta, kept, weights, seeds }: ReadLossy, place: LossyPlace): void {
    const { size, dtype } = place
    const bytes = size * VALUE_BYTES[dtype]
    if (delta ?? seeds) {
      const made = this.floats(AT.stored, size)
      made.set(delta ?? this.floats(AT.base, size))
      if (seeds) addSeeds(made, { tensor: seeds.tensor, from: place.from }, seeds)
      else this.kernels.add(AT.stored, AT.base, size)
      return this.encode(AT.stored, AT.out, place)
    }
    this.view(AT.out, bytes).set(this.view(AT.cast, bytes))
    const to = this.patterns(AT.out, place)
    const own = weights!.slice()
    const from = dtype === 'F32' ? new Uint32Array(own.buffer) : new Uint16Array(own.buffer)
    for (let k = 0; k < from.length; k++) to[kept![k]!] = from[k]!
  }

  /** What the edit writes, at `mended`: entries that it leaves alone are those of post. @throws BadValue */
  private restoreLeft(place: LossyPlace): void {
    this.kernels.scale(AT.stored, AT.edited, place.size, 1)
    this.kernels.restore(AT.stored, AT.delta, AT.post, AT.base, place.size)
    this.encode(AT.stored, AT.mended, place)
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

  private readMended(rest: Uint8Array, place: LossyPlace): void {
    const width = VALUE_BYTES[place.dtype]
    if (rest.length % (4 + width)) throw new BadLossy()
    const bytes = new DataView(rest.buffer, rest.byteOffset, rest.length)
    const to = this.patterns(AT.out, place)
    for (let at = 0; at < rest.length; at += 4 + width) {
      const i = bytes.getUint32(at, true)
      if (i >= place.size) throw new BadLossy()
      to[i] = width === 4 ? bytes.getUint32(at + 4, true) : bytes.getUint16(at + 4, true)
    }
  }

  private sumOfBytes(bytes: Uint8Array): string {
    startChecksum(this.memory, AT.sums)
    for (let at = 0; at < bytes.length; at += WIDE) {
      const part = bytes.subarray(at, at + WIDE)
      this.view(AT.stored, part.length).set(part)
      this.kernels.checksum(AT.stored, part.length, at, AT.sums)
    }
    return showChecksum(this.memory, AT.sums)
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
    const stored = new Uint8Array(record.bytes)
    this.storage.read(record.file, stored, record.begin)
    if (this.sumOfBytes(stored) !== sums.sum) return 'record'
    try {
      if (this.load(base, base.dtype, place.size, AT.base) !== sums.baseSum) return 'base'
    } catch (error) {
      if (error instanceof BadValue) return 'base'
      throw error
    }
    try {
      if (holdsWeights(form)) this.encode(AT.base, AT.cast, place)
      const found = decodeLossy(form, place, stored, this.headOf(lossy, first))
      this.make(found, place)
      this.readMended(found.rest, place)
    } catch (error) {
      if (error instanceof BadLossy || error instanceof BadValue) return 'record'
      throw error
    }
    if (this.sumOf(AT.out, bytes) !== sums.resultSum) return 'record'
    for (const { file, begin } of to) this.storage.write(file, this.view(AT.out, bytes), begin)
    return null
  }
}
