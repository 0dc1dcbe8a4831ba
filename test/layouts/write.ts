// Folders of models as they are published: tiny random weights under true file names, in safetensors or as torch.save writes them.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { pickle } from '../torch/pickle.js'

export interface Tensor {
  name: string
  shape: readonly number[]
  dtype: 'F32' | 'F16' | 'BF16' | 'I64' | 'U8'
  /** Float32 values, or the bytes of a tensor of integers. */
  values: Float32Array | Uint8Array
}

/** How the weights lie in the folder. */
export interface Storage {
  kind: 'safetensors' | 'bin'
  shards?: number
}

/** Objects are written as JSON, where the text `1.0f` is the number 1.0, which transformers tells from 1. */
export function write(folder: string, files: Readonly<Record<string, string | Uint8Array | object>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    const plain = typeof content === 'string' || content instanceof Uint8Array
    writeFileSync(path, plain ? content : `${JSON.stringify(content, null, 2).replace(/"([\d.]+)f"/g, '$1')}\n`)
  }
}

function halfBits(value: number): number {
  const [bits] = new Uint32Array(Float32Array.of(value).buffer)
  const exponent = ((bits! >>> 23) & 255) - 112
  if (exponent <= 0) return (bits! >>> 16) & 0x8000 // far below what random weights have
  return ((bits! >>> 16) & 0x8000) | (exponent << 10) | ((bits! >>> 13) & 1023)
}

function bytesOf({ dtype, values }: Tensor): Buffer {
  if (values instanceof Uint8Array) return Buffer.from(values)
  if (dtype === 'F32') return Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const half = Uint16Array.from(values, (value, i) => (dtype === 'BF16' ? bits[i]! >>> 16 : halfBits(value)))
  return Buffer.from(half.buffer)
}

export function safetensors(tensors: readonly Tensor[]): Buffer {
  const parts = tensors.map(bytesOf)
  let at = 0
  const entries = tensors.map(({ name, dtype, shape }, i) => {
    const begin = at
    at += parts[i]!.length
    return [name, { dtype, shape, data_offsets: [begin, at] }]
  })
  const header = JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) })
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8)
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(padded.length))
  return Buffer.concat([size, Buffer.from(padded), ...parts])
}

/** A zip without compression. */
function zip(entries: readonly (readonly [string, Buffer])[]): Buffer {
  const locals: Buffer[] = []
  const central: Buffer[] = []
  let at = 0
  for (const [name, data] of entries) {
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt32LE(crc32(data), 10)
    fields.writeUInt32LE(data.length, 14)
    fields.writeUInt32LE(data.length, 18)
    fields.writeUInt16LE(name.length, 22)
    const [here, there] = [Buffer.alloc(4 + 26), Buffer.alloc(46)]
    here.writeUInt32LE(0x04034b50)
    fields.copy(here, 4)
    there.writeUInt32LE(0x02014b50)
    fields.copy(there, 6)
    there.writeUInt32LE(at, 42)
    locals.push(here, Buffer.from(name), data)
    central.push(there, Buffer.from(name))
    at += here.length + name.length + data.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50)
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...locals, directory, end])
}

const STORAGES = {
  F32: 'FloatStorage',
  F16: 'HalfStorage',
  BF16: 'BFloat16Storage',
  I64: 'LongStorage',
  U8: 'ByteStorage',
}
const tuple = (numbers: readonly number[]) => ['(', ...numbers.map(pickle.number), 't']

/** A state dict as torch.save writes it since 1.6. */
export function torchFile(tensors: readonly Tensor[]): Buffer {
  const items = tensors.flatMap(({ name, shape, dtype }, i) => {
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1))
    const count = shape.reduce((a, b) => a * b, 1)
    const storage = ['(', pickle.text('storage'), pickle.global('torch', STORAGES[dtype])]
    const rebuilt = [
      '(',
      ...storage,
      pickle.text(String(i)),
      pickle.text('cpu'),
      pickle.number(count),
      'tQ',
      pickle.number(0),
    ]
    const view = [...tuple(shape), ...tuple(strides), '\x89', pickle.global('collections', 'OrderedDict'), ')RtR']
    return [pickle.text(name), pickle.global('torch._utils', '_rebuild_tensor_v2'), ...rebuilt, ...view]
  })
  const data = pickle(pickle.global('collections', 'OrderedDict'), ')R(', ...items, 'u')
  return zip([
    ['archive/data.pkl', data],
    ...tensors.map((tensor, i) => [`archive/data/${i}`, bytesOf(tensor)] as const),
    ['archive/version', Buffer.from('3\n')],
  ])
}

/** The files that hold the weights, and their index where there are several. */
export function weightFiles(
  tensors: readonly Tensor[],
  { kind, shards = 1 }: Storage,
): Record<string, Buffer | object> {
  const [stem, ending, encode] =
    kind === 'bin' ? (['pytorch_model', 'bin', torchFile] as const) : (['model', 'safetensors', safetensors] as const)
  if (shards === 1) return { [`${stem}.${ending}`]: encode(tensors) }
  const number = (i: number) => String(i).padStart(5, '0')
  const fileOf = (i: number) => `${stem}-${number(i + 1)}-of-${number(shards)}.${ending}`
  const shardOf = (i: number) => Math.floor((i * shards) / tensors.length)
  const groups = Array.from({ length: shards }, (_, shard) => tensors.filter((_, i) => shardOf(i) === shard))
  return {
    ...Object.fromEntries(groups.map((group, i) => [fileOf(i), encode(group)])),
    [`${stem}.${ending}.index.json`]: {
      metadata: { total_size: tensors.reduce((sum, tensor) => sum + bytesOf(tensor).length, 0) },
      weight_map: Object.fromEntries(tensors.map(({ name }, i) => [name, fileOf(shardOf(i))])),
    },
  }
}

/** Values of a tensor, the same for the same name and seed; norms are near 1. */
export function draw(name: string, count: number, seed: number): Float32Array {
  let state = crc32(`${seed} ${name}`) | 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32 - 0.5
  }
  const values = new Float32Array(count)
  for (let i = 0; i < count; i++) values[i] = next() + next() + next()
  return values
}
