// The pickle of a dict of tensors, as torch.save writes it (protocol 2): each is a dense view of a storage of its own.
import { storageOf } from './meaning.js'

/** A dense tensor. */
export interface SavedTensor {
  name: string
  /** As safetensors names it. */
  dtype: string
  shape: readonly number[]
}

const op = (letter: string): Buffer => Buffer.from(letter, 'latin1')
const [MARK, TUPLE, REDUCE, EMPTY_TUPLE, FALSE] = ['(', 't', 'R', ')', '\x89'].map(op) as [
  Buffer,
  Buffer,
  Buffer,
  Buffer,
  Buffer,
]

const global = (module: string, name: string): Buffer => op(`c${module}\n${name}\n`)

function text(word: string): Buffer {
  const bytes = Buffer.from(word)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([op('X'), length, bytes])
}

/** BININT, or LONG1 of 8 bytes. */
function integer(value: number): Buffer {
  const isLong = value >= 2 ** 31
  const bytes = Buffer.alloc(isLong ? 8 : 4)
  if (isLong) bytes.writeBigInt64LE(BigInt(value))
  else bytes.writeInt32LE(value)
  return Buffer.concat([op(isLong ? '\x8a\x08' : 'J'), bytes])
}

const tuple = (parts: readonly Buffer[]): Buffer => Buffer.concat([MARK, ...parts, TUPLE])

/** The tensors by name; the storage of the k-th has the key k. */
export function writePickle(tensors: readonly SavedTensor[]): Buffer {
  const entries = tensors.map(({ name, dtype, shape }, key) => {
    const count = shape.reduce((product, side) => product * side, 1)
    const stride = shape.map((_, i) => shape.slice(i + 1).reduce((product, side) => product * side, 1))
    const storage = [
      text('storage'),
      global('torch', storageOf(dtype)!),
      text(String(key)),
      text('cpu'),
      integer(count),
    ]
    const view = tuple([
      Buffer.concat([tuple(storage), op('Q')]),
      integer(0),
      tuple(shape.map(integer)),
      tuple(stride.map(integer)),
      FALSE,
      Buffer.concat([global('collections', 'OrderedDict'), EMPTY_TUPLE, REDUCE]),
    ])
    return Buffer.concat([text(name), global('torch._utils', '_rebuild_tensor_v2'), view, REDUCE])
  })
  return Buffer.concat([op('\x80\x02}'), MARK, ...entries, op('u.')])
}
