// BitDelta's stored form: one sign bit per entry in 32-bit words, and one scale.
import { decodeValues, encodeValues, type ValueFormat } from '../kernels/index.js'
import { countEntries } from '../tensor/index.js'

export interface Signs {
  shape: readonly number[]
  /**
   * [ceil(columns / 32), rows] row-major, as the kernel of BitDelta reads them: bit j (least significant first) of word [i, c] is
   * 1 where entry [c, 32 i + j] is at least 0. Bits beyond the last column are 0. A vector is one row.
   */
  words: Int32Array
  /** The scale. */
  alpha: Float32Array
}

const sizesOf = (shape: readonly number[]) => {
  const columns = shape.at(-1) ?? 1
  const rows = countEntries(shape) / columns
  return { rows, columns, tall: Math.ceil(columns / 32) }
}

/** Signs of a delta with its mean magnitude as scale, or another one. */
export function encodeSigns(delta: Float32Array, shape: readonly number[], alpha?: number): Signs {
  const { add, end } = collectSigns(shape)
  add(delta)
  return end(alpha)
}

/** The same, of a delta that comes in parts of whole rows. */
export function collectSigns(shape: readonly number[]) {
  const { rows, columns, tall } = sizesOf(shape)
  const words = new Int32Array(tall * rows)
  let [sum, row] = [0, 0]
  return {
    add(delta: Float32Array): void {
      for (let at = 0; at < delta.length; row++)
        for (let j = 0; j < columns; j++, at++) {
          if (delta[at]! >= 0) words[(j >>> 5) * rows + row]! |= 1 << (j & 31)
          sum += Math.abs(delta[at]!)
        }
    },
    end: (alpha = sum / (rows * columns)): Signs => ({ shape, words, alpha: Float32Array.of(alpha) }),
  }
}

/**
 * Lines of base + signs as BitDelta's loader adds them: sign × scale is rounded to the format of the weights, and so is their sum.
 * @param base of these lines
 * @throws BadValue for a sum that is too large
 */
export function addSigns(
  base: Float32Array,
  { shape, words, alpha }: Signs,
  { lines, dtype }: { lines: { from: number; to: number }; dtype: ValueFormat },
): Float32Array {
  const { rows, columns } = sizesOf(shape)
  const [scale] = decodeValues(encodeValues(alpha, dtype), dtype)
  const out = new Float32Array(base.length)
  for (let c = lines.from, at = 0; c < lines.to; c++)
    for (let j = 0; j < columns; j++, at++)
      out[at] = base[at]! + ((words[(j >>> 5) * rows + c]! >>> (j & 31)) & 1 ? scale! : -scale!)
  return decodeValues(encodeValues(out, dtype), dtype)
}
