// A padded batch of token sequences: the plain data that tasks make and models read. Rows are right-padded.

/** The label of a position that is not counted in the loss. */
export const IGNORED = -100

export interface Batch {
  /** Number of sequences. */
  rows: number
  /** Length of each padded sequence, in tokens. */
  columns: number
  /** Token ids, row-major [rows, columns]. */
  ids: Int32Array
  /** 1 where a token is real, 0 where it is padding, [rows, columns]. */
  mask: Int32Array
  /** Rotary/learned position of each token, [rows, columns]. */
  positions: Int32Array
  /** Token ids to be predicted, unshifted as in transformers: the logits at i predict labels[i + 1]; IGNORED is not counted. */
  labels: Int32Array
  /** Index of each row's item in the list the batches were made from (batches may be sorted by length). */
  items: Int32Array
}
