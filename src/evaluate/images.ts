// Images as batches for a model with a classification head.
import { type Batch, imageBatch } from '../models/index.js'
import { type ImageReader, type ImageTask, readPixels } from '../tasks/index.js'

/** Values of one batch's pixels at most; and images, where they are small: so many for a batch of so many tokens of text. */
const VALUES = 1 << 24
const IMAGES = 128
const TOKENS = 4096
/** Values kept of all batches together; images beyond them are read again in every pass, for a set of them may be larger than memory. */
const KEPT = 1 << 26

const valuesOf = ({ size }: ImageReader) => 3 * size.height * size.width

/** @param batchTokens what a batch of text would have */
export const imagesPerBatch = (reader: ImageReader, batchTokens = TOKENS): number =>
  Math.max(1, Math.min(Math.floor((IMAGES * batchTokens) / TOKENS), Math.floor(VALUES / valuesOf(reader))))

/**
 * Batches of images in the order of the items, with the class of each as its target, and the features of the classes where
 * the task has them. Pixels are read when they are asked for: batches that turn out to be too large have cost nothing.
 * @param batchTokens what a batch of text would have, fewer where memory is bounded
 */
export function imageBatches(
  { items, features }: Pick<ImageTask, 'items' | 'features'>,
  reader: ImageReader,
  batchTokens = TOKENS,
): Batch[] {
  const [size, rows] = [valuesOf(reader), imagesPerBatch(reader, batchTokens)]
  return Array.from({ length: Math.ceil(items.length / rows) }, (_, part) => {
    const chosen = items.slice(part * rows, (part + 1) * rows)
    const mayKeep = (part + 1) * rows * size <= KEPT
    let kept: Float32Array | undefined
    const read = (): Float32Array => {
      const pixels = kept ?? readPixels(chosen, reader)
      if (mayKeep) kept = pixels
      return pixels
    }
    const batch = imageBatch(
      new Float32Array(0),
      chosen.map(({ label }) => label),
      { items: Int32Array.from(chosen, (_, i) => part * rows + i), ...(features && { classes: features }) },
    )
    return Object.defineProperty(batch, 'pixels', { get: read, enumerable: true })
  })
}
