// The transpose of plain values.

/** Entries of a row or column that are turned together, so that both sides stay in the processor's caches. */
const TILE = 32

/** The transpose of a matrix [rows, columns], or of each matrix of a batch [count, rows, columns]; row-major, in a new array. */
export function turnMatrices(values: Float32Array, shape: readonly number[]): Float32Array {
  const [rows, columns] = shape.slice(-2) as [number, number]
  const out = new Float32Array(values.length)
  for (let start = 0; start < values.length; start += rows * columns)
    for (let top = 0; top < rows; top += TILE)
      for (let left = 0; left < columns; left += TILE)
        for (let i = top; i < Math.min(rows, top + TILE); i++)
          for (let j = left; j < Math.min(columns, left + TILE); j++)
            out[start + j * rows + i] = values[start + i * columns + j]!
  return out
}

/** The shape of what `turnMatrices` gives. */
export const turnedShape = (shape: readonly number[]): number[] => [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!]
