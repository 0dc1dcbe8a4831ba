// Rows of matrices that llama.cpp's converter has put into another order, by blocks of them.

/** Rows of a matrix are in so many blocks of one size. */
export interface RowOrder {
  /** NaN for numbers of heads that do not fit each other. */
  blocks: number
  /** The rows of a block are a multiple of this. */
  multiple: 1 | 2
  /** Which stored block a block is. */
  block(at: number): number
  /** Which of the `size` rows of the stored block a row is. */
  row(at: number, size: number): number
}

/** Rows of each head are stored in pairs: (heads, size/2, 2), and not (heads, 2, size/2). */
export const paired = (heads: number): RowOrder => ({
  blocks: heads,
  multiple: 2,
  block: (at) => at,
  row: (at, size) => (at % (size / 2)) * 2 + Math.floor(at / (size / 2)),
})

/** Of the first `turning` rows of each head, the even ones are stored before the odd ones. */
export const halved = (heads: number, turning: number): RowOrder => ({
  blocks: heads,
  multiple: 1,
  block: (at) => at,
  row: (at) => (at < turning ? (at % 2) * (turning / 2) + Math.floor(at / 2) : at),
})

/** Queries, keys and values of one matrix are stored one kind after the other, and not in groups of some queries, their key and their value. */
export function grouped(heads: number, keys: number): RowOrder {
  const share = heads / keys
  return {
    blocks: Number.isInteger(share) ? heads + 2 * keys : Number.NaN,
    multiple: 1,
    block(at) {
      const [group, place] = [Math.floor(at / (share + 2)), at % (share + 2)]
      return place < share ? group * share + place : heads + (place - share) * keys + group
    },
    row: (at) => at,
  }
}
