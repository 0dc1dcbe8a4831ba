// Lines of the weights of a GGUF file as float32: blocks are decoded, and what llama.cpp's converter changed is undone.
import { open } from 'node:fs/promises'
import { decodeBlocks, type GgufTensor } from '../gguf/index.js'
import { countEntries, type Interval } from '../kernels/index.js'
import { decode } from './dtype.js'
import type { GgufChange } from './gguf-names.js'
import type { RowOrder } from './gguf-rows.js'

/** A weight under the name and in the shape of transformers. */
export interface GgufWeight {
  /** The stored tensors that it is made of: one or two. */
  stored: [GgufTensor, ...GgufTensor[]]
  shape: number[]
  change: GgufChange | null
  /** For rows in another order. */
  order: RowOrder | null
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
export type ReadPart = (part: number, from: number, to: number) => Promise<Uint8Array>

async function plainLines(weight: GgufWeight, { from, to }: Interval, read: ReadBytes): Promise<Float32Array> {
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

type Lines = (weight: GgufWeight, lines: Interval, read: ReadPart) => Promise<Float32Array>

/** Makes lines of weights, along their last axis. The last matrix that is stored transposed is kept. */
export function openLines(): Lines {
  const turnedLines = openTurned()
  return (weight, lines, read) => {
    if (weight.change?.change === 'transposed') return turnedLines(weight, lines, read)
    if (weight.change?.change === 'alternating') return alternatingLines(weight, lines, read)
    if (weight.change?.change === 'stacked' || weight.change?.change === 'joined')
      return stackedLines(weight, lines, read)
    return plainLines(weight, lines, (from, to) => read(0, from, to))
  }
}

/**
 * Reads lines of matrices, or of batches of them, that are stored transposed. The last matrix is kept: it is asked for one block after the
 * other, and each needs all.
 */
function openTurned(): Lines {
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

/** Lines of matrices, each of which has the rows of one stored tensor and below them those of another. */
async function stackedLines(
  { stored, change }: GgufWeight,
  { from, to }: Interval,
  read: ReadPart,
): Promise<Float32Array> {
  const isTurned = change?.change === 'joined'
  const columns = stored[1]!.shape.at(-1)!
  const rows = stored.map(({ shape }, number) => shape.at(isTurned && number === 0 ? -1 : -2)!) as [number, number]
  const height = rows[0] + rows[1]
  const values = new Float32Array((to - from) * columns)
  for (let matrix = Math.floor(from / height); matrix * height < to; matrix++)
    for (const [number, part] of stored.entries()) {
      const begin = matrix * height + (number && rows[0])
      const [first, end] = [Math.max(from, begin), Math.min(to, begin + rows[number]!)]
      if (first >= end) continue
      const turned = isTurned && number === 0
      const lines = turned ? columns : rows[number]!
      const span = { from: matrix * lines, to: (matrix + 1) * lines }
      const all = await storedLines(part, span, (at, behind) => read(number, at, behind))
      const [perLine, perColumn] = turned ? [1, rows[0]] : [columns, 1]
      for (let line = first; line < end; line++)
        for (let column = 0; column < columns; column++)
          values[(line - from) * columns + column] = all[(line - begin) * perLine + column * perColumn]!
    }
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
