// Rows of numbers as codes of few bits: each group of a row has a scale, and a code for its zero.
import { gridOf, roundEven } from './grid.js'
import { decodeValues, encodeValues, packCodes, packedBytes, VALUE_BYTES, type ValueFormat } from './values.js'
import type { Fill, Workspace } from './workspace.js'

/** How rows are stored. */
export interface Grids {
  columns: number
  bits: number
  /** Entries of a row that share a scale and a zero; 0 is a whole row. */
  group: number
  /** Format of the scales. */
  values: ValueFormat
}

const groupsOf = ({ columns, group }: Grids): { width: number; perRow: number } => {
  const width = Math.min(group || columns, columns)
  return { width, perRow: Math.ceil(columns / width) }
}

/** Bytes of so many rows: scales, codes of zeros, codes. */
export function gridsBytes(grids: Grids, rows: number): number {
  const { columns, bits, values } = grids
  const groups = rows * groupsOf(grids).perRow
  return groups * VALUE_BYTES[values] + packedBytes(groups, bits) + packedBytes(rows * columns, bits)
}

/** The nearest points of `gridOf`, whose scales are rounded to their format. @throws BadValue */
export function encodeGrids(numbers: Float32Array, grids: Grids): Uint8Array {
  const { columns, bits, values } = grids
  const { width, perRow } = groupsOf(grids)
  const rows = numbers.length / columns
  const found = Array.from({ length: rows * perRow }, (_, g) => {
    const from = (g % perRow) * width
    return gridOf(numbers, bits, Math.floor(g / perRow) * columns + from, Math.min(width, columns - from))
  })
  const stored = encodeValues(
    Float32Array.from(found, ({ scale }) => scale),
    values,
  )
  const scales = decodeValues(stored, values)
  const top = 2 ** bits - 1
  const zeros = Uint32Array.from(found, ({ scale, zero }, g) =>
    scales[g] === scale ? zero : Math.min(top, roundEven(Math.fround((zero * scale) / (scales[g] || 1)))),
  )
  const codes = new Uint32Array(numbers.length)
  for (let g = 0, at = 0; g < found.length; g++) {
    const [scale, zero] = [scales[g] || 1, zeros[g]!]
    const end = at + Math.min(width, columns - (g % perRow) * width)
    for (; at < end; at++) codes[at] = Math.min(top, Math.max(0, roundEven(Math.fround(numbers[at]! / scale)) + zero))
  }
  const out = new Uint8Array(gridsBytes(grids, rows))
  out.set(stored)
  const packed = packCodes(zeros, bits)
  out.set(packed, stored.length)
  out.set(packCodes(codes, bits), stored.length + packed.length)
  return out
}

/** Reads so many rows at an address. @throws BadValue */
export function readGrids({ at, rows }: { at: number; rows: number }, grids: Grids, space: Workspace): Fill {
  const { columns, bits, values } = grids
  const { width, perRow } = groupsOf(grids)
  const { kernels } = space
  const groups = rows * perRow
  const [scales, zeros] = [space.take(4 * groups), space.take(4 * groups)]
  space.decode(values, at, groups, scales)
  const packed = at + groups * VALUE_BYTES[values]
  kernels.unpackCodes(packed, 0, groups, bits, zeros)
  const codes = packed + packedBytes(groups, bits)
  return (first, count, to) => {
    kernels.unpackCodes(codes, first, count, bits, to)
    kernels.levels(to, first, count, columns, width, scales, zeros)
  }
}
