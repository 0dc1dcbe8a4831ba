// What an adapter makes of a tensor of its base, some lines of it at a time: only what they need of A and B is read.
import { countEntries, type Interval } from '../kernels/index.js'
import { editedLines } from './adapter-edit.js'
import type { TensorChange } from './adapter-match.js'
import type { Product } from './adapter-products.js'
import { addScaled, addTerms, type Terms } from './adapter-terms.js'
import type { Checkpoint } from './checkpoint.js'
import { round } from './dtype.js'
import type { SingleFile } from './single.js'

/** Entries of B read at a time. */
const PORTION = 1 << 20

interface Files {
  base: Checkpoint
  weights: SingleFile
}

/** In steps that peft makes in the format of the base, so that half precision is rounded where it rounds. */
export async function changeLines(
  change: TensorChange,
  name: string,
  files: Files,
  { from, to }: Interval,
): Promise<Float32Array> {
  const { shape } = files.base.tensors.get(name)!
  const columns = shape.at(-1) ?? 1
  if (!isConvolution(change, shape)) return changeRows(change, name, files, { from, to, columns })
  // A row is all that belongs to an output.
  const lines = countEntries(shape.slice(1, -1))
  const whole = { from: Math.floor(from / lines), to: Math.ceil(to / lines) }
  const rows = await changeRows(change, name, files, { ...whole, columns: columns * lines })
  return rows.slice((from - whole.from * lines) * columns, (to - whole.from * lines) * columns)
}

const isConvolution = ({ edits, products }: TensorChange, shape: readonly number[]): boolean =>
  shape.length > 2 && (edits.length > 0 || products.some(({ convolution }) => convolution))

async function changeRows(
  { whole, rows, products, bias, edits }: TensorChange,
  name: string,
  { base, weights }: Files,
  { columns, ...lines }: Interval & { columns: number },
): Promise<Float32Array> {
  const { dtype, shape } = base.tensors.get(name)!
  const entries = { from: lines.from * columns, to: lines.to * columns }
  const read = async (from: number, to: number): Promise<Float32Array> => {
    const part = { from: from * columns, to: to * columns }
    const values =
      whole === undefined ? await base.readEntries(name, part) : round(await weights.read(whole, part), dtype)
    for (const { name, ids } of rows)
      for (const [i, id] of ids.entries()) {
        if (id < from || id >= to) continue
        const row = await weights.read(name, { from: i * columns, to: (i + 1) * columns })
        values.set(round(row, dtype), (id - from) * columns)
      }
    return values
  }
  if (edits.length) return editedLines(edits, { weights, dtype, isBias: shape.length === 1, read, base }, lines)
  const values = await read(lines.from, lines.to)
  for (const [i, product] of products.entries()) {
    // One after the other, as peft merges them.
    if (i) round(values, dtype)
    for (const part of partsOf(product, weights, lines)) {
      const terms = await (product.flipped ? readTurned(part) : readStraight(part))
      const first = (part.first - lines.from) * columns
      addTerms(values.subarray(first), terms, columns, product.rounded ? dtype : null)
    }
  }
  if (bias) addScaled(values, await weights.read(bias.name, entries), bias.scale)
  return values
}

/** Lines of one matrix: the tensor, or an expert of it. */
interface Part {
  product: Product
  weights: SingleFile
  /** The matrix in A and B. */
  expert: number
  /** The first line of the part in the tensor. */
  first: number
  /** The lines in the matrix. */
  lines: Interval
}

const inputsOf = ({ a, stacked }: Product, { tensors }: SingleFile): number =>
  countEntries(tensors.get(a)!.shape.slice(stacked ? 2 : 1))

function partsOf(product: Product, weights: SingleFile, { from, to }: Interval): Part[] {
  const height = product.flipped ? inputsOf(product, weights) : product.rows
  const parts: Part[] = []
  for (let first = from; first < to; ) {
    const matrix = Math.floor(first / height)
    const end = Math.min(to, (matrix + 1) * height)
    const lines = { from: first - matrix * height, to: end - matrix * height }
    parts.push({ product, weights, expert: product.expert ?? matrix, first, lines })
    first = end
  }
  return parts
}

/** Lines are outputs: the coefficients are rows of scale · B, the vectors those of A. */
async function readStraight({ product, weights, expert, lines }: Part): Promise<Terms> {
  const { a, rank } = product
  const inputs = inputsOf(product, weights)
  const span = { from: expert * rank * inputs, to: (expert + 1) * rank * inputs }
  const coefficients = new Float64Array((lines.to - lines.from) * rank)
  await readScaled({ product, weights, expert, lines }, (line, k, value) => {
    coefficients[line * rank + k] = value
  })
  return { rank, coefficients, vectors: await weights.read(a, span) }
}

/** Lines are inputs: the coefficients are columns of A, the vectors those of scale · B. */
async function readTurned({ product, weights, expert, lines }: Part): Promise<Terms> {
  const { a, rank, rows } = product
  const inputs = inputsOf(product, weights)
  const coefficients = new Float64Array((lines.to - lines.from) * rank)
  for (let k = 0; k < rank; k++) {
    const begin = (expert * rank + k) * inputs
    const column = await weights.read(a, { from: begin + lines.from, to: begin + lines.to })
    for (let i = 0; i < column.length; i++) coefficients[i * rank + k] = column[i]!
  }
  const vectors = new Float64Array(rank * rows)
  await readScaled({ product, weights, expert, lines: { from: 0, to: rows } }, (row, k, value) => {
    vectors[k * rows + row] = value
  })
  return { rank, coefficients, vectors }
}

/** The rows of scale · B of one expert that belong to these rows of the product; they count from 0. */
async function readScaled(
  { product, weights, expert, lines }: Omit<Part, 'first'>,
  take: (row: number, k: number, value: number) => void,
): Promise<void> {
  const { b, rank, scale, experts, stacked } = product
  const width = stacked ? rank : rank * experts
  const from = product.from + (stacked ? expert * weights.tensors.get(b)!.shape[1]! : 0)
  const placeOf = (k: number): number => (stacked ? k : k * experts + expert)
  const step = Math.max(1, Math.floor(PORTION / width))
  for (let begin = lines.from; begin < lines.to; begin += step) {
    const end = Math.min(lines.to, begin + step)
    const up = await weights.read(b, { from: (from + begin) * width, to: (from + end) * width })
    for (let row = begin; row < end; row++)
      for (let k = 0; k < rank; k++) take(row - lines.from, k, scale * up[(row - begin) * width + placeOf(k)]!)
  }
}
