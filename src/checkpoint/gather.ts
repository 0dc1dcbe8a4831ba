// Entries of a tensor whose stored ones do not lie one after the other: a transposed matrix, every second column, a repeated row.
import type { ReadAt } from '../torch/index.js'

/** Entries that lie at even steps. */
export interface Strided {
  shape: readonly number[]
  /** Steps from entry to entry along each axis, in entries. */
  stride: readonly number[]
  /** Position of the first byte. */
  begin: number
}

/** Bytes that are read in one piece, though few of them may be wanted: about what a request costs. */
const PIECE = 1 << 14
/** Bytes that are read for each one that is wanted. */
const WASTE = 8
/** Bytes of one piece, at most. */
const MOST = 1 << 24

/** Whether the entries lie one after the other, in order. */
export function isContiguous({ shape, stride }: Strided): boolean {
  let step = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== step) return shape.includes(0)
    step *= shape[axis]!
  }
  return true
}

/** A rectangle of entries: steps in the storage, in entries, and place in the result. */
interface Box {
  /** Entry of the storage, counted from the first of the tensor. */
  at: number
  rows: number
  columns: number
  rowStep: number
  columnStep: number
  /** First entry in the result, and entries from row to row there. */
  to: number
  toStep: number
}

/** Bytes of the entries from … to − 1 of a tensor, in order. @param width bytes of an entry */
export async function gather(
  tensor: Strided,
  width: number,
  { from, to }: { from: number; to: number },
  readAt: ReadAt,
): Promise<Uint8Array> {
  const target = new Uint8Array((to - from) * width)
  const shape = tensor.shape.length ? tensor.shape : [1]
  const stride = tensor.shape.length ? tensor.stride : [1]
  const columns = shape.at(-1)!
  const rows = shape.at(-2) ?? 1
  const [rowStep, columnStep] = [stride.at(-2) ?? 0, stride.at(-1)!]
  const work = { begin: tensor.begin, width, target, readAt }
  for (let at = from; at < to; ) {
    const [line, column] = [Math.floor(at / columns), at % columns]
    const row = line % rows
    const place = {
      at: startOf(shape, stride, line) + row * rowStep + column * columnStep,
      rowStep,
      columnStep,
      to: at - from,
      toStep: columns,
    }
    // Whole rows of one matrix together; a part of a row by itself.
    const whole = column ? 0 : Math.min(rows - row, Math.floor((to - at) / columns))
    const box = whole
      ? { ...place, rows: whole, columns }
      : { ...place, rows: 1, columns: Math.min(to - at, columns - column) }
    await readBox(work, box)
    at += box.rows * box.columns
  }
  return target
}

/** Where the matrix of a line begins, in entries of the storage. */
function startOf(shape: readonly number[], stride: readonly number[], line: number): number {
  let [rest, start] = [Math.floor(line / (shape.at(-2) ?? 1)), 0]
  for (let axis = shape.length - 3; axis >= 0; axis--) {
    start += (rest % shape[axis]!) * stride[axis]!
    rest = Math.floor(rest / shape[axis]!)
  }
  return start
}

interface Work {
  /** First byte of the tensor in the file. */
  begin: number
  width: number
  target: Uint8Array
  readAt: ReadAt
}

/** Reads a box in one piece where that wastes little, else in two halves across its longer step. */
async function readBox(work: Work, box: Box): Promise<void> {
  const { at, rows, columns, rowStep, columnStep, to, toStep } = box
  const span = ((rows - 1) * rowStep + (columns - 1) * columnStep + 1) * work.width
  if (span <= Math.max(PIECE, Math.min(MOST, WASTE * rows * columns * work.width))) return copyBox(work, box, span)
  if (rows > 1 && (columns === 1 || rowStep >= columnStep)) {
    const half = rows >> 1
    await readBox(work, { ...box, rows: half })
    await readBox(work, { ...box, rows: rows - half, at: at + half * rowStep, to: to + half * toStep })
  } else {
    const half = columns >> 1
    await readBox(work, { ...box, columns: half })
    await readBox(work, { ...box, columns: columns - half, at: at + half * columnStep, to: to + half })
  }
}

async function copyBox({ begin, width, target, readAt }: Work, box: Box, span: number): Promise<void> {
  const { at, rows, columns, rowStep, columnStep, to, toStep } = box
  const bytes = await readAt(begin + at * width, span)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const source = (row * rowStep + column * columnStep) * width
      const place = (to + row * toStep + column) * width
      for (let byte = 0; byte < width; byte++) target[place + byte] = bytes[source + byte]!
    }
}
