// Uniform quantisation of the delta: every group of a row gets 2^bits levels between its least and its largest value.
import { z } from 'zod'
import { type EntriesProgram, gridOf, LONGEST_ROW } from '../kernels/index.js'
import { countEntries, tf } from '../tensor/index.js'
import { denseBits } from './bits.js'
import { defineEditor } from './define.js'

const options = z.strictObject({
  bits: z.int().min(1).max(16).describe('Bits per entry; the levels are even, with 0 among them.'),
  group: z
    .int()
    .min(0)
    .default(128)
    .describe('Entries of a row that share a scale and a zero point; 0 is a whole row.'),
})

/** The grid of every group. */
interface Grids {
  columns: number
  /** Entries of a group, and groups of a row. */
  width: number
  perRow: number
  scales: Float32Array
  zeros: Float32Array
}

const layout = (shape: readonly number[], group: number) => {
  const columns = shape.at(-1) ?? 1
  const width = group || columns
  return { columns, width, perRow: Math.ceil(columns / width) }
}

/** The same on kernels. */
function* roundRows(bits: number, width: number): EntriesProgram<readonly string[]> {
  yield { stage: 'quantise', bits, width }
  return []
}

export const quantise = defineEditor({
  name: 'quantise',
  title: 'Rounds entries to even levels between the least and the largest of their group.',
  cite: 'Round to nearest as in Frantar et al. 2023 (GPTQ), arXiv 2210.17323, and in Delta-CoMe, arXiv 2406.08903',
  options,
  axis: 'bits',
  reads: 'tensor',
  scanTensor(values, { bits, group }, { shape }): Grids {
    const { columns, width, perRow } = layout(shape, group)
    const grids = Array.from({ length: (values.length / columns) * perRow }, (_, g) => {
      const from = (g % perRow) * width
      return gridOf(values, bits, Math.floor(g / perRow) * columns + from, Math.min(width, columns - from))
    })
    return {
      columns,
      width,
      perRow,
      scales: Float32Array.from(grids, ({ scale }) => scale),
      zeros: Float32Array.from(grids, ({ zero }) => zero),
    }
  },
  edit(delta, { options: { bits }, scanned: { columns, width, perRow, scales, zeros }, offset }) {
    const groups = Int32Array.from({ length: delta.size }, (_, i) => {
      const at = offset + i
      return Math.floor(at / columns) * perRow + Math.floor((at % columns) / width)
    })
    const index = tf.tensor(groups, delta.shape, 'int32')
    const [scale, zero] = [tf.gather(tf.tensor1d(scales), index), tf.gather(tf.tensor1d(zeros), index)]
    // round goes to the even neighbour at a half.
    return delta
      .div(scale)
      .round()
      .add(zero)
      .clipByValue(0, 2 ** bits - 1)
      .sub(zero)
      .mul(scale)
  },
  program: ({ bits, group }, { columns }) => (columns > LONGEST_ROW ? null : roundRows(bits, group || columns)),
  /** bits for every entry; 16 + bits for the scale and the zero point of every group; never more than dense. */
  bits({ bits, group }, { shape }) {
    const { columns, perRow } = layout(shape, group)
    return Math.min(
      denseBits(shape),
      bits * countEntries(shape) + (16 + bits) * perRow * (countEntries(shape) / columns),
    )
  },
})
