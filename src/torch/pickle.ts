// A pickle of torch.save, read by a machine that knows containers, numbers and text, and nothing else: it calls no code, and makes no
// object of a class. Protocols 2 to 5, as far as torch uses them (docs of Python's pickletools; torch.serialization).
import { UserError } from '../errors/index.js'
import { Foreign, foreignIn } from './foreign.js'

/** A name that stands for a class or a function: `module.name`. */
export interface Global {
  global: string
}

/** What a persistent id, or a call, stands for: it is given meaning by who reads the pickle. */
interface Made {
  made: unknown
}

export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Pickled[]
  | Map<Pickled, Pickled>
  | Global
  | Made

/** How names and calls of a pickle are understood. Both throw a UserError for what is not known. */
export interface Meaning {
  /** The result of calling a name. */
  call(name: string, words: readonly Pickled[]): Pickled
  /** What a persistent id stands for. */
  load(id: Pickled): Pickled
}

/** Said of a pickle that goes on behind the bytes that are there. */
export class OutOfBytes extends UserError {}

/** Marks the beginning of a list on the stack. */
const MARK = Symbol('mark')

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const isGlobal = (value: Pickled): value is Global =>
  typeof value === 'object' && value !== null && 'global' in value

/** Reads one pickle. @param where names it in messages @returns its object, and the position behind it */
export function unpickle(
  bytes: Uint8Array,
  meaning: Meaning,
  where: string,
  from = 0,
): { value: Pickled; end: number } {
  const machine = new Machine(bytes, meaning, where, from)
  const value = machine.run()
  return { value, end: machine.at }
}

class Machine {
  private readonly view: DataView
  private readonly stack: (Pickled | typeof MARK)[] = []
  private readonly memo = new Map<number, Pickled>()

  constructor(
    private readonly bytes: Uint8Array,
    private readonly meaning: Meaning,
    private readonly where: string,
    public at: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  run(): Pickled {
    // Every instruction takes a byte, so this ends.
    for (;;) {
      const code = this.take(1)
      const name = this.view.getUint8(code)
      if (name === 0x2e) return this.pop()
      const operation = OPERATIONS[name]
      if (!operation) this.fail(`holds the instruction 0x${name.toString(16).padStart(2, '0')}, which no weights need`)
      operation(this)
    }
  }

  fail(what: string): never {
    throw new UserError(`${this.where}: its pickle ${what}`)
  }

  /** @returns the position of so many bytes, and goes behind them */
  take(count: number): number {
    const from = this.at
    if (count > this.bytes.length - from)
      throw new OutOfBytes(`${this.where}: its pickle ends too early: the file is truncated or damaged`)
    this.at += count
    return from
  }

  int8 = (): number => this.view.getUint8(this.take(1))
  int16 = (): number => this.view.getUint16(this.take(2), true)
  int32 = (): number => this.view.getInt32(this.take(4), true)
  uint32 = (): number => this.view.getUint32(this.take(4), true)
  float64 = (): number => this.view.getFloat64(this.take(8), false)
  uint64(): number {
    const value = this.view.getBigUint64(this.take(8), true)
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? this.fail(`gives ${value} as a length`) : Number(value)
  }

  slice(length: number): Uint8Array {
    const from = this.take(length)
    return this.bytes.subarray(from, from + length)
  }

  text(length: number): string {
    const bytes = this.slice(length)
    try {
      return decoder.decode(bytes)
    } catch {
      return this.fail('holds text that is not UTF-8')
    }
  }

  /** Text up to the end of the line. */
  line(): string {
    const end = this.bytes.indexOf(10, this.at)
    const text = this.text(end < 0 ? Number.POSITIVE_INFINITY : end - this.at)
    this.at = end + 1
    return text
  }

  /** A whole number of any length, two's complement, little-endian. */
  long(length: number): number | bigint {
    let value = 0n
    const bytes = this.slice(length)
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!)
    if (length && bytes[length - 1]! & 0x80) value -= 1n << BigInt(8 * length)
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  }

  push(value: Pickled | typeof MARK): void {
    this.stack.push(value)
  }

  pop(): Pickled {
    const value = this.stack.pop()
    return value === undefined || value === MARK ? this.fail('takes more from its stack than lies there') : value
  }

  /** The values since the last mark, which go. */
  popMarked(): Pickled[] {
    const at = this.stack.lastIndexOf(MARK)
    if (at < 0) this.fail('has no mark where it needs one')
    const values = this.stack.splice(at).slice(1)
    return values as Pickled[]
  }

  popMany(count: number): Pickled[] {
    return Array.from({ length: count }, () => this.pop()).reverse()
  }

  put(index: number): void {
    const value = this.stack.at(-1)
    if (value === undefined || value === MARK) this.fail('stores what is not there')
    this.memo.set(index, value)
  }

  memoize(): void {
    this.put(this.memo.size)
  }

  get(index: number): void {
    const value = this.memo.get(index)
    if (value === undefined) this.fail(`asks for item ${index}, which was not stored`)
    this.push(value)
  }

  global(name: string): void {
    this.push({ global: name })
  }

  /** An object of a class, with what its class is given: it is not made. */
  newObject(words: number): void {
    const [type] = this.popMany(1 + words)
    if (!isGlobal(type!)) this.fail('makes an object of what is no class')
    this.push({ made: new Foreign(type.global) })
  }

  reduce(): void {
    const [callee, words] = this.popMany(2)
    if (!isGlobal(callee!) || !Array.isArray(words)) this.fail('calls what is not a name')
    this.push(this.meaning.call(callee.global, words))
  }

  /** The state of an object: that of an ordered dict, `_metadata`, says nothing of weights, and other objects are not made. */
  build(): void {
    this.pop()
  }

  load(): void {
    this.push(this.meaning.load(this.pop()))
  }

  setItems(items: readonly Pickled[]): void {
    const dict = this.stack.at(-1)
    if (isForeign(dict)) return
    if (!(dict instanceof Map) || items.length % 2) this.fail('sets items of what is no dict')
    for (let i = 0; i < items.length; i += 2) dict.set(items[i]!, items[i + 1]!)
  }

  append(items: readonly Pickled[]): void {
    const list = this.stack.at(-1)
    if (isForeign(list)) return
    if (!Array.isArray(list)) this.fail('appends to what is no list')
    for (const item of items) list.push(item)
  }

  mark = (): void => this.push(MARK)
}

const isForeign = (value: Pickled | typeof MARK | undefined): boolean => value !== MARK && foreignIn(value) !== null

type Operation = (machine: Machine) => void

/** What follows each instruction, by its byte. */
const OPERATIONS: Readonly<Record<number, Operation>> = {
  128: (m) => {
    const version = m.int8()
    if (version < 2 || version > 5) m.fail(`is of protocol ${version}; 2 to 5 are read`)
  },
  149: (m) => void m.take(8), // FRAME
  40: (m) => m.mark(),
  125: (m) => m.push(new Map()), // EMPTY_DICT
  93: (m) => m.push([]), // EMPTY_LIST
  41: (m) => m.push([]), // EMPTY_TUPLE
  116: (m) => m.push(m.popMarked()), // TUPLE
  133: (m) => m.push(m.popMany(1)),
  134: (m) => m.push(m.popMany(2)),
  135: (m) => m.push(m.popMany(3)),
  78: (m) => m.push(null),
  136: (m) => m.push(true),
  137: (m) => m.push(false),
  74: (m) => m.push(m.int32()), // BININT
  75: (m) => m.push(m.int8()),
  77: (m) => m.push(m.int16()),
  138: (m) => m.push(m.long(m.int8())), // LONG1
  139: (m) => m.push(m.long(m.uint32())),
  71: (m) => m.push(m.float64()), // BINFLOAT
  88: (m) => m.push(m.text(m.uint32())), // BINUNICODE
  140: (m) => m.push(m.text(m.int8())),
  141: (m) => m.push(m.text(m.uint64())),
  85: (m) => m.push(m.text(m.int8())), // SHORT_BINSTRING, of Python 2
  84: (m) => m.push(m.text(m.uint32())), // BINSTRING
  67: (m) => m.push(m.slice(m.int8())), // SHORT_BINBYTES
  66: (m) => m.push(m.slice(m.uint32())),
  142: (m) => m.push(m.slice(m.uint64())),
  150: (m) => m.push(m.slice(m.uint64())), // BYTEARRAY8
  143: (m) => m.push([]), // EMPTY_SET
  144: (m) => m.append(m.popMarked()), // ADDITEMS
  145: (m) => m.push(m.popMarked()), // FROZENSET
  48: (m) => void m.pop(),
  49: (m) => void m.popMarked(),
  113: (m) => m.put(m.int8()), // BINPUT
  114: (m) => m.put(m.uint32()),
  148: (m) => m.memoize(),
  104: (m) => m.get(m.int8()), // BINGET
  106: (m) => m.get(m.uint32()),
  99: (m) => {
    const module = m.line()
    m.global(`${module}.${m.line()}`)
  },
  147: (m) => {
    const [module, name] = m.popMany(2)
    if (typeof module !== 'string' || typeof name !== 'string') m.fail('makes a name of what is not text')
    m.global(`${module}.${name}`)
  },
  82: (m) => m.reduce(),
  129: (m) => m.newObject(1), // NEWOBJ
  146: (m) => m.newObject(2), // NEWOBJ_EX
  98: (m) => m.build(),
  81: (m) => m.load(), // BINPERSID
  115: (m) => {
    const item = m.popMany(2)
    m.setItems(item)
  },
  117: (m) => m.setItems(m.popMarked()),
  97: (m) => {
    const item = m.pop()
    m.append([item])
  },
  101: (m) => m.append(m.popMarked()),
}
