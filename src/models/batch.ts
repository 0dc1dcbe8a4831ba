// A batch: the plain data that tasks make and models read. Token sequences are padded to one length; images have none.

/** The label of a position that is not counted in the loss. */
export const IGNORED = -100

/** What the encoder of an encoder–decoder reads, padded on the right. */
export interface EncoderInput {
  /** Length of each padded prompt. */
  columns: number
  /** Token ids, row-major [rows, columns]. */
  ids: Int32Array
  /** 1 where a token is real, [rows, columns]. */
  mask: Int32Array
}

export interface Batch {
  /** Number of sequences or images. */
  rows: number
  /** Length of each padded sequence, in tokens; 0 for images. */
  columns: number
  /** Token ids, row-major [rows, columns]. */
  ids: Int32Array
  /** 1 where a token is real, 0 where it is padding, [rows, columns]. */
  mask: Int32Array
  /** Rotary/learned position of each token, [rows, columns]. */
  positions: Int32Array
  /**
   * Token ids to be predicted, unshifted as in transformers [rows, columns]; IGNORED is not counted. A causal model
   * predicts labels[i + 1] at i, a masked one labels[i] at i. Where replaced tokens are found: 1 for one of them, else 0.
   */
  labels: Int32Array
  /** Index of each row's item in the list the batches were made from (batches may be sorted by length). */
  items: Int32Array
  /** Flat places (row * columns + column) of the tokens that go through the layers, in rising order: all of them unless given. */
  packed?: Int32Array
  /** Of an encoder–decoder: the prompts. All else is of the sequences that the decoder reads. */
  encoder?: EncoderInput
  /** Segment of each token (sentence pairs), [rows, columns]; all 0 when absent. */
  types?: Int32Array
  /** What a classifier or regressor should give for each row: class index, or value. */
  targets?: Float32Array
  /** Normalised images [rows, channels, height, width]. */
  pixels?: Float32Array
  /** Zero-shot: unit-length text features of the classes [classes, features]. */
  classes?: Float32Array
}

/** Places of the tokens that go through the layers. */
export const tokenPlaces = ({ packed, ids }: Batch): Int32Array => packed ?? Int32Array.from(ids.keys())

/** What `values` [rows, columns] says of these tokens. */
export const ofTokens = ({ packed }: Batch, values: Int32Array): Int32Array =>
  packed ? packed.map((place) => values[place]!) : values

/** A batch of images with the class of each; `items` counts from 0 unless given. */
export function imageBatch(
  pixels: Float32Array,
  targets: ArrayLike<number>,
  more: Pick<Batch, 'classes'> & { items?: Int32Array } = {},
): Batch {
  const none = new Int32Array(0)
  const rows = targets.length
  const items = Int32Array.from({ length: rows }, (_, i) => i)
  return {
    rows,
    columns: 0,
    ids: none,
    mask: none,
    positions: none,
    labels: none,
    items,
    ...more,
    pixels,
    targets: Float32Array.from(targets),
  }
}

/** Rows from … to − 1 of a batch, padded as they are in it. */
export function sliceBatch(batch: Batch, from: number, to: number): Batch {
  const cut = <T extends Int32Array | Float32Array>(values: T): T => {
    const width = values.length / batch.rows
    return values.slice(from * width, to * width) as T
  }
  const { ids, mask, positions, labels, items, encoder, types, targets, pixels } = batch
  return {
    ...batch,
    rows: to - from,
    ids: cut(ids),
    mask: cut(mask),
    positions: cut(positions),
    labels: cut(labels),
    items: cut(items),
    ...(encoder && { encoder: { columns: encoder.columns, ids: cut(encoder.ids), mask: cut(encoder.mask) } }),
    ...(types && { types: cut(types) }),
    ...(targets && { targets: cut(targets) }),
    ...(pixels && { pixels: cut(pixels) }),
  }
}
