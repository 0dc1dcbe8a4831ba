// A GGUF file as the checkpoint of transformers that it was made from: names, shapes and values. Blocks are decoded to float32, and what
// llama.cpp's converter changed is undone.
import { open } from 'node:fs/promises'
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
import { ARCHITECTURES } from './gguf-architectures.js'
import { type GgufArchitecture, type GgufChange, type Heads, isComputed, transformersName } from './gguf-names.js'
import type { RowOrder } from './gguf-rows.js'
import type { TensorEntry } from './header.js'
import { tensorBytes } from './layout.js'

/** A weight under the name and in the shape of transformers. */
interface GgufWeight {
  /** The stored tensors that it is made of: one, but where two alternate in it. */
  stored: [GgufTensor, ...GgufTensor[]]
  shape: number[]
  change: GgufChange | null
  /** For rows in another order. */
  order: RowOrder | null
}

export interface GgufCheckpoint {
  file: GgufFiles
  /** As headers of safetensors would describe them; what is coded counts as BF16. */
  entries: TensorEntry[]
  /** Those that are a part of another, under the file's name. */
  parts: ReadonlySet<string>
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
  if (file.fields.get('general.type') === 'adapter')
    throw new UserError(
      `${path}: is an adapter of llama.cpp, which is not read; give the adapter of peft that it was made from`,
    )
  const { weights, unknown } = weightsOf(path, file, architectureOf(path, file))
  const changed = [...weights].filter(([, { stored, change }]) => change !== null || !stored[0].type.dtype)
  const types = new Map<string, number>()
  for (const { type } of [...weights.values()].map(({ stored }) => stored[0]))
    if (!type.dtype) types.set(type.name, (types.get(type.name) ?? 0) + 1)
  const parts = [...weights.values()].flatMap(({ stored: [, ...others] }) => others)
  const turnedLines = openTurned()
  return {
    file,
    entries: [
      ...[...weights].map(([name, { stored, shape }]) => entryOf(name, stored[0], shape)),
      ...parts.map((part) => entryOf(part.name, part, part.shape)),
    ],
    parts: new Set(parts.map(({ name }) => name)),
    shapes: new Map(changed.map(([name, { shape }]) => [name, shape])),
    types,
    notes: unknown.length
      ? [
          `${path}: ${unknown.length} tensors, the first ${unknown[0]}, are none that ${file.fields.get('general.architecture')} has here; they keep the names and values of the file`,
        ]
      : [],
    compute(name, lines, bytes) {
      const weight = weights.get(name)!
      const read: ReadPart = (part, from, to) => bytes(part ? weight.stored[part]!.name : name, from, to)
      if (weight.change?.change === 'transposed') return turnedLines(weight, lines, read)
      return weight.change?.change === 'alternating'
        ? alternatingLines(weight, lines, read)
        : computeLines(weight, lines, (from, to) => read(0, from, to))
    },
  }
}

function architectureOf(path: string, { fields, tensors }: GgufFiles): GgufArchitecture {
  const named = fields.get('general.architecture')
  const found = typeof named === 'string' && Object.hasOwn(ARCHITECTURES, named) ? ARCHITECTURES[named]! : null
  if (!found)
    throw new UserError(
      `${path}: ${named === undefined ? 'names no architecture (general.architecture)' : `general.architecture is ${JSON.stringify(named)}`}; GGUF files of ${Object.keys(ARCHITECTURES).join(', ')} are read`,
    )
  return typeof found === 'function' ? found((part) => tensors.some(({ name }) => name.includes(`.${part}.`))) : found
}

/** @throws UserError for a tensor that stands there twice, and for rows and alternating tensors that do not fit */
function weightsOf(
  path: string,
  { fields, tensors }: GgufFiles,
  architecture: GgufArchitecture,
): { weights: Map<string, GgufWeight>; unknown: string[] } {
  const weights = new Map<string, GgufWeight>()
  const unknown: string[] = []
  for (const stored of tensors) {
    if (isComputed(stored.name)) continue
    const name = transformersName(architecture, stored.name) ?? stored.name
    if (name === stored.name) unknown.push(name)
    const change = architecture.change(stored.name)
    const order = change?.change === 'rows' ? checkOrder(path, change.order(headsOf(fields)), stored) : null
    for (const [own, part] of splitExperts(name, stored)) {
      const other = weights.get(own)
      const all = other ? [...other.stored, part] : [part]
      if (all.length > countOf(change))
        throw new UserError(`${path}: tensor ${JSON.stringify(stored.name)} stands there twice`)
      weights.set(own, {
        stored: all.sort(byName) as GgufWeight['stored'],
        shape: shapeOf(own, all, change),
        change,
        order,
      })
    }
  }
  for (const [own, { stored, change }] of weights)
    if (stored.length < countOf(change) || stored.some(({ shape }) => String(shape) !== String(stored[0].shape)))
      throw new UserError(
        `${path}: ${own} is made of two tensors of one shape, and there ${stored.length < 2 ? 'is' : 'are'} ${stored.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(' and ')}`,
      )
  return { weights, unknown }
}

/** The gate comes before what goes up. */
const byName = (one: GgufTensor, two: GgufTensor): number => (one.name < two.name ? -1 : 1)

/** How many stored tensors a weight is made of. */
const countOf = (change: GgufChange | null): number => (change && 'of' in change ? change.of : 1)

function entryOf(name: string, { type, begin, file }: GgufTensor, shape: number[]): TensorEntry {
  const dtype = type.dtype ?? 'BF16'
  return { name, dtype, shape, file, begin, end: begin + tensorBytes({ dtype, shape }) }
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
function shapeOf(name: string, stored: readonly GgufTensor[], change: GgufChange | null): number[] {
  const { shape } = stored[0]!
  const [last, before] = [shape.length - 1, shape.length - 2]
  if (change?.change === 'transposed') return [...shape.slice(0, -2), shape[last]!, shape[before]! * change.of]
  if (change?.change === 'alternating') return [...shape.slice(0, -1), shape[last]! * change.of]
  return name.endsWith('.shared_expert_gate.weight') && shape.length === 1 ? [1, ...shape] : shape
}

/** There are as many of keys and values as of queries where the file does not say. */
function headsOf(fields: GgufFile['fields']): Heads {
  const of = `${fields.get('general.architecture')}.attention`
  const queries = fields.get(`${of}.head_count`)
  return { queries: Number(queries), keys: Number(fields.get(`${of}.head_count_kv`) ?? queries) }
}

/** @throws UserError for rows that the heads do not share */
function checkOrder(path: string, order: RowOrder, { name, shape }: GgufTensor): RowOrder {
  const rows = shape[0]!
  if (Number.isInteger(order.blocks) && order.blocks > 0 && rows % order.blocks === 0) return order
  throw new UserError(
    `${path}: tensor ${JSON.stringify(name)} has ${rows} rows, which ${order.blocks} heads do not share evenly`,
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
/** Reads of one of the stored tensors. */
type ReadPart = (part: number, from: number, to: number) => Promise<Uint8Array>

/** Lines from … to − 1 of a tensor, along its last axis. */
async function computeLines(weight: GgufWeight, { from, to }: Interval, read: ReadBytes): Promise<Float32Array> {
  const {
    stored: [stored],
    shape,
    change,
    order,
  } = weight
  if (!order) {
    const values = await storedLines(stored, { from, to }, read)
    return change?.change === 'less one' ? values.map((value) => value - 1) : values
  }
  // A bias is one line, whose entries are what rows are of a matrix.
  const bias = shape.length === 1 ? await storedLines(stored, { from: 0, to: 1 }, read) : null
  const [rows, width] = bias ? [shape[0]!, 1] : [shape[0]!, countEntries(shape.slice(1))]
  const wanted = bias ? { from: 0, to: rows } : { from, to }
  const size = rows / order.blocks
  const values = new Float32Array((wanted.to - wanted.from) * width)
  for (let block = Math.floor(wanted.from / size); block * size < wanted.to; block++) {
    const first = order.block(block) * size
    const lines = { from: first, to: first + size }
    const all = bias?.subarray(lines.from, lines.to) ?? (await storedLines(stored, lines, read))
    for (let row = 0; row < size; row++) {
      const to = block * size + row - wanted.from
      const at = order.row(row, size) * width
      if (to >= 0 && to * width < values.length) values.set(all.subarray(at, at + width), to * width)
    }
  }
  return values
}

/**
 * Reads lines of matrices, or of batches of them, that are stored transposed. The last matrix is kept: it is asked for one block after the
 * other, and each needs all.
 */
function openTurned(): (weight: GgufWeight, lines: Interval, read: ReadPart) => Promise<Float32Array> {
  let last: { weight: GgufWeight; matrix: number; values: Promise<Float32Array> } | null = null
  return async (weight, { from, to }, read) => {
    const [rows, columns] = weight.shape.slice(-2) as [number, number]
    const values = new Float32Array((to - from) * columns)
    for (let matrix = Math.floor(from / rows); matrix * rows < to; matrix++) {
      if (last?.weight !== weight || last.matrix !== matrix)
        last = { weight, matrix, values: turned(weight, matrix, read) }
      const all = await last.values
      const [first, end] = [Math.max(from, matrix * rows), Math.min(to, (matrix + 1) * rows)]
      const part = all.subarray((first - matrix * rows) * columns, (end - matrix * rows) * columns)
      values.set(part, (first - from) * columns)
    }
    return values
  }
}

/** One matrix, of whose columns each stored tensor has every so many. */
async function turned({ stored, shape }: GgufWeight, matrix: number, read: ReadPart): Promise<Float32Array> {
  const [rows, columns] = shape.slice(-2) as [number, number]
  const [count, lines] = [stored.length, columns / stored.length]
  const values = new Float32Array(rows * columns)
  for (const [number, part] of stored.entries()) {
    const span = { from: matrix * lines, to: (matrix + 1) * lines }
    const all = await storedLines(part, span, (from, to) => read(number, from, to))
    for (let line = 0; line < lines; line++)
      for (let row = 0; row < rows; row++) values[row * columns + line * count + number] = all[line * rows + row]!
  }
  return values
}

/** Lines whose entries are those of the stored tensors in turn. */
async function alternatingLines({ stored }: GgufWeight, lines: Interval, read: ReadPart): Promise<Float32Array> {
  const parts = await Promise.all(
    stored.map((part, number) => storedLines(part, lines, (from, to) => read(number, from, to))),
  )
  const values = new Float32Array(parts[0]!.length * parts.length)
  for (const [number, part] of parts.entries())
    for (let i = 0; i < part.length; i++) values[i * parts.length + number] = part[i]!
  return values
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
