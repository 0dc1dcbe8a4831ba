// The head of a GGUF file: its fields and where its tensors lie (the GGUF specification of ggml). No number is read.
import { open } from 'node:fs/promises'
import { printable, UserError } from '../errors/index.js'
import { checkFile, KIND_BYTES, kindOfBytes } from '../schema/index.js'
import type { TensorType } from './block.js'
import { TYPES } from './types.js'

/** A field: a number, a truth value, text, a list, or how many entries a list has that was not asked for. */
export type GgufValue = number | boolean | string | readonly GgufValue[] | { count: number }

export interface GgufTensor {
  name: string
  /** Rows last, as everywhere but in the file. */
  shape: number[]
  type: TensorType
  /** Path of the file, first byte in it, and the byte after the last. */
  file: string
  begin: number
  end: number
}

export interface GgufFile {
  fields: ReadonlyMap<string, GgufValue>
  tensors: GgufTensor[]
}

/** The longest head: lists of tokens make it long. */
const MOST = 512e6
/** Axes of a tensor, at most. */
const MOST_AXES = 4

/** Says that the head goes on behind the bytes that were read. */
class OutOfBytes extends Error {}

/**
 * @param lists names of the fields whose lists are kept
 * @throws UserError for what is no GGUF file of version 2 or 3, is damaged, or has a tensor of a type that is not read
 */
export async function readGguf(file: string, lists: ReadonlySet<string> = new Set()): Promise<GgufFile> {
  checkFile(file)
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const start = Buffer.alloc(Math.min(size, KIND_BYTES))
    await handle.read(start, 0, start.length, 0)
    if (start.toString('latin1', 0, 4) !== 'GGUF')
      throw new UserError(`${file}: ${kindOfBytes(start, 'gguf') ?? 'is not a GGUF file'}`)
    // The length of the head stands nowhere: read more until it is whole.
    for (let length = Math.min(size, 1 << 20); ; length = Math.min(size, 4 * length)) {
      const bytes = Buffer.alloc(length)
      await handle.read(bytes, 0, length, 0)
      try {
        return new Head(file, bytes, size).read(lists)
      } catch (error) {
        if (!(error instanceof OutOfBytes)) throw error
        if (length === size || length >= MOST) throw new UserError(`${file}: ends inside its head: truncated?`)
      }
    }
  } finally {
    await handle.close()
  }
}

class Head {
  private at = 0

  constructor(
    private readonly file: string,
    private readonly bytes: Buffer,
    private readonly size: number,
  ) {}

  read(lists: ReadonlySet<string>): GgufFile {
    this.take(4)
    const version = this.take(4).readUInt32LE()
    if (version >= 1 << 24 && (version & 0xffff) === 0) throw this.fault('a big-endian GGUF file, which is not read')
    if (version !== 2 && version !== 3) throw this.fault(`GGUF of version ${version}; 2 and 3 are read`)
    const [tensors, fields] = [this.long(), this.long()]
    const found = new Map<string, GgufValue>()
    for (let i = 0; i < fields; i++) {
      const name = this.text()
      found.set(name, this.value(this.take(4).readUInt32LE(), lists.has(name)))
    }
    const places = Array.from({ length: Math.min(tensors, this.bytes.length) }, () => this.tensor())
    const alignment = found.get('general.alignment') ?? 32
    if (typeof alignment !== 'number' || !Number.isSafeInteger(alignment) || alignment < 1)
      throw this.fault(`general.alignment is ${JSON.stringify(alignment)}; a whole number of at least 1 is wanted`)
    const data = Math.ceil(this.at / alignment) * alignment
    return { fields: found, tensors: places.map(({ offset, ...tensor }) => this.placed(tensor, data + offset)) }
  }

  private fault(why: string): UserError {
    return new UserError(`${this.file}: ${why}`)
  }

  private take(length: number): Buffer {
    if (length > this.bytes.length - this.at) {
      if (length > this.size) throw this.fault('damaged: a length in its head is beyond the end of the file')
      throw new OutOfBytes()
    }
    return this.bytes.subarray(this.at, (this.at += length))
  }

  private long(): number {
    const value = this.take(8).readBigUInt64LE()
    if (value > BigInt(this.size)) throw this.fault('damaged: a number in its head is beyond the end of the file')
    return Number(value)
  }

  private text(): string {
    return this.take(this.long()).toString('utf8')
  }

  private value(type: number, keeps = false): GgufValue {
    if (type === 8) return this.text()
    if (type === 9) {
      const [of, count] = [this.take(4).readUInt32LE(), this.long()]
      if (of === 9) throw this.fault('a field is a list of lists, which is not read')
      if (keeps) return Array.from({ length: Math.min(count, this.bytes.length) }, () => this.value(of))
      this.skip(of, count)
      return { count }
    }
    const read = NUMBERS[type]
    if (!read) throw this.fault(`damaged: a field of type ${type}`)
    return read(this.take(WIDTHS[type]!))
  }

  /** Passes over entries of a list. */
  private skip(type: number, count: number): void {
    const width = WIDTHS[type]
    if (width !== undefined) this.take(width * count)
    else for (let i = 0; i < count; i++) this.value(type)
  }

  private tensor(): { name: string; shape: number[]; type: TensorType; offset: number } {
    const name = this.text()
    const where = `tensor ${JSON.stringify(printable(name))}`
    const axes = this.take(4).readUInt32LE()
    if (axes > MOST_AXES) throw this.fault(`${where} has ${axes} axes; at most ${MOST_AXES} are read`)
    const shape = Array.from({ length: axes }, () => Number(this.take(8).readBigUInt64LE())).reverse()
    const number = this.take(4).readUInt32LE()
    const type = TYPES[number]
    if (!type) throw this.fault(`${where} is of the GGUF type number ${number}, which is not known`)
    if (!type.bytes) throw this.fault(`${where} is ${type.name}, a GGUF type that is not read`)
    const offset = Number(this.take(8).readBigUInt64LE())
    return { name, shape, type, offset }
  }

  private placed(tensor: Pick<GgufTensor, 'name' | 'shape' | 'type'>, begin: number): GgufTensor {
    const { name, shape, type } = tensor
    const where = `tensor ${JSON.stringify(printable(name))}`
    const entries = shape.reduce((product, side) => product * side, 1)
    if ((shape.at(-1) ?? 1) % type.values)
      throw this.fault(`${where}: rows of ${shape.at(-1)} do not fill blocks of ${type.values} (${type.name})`)
    const end = begin + (entries / type.values) * type.bytes
    if (!(end <= this.size)) throw this.fault(`${where} ends after the file: truncated?`)
    return { ...tensor, file: this.file, begin, end }
  }
}

/** Bytes of a value by the number of its type. */
const WIDTHS: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 }

const NUMBERS: Readonly<Record<number, (bytes: Buffer) => number | boolean>> = {
  0: (bytes) => bytes.readUInt8(),
  1: (bytes) => bytes.readInt8(),
  2: (bytes) => bytes.readUInt16LE(),
  3: (bytes) => bytes.readInt16LE(),
  4: (bytes) => bytes.readUInt32LE(),
  5: (bytes) => bytes.readInt32LE(),
  6: (bytes) => bytes.readFloatLE(),
  7: (bytes) => bytes[0] !== 0,
  10: (bytes) => Number(bytes.readBigUInt64LE()),
  11: (bytes) => Number(bytes.readBigInt64LE()),
  12: (bytes) => bytes.readDoubleLE(),
}
