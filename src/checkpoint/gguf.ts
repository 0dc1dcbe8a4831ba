// A GGUF file as the checkpoint of transformers that it was made from: names, shapes and values. Blocks are decoded to float32, and what
// llama.cpp's converter changed is undone.
import { open } from 'node:fs/promises'
import { transpose } from '../adapters/index.js'
import { UserError } from '../errors/index.js'
import {
  decodeBlocks,
  type GgufFile,
  type GgufFiles,
  type GgufTensor,
  readGgufParts,
  TOKENIZER_LISTS,
} from '../gguf/index.js'
import { countEntries, type Interval } from '../kernels/index.js'
import type { Stored } from './coded.js'
import { decode } from './dtype.js'
import { ARCHITECTURES, type GgufChange, isComputed, transformersName } from './gguf-names.js'
import type { TensorEntry } from './header.js'
import { tensorBytes } from './layout.js'

/** A tensor of a file under the name and in the shape of transformers. */
interface GgufWeight {
  stored: GgufTensor
  shape: number[]
  change: GgufChange | null
  /** For pairs of rows in heads. */
  heads: number
}

export interface GgufCheckpoint {
  file: GgufFiles
  /** As headers of safetensors would describe them; what is coded counts as BF16. */
  entries: TensorEntry[]
  /** Of the tensors that are not stored as they are. */
  shapes: Map<string, readonly number[]>
  /** How many are decoded, by type. */
  types: Map<string, number>
  /** Sentences on what is not as one would think. */
  notes: string[]
  /** Lines of such a tensor. @param bytes of the file, from … to − 1 of a tensor */
  compute(name: string, lines: Interval, bytes: Stored['bytes']): Promise<Float32Array>
}

/** @throws UserError as readGgufParts, and for an architecture whose names are not known */
export async function openGguf(path: string): Promise<GgufCheckpoint> {
  const file = await readGgufParts(path, TOKENIZER_LISTS)
  const { fields, tensors } = file
  if (fields.get('general.type') === 'adapter')
    throw new UserError(
      `${path}: is an adapter of llama.cpp, which is not read; give the adapter of peft that it was made from`,
    )
  const named = fields.get('general.architecture')
  const architecture = typeof named === 'string' && Object.hasOwn(ARCHITECTURES, named) ? ARCHITECTURES[named]! : null
  if (!architecture)
    throw new UserError(
      `${path}: ${named === undefined ? 'names no architecture (general.architecture)' : `general.architecture is ${JSON.stringify(named)}`}; GGUF files of ${Object.keys(ARCHITECTURES).join(', ')} are read`,
    )
  const weights = new Map<string, GgufWeight>()
  const unknown: string[] = []
  for (const stored of tensors) {
    if (isComputed(stored.name)) continue
    const name = transformersName(architecture, stored.name) ?? stored.name
    if (name === stored.name) unknown.push(name)
    const change = architecture.change(stored.name)
    const heads =
      change?.change === 'heads' ? headsOf(path, countHeads(fields, `${named}.attention`, change.heads), stored) : 0
    for (const [own, part] of splitExperts(name, stored)) {
      if (weights.has(own)) throw new UserError(`${path}: tensor ${JSON.stringify(stored.name)} stands there twice`)
      weights.set(own, { stored: part, shape: shapeOf(own, part, change), change, heads })
    }
  }
  const isChanged = ({ stored, change }: GgufWeight) => change !== null || !stored.type.dtype
  const changed = [...weights].filter(([, weight]) => isChanged(weight))
  const types = new Map<string, number>()
  for (const { stored } of weights.values())
    if (!stored.type.dtype) types.set(stored.type.name, (types.get(stored.type.name) ?? 0) + 1)
  const transposedLines = openTransposed()
  return {
    file,
    entries: [...weights].map(([name, { stored, shape }]) => {
      const dtype = stored.type.dtype ?? 'BF16'
      const { begin, file } = stored
      return { name, dtype, shape, file, begin, end: begin + tensorBytes({ dtype, shape }) }
    }),
    shapes: new Map(changed.map(([name, { shape }]) => [name, shape])),
    types,
    notes: unknown.length
      ? [
          `${path}: ${unknown.length} tensors, the first ${unknown[0]}, are none that ${named} has here; they keep the names and values of the file`,
        ]
      : [],
    compute(name, lines, bytes) {
      const [weight, read] = [weights.get(name)!, (from: number, to: number) => bytes(name, from, to)]
      return (weight.change?.change === 'transposed' ? transposedLines : computeLines)(weight, lines, read)
    },
  }
}

/** Experts lie one after the other in one tensor of three axes, and are matrices of their own in transformers' files. */
function splitExperts(name: string, stored: GgufTensor): [name: string, part: GgufTensor][] {
  if (!name.includes('*')) return [[name, stored]]
  const [count, ...shape] = stored.shape as [number, ...number[]]
  const size = (stored.end - stored.begin) / count
  return Array.from({ length: count }, (_, expert) => {
    const begin = stored.begin + expert * size
    return [name.replace('*', String(expert)), { ...stored, shape, begin, end: begin + size }]
  })
}

/** The gate of a shared expert is a matrix of one row, of which some files make a list. */
function shapeOf(name: string, { shape }: GgufTensor, change: GgufChange | null): number[] {
  if (change?.change === 'transposed') return [...shape].reverse()
  return name.endsWith('.shared_expert_gate.weight') && shape.length === 1 ? [1, ...shape] : shape
}

/** There are as many of keys and values as of queries where the file does not say. */
const countHeads = (fields: GgufFile['fields'], of: string, heads: 'head_count' | 'head_count_kv') =>
  fields.get(`${of}.${heads}`) ?? fields.get(`${of}.head_count`)

/** The number of heads whose rows are in pairs. */
function headsOf(path: string, heads: unknown, { name, shape }: GgufTensor): number {
  const rows = shape[0]!
  if (typeof heads === 'number' && heads > 0 && rows % (2 * heads) === 0) return heads
  throw new UserError(
    `${path}: tensor ${JSON.stringify(name)} has ${rows} rows, which ${JSON.stringify(heads)} heads do not share evenly`,
  )
}

/** The values of a small tensor that is no weight. */
export async function readComputed(tensor: GgufTensor): Promise<Float32Array> {
  const handle = await open(tensor.file)
  try {
    const bytes = Buffer.alloc(tensor.end - tensor.begin)
    await handle.read(bytes, 0, bytes.length, tensor.begin)
    return await storedLines(tensor, { from: 0, to: 1 }, async () => bytes)
  } finally {
    await handle.close()
  }
}

type ReadBytes = (from: number, to: number) => Promise<Uint8Array>

/** Lines from … to − 1 of a tensor, along its last axis. */
async function computeLines(weight: GgufWeight, { from, to }: Interval, read: ReadBytes): Promise<Float32Array> {
  const { stored, shape, change, heads } = weight
  if (!change) return storedLines(stored, { from, to }, read)
  if (change.change === 'less one') return (await storedLines(stored, { from, to }, read)).map((value) => value - 1)
  // A bias is one line, whose entries are what rows are of a matrix.
  const isBias = shape.length === 1
  const [rows, width] = isBias ? [shape[0]!, 1] : [shape[0]!, countEntries(shape.slice(1))]
  const size = rows / heads
  const wanted = isBias ? { from: 0, to: rows } : { from, to }
  const span = { from: Math.floor(wanted.from / size) * size, to: Math.ceil(wanted.to / size) * size }
  const all = await storedLines(stored, isBias ? { from: 0, to: 1 } : span, read)
  const values = new Float32Array((wanted.to - wanted.from) * width)
  for (let row = wanted.from; row < wanted.to; row++) {
    const place = row % size
    const source = row - place + (place % (size / 2)) * 2 + Math.floor(place / (size / 2))
    const at = (source - span.from) * width
    values.set(all.subarray(at, at + width), (row - wanted.from) * width)
  }
  return values
}

/** Reads lines of matrices that are stored transposed. The last one is kept: it is asked for one block after the other, and each needs all. */
function openTransposed(): typeof computeLines {
  let last: { stored: GgufTensor; values: Promise<Float32Array> } | null = null
  return async ({ stored }, { from, to }, read) => {
    const [rows, columns] = stored.shape as [number, number]
    const turned = async () => transpose(await storedLines(stored, { from: 0, to: rows }, read), rows, columns)
    if (last?.stored !== stored) last = { stored, values: turned() }
    return (await last.values).slice(from * rows, to * rows)
  }
}

/** Lines as they are stored, as float32. */
async function storedLines(
  { shape, type }: GgufTensor,
  { from, to }: Interval,
  read: ReadBytes,
): Promise<Float32Array> {
  const columns = shape.at(-1) ?? 1
  const values = new Float32Array((to - from) * columns)
  const width = (columns / type.values) * type.bytes
  const bytes = await read(from * width, to * width)
  if (!type.dtype) decodeBlocks(type, bytes, values)
  else decode(type.dtype, bytes, values)
  return values
}
