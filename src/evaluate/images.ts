// Images as batches for a model with a classification head.
import { readPixels, type ImageReader } from '../tasks/pixels.js'
import type { Item } from '../tasks/task.js'
import { imageBatch, type Batch } from '../tensor/index.js'

/** Values of one batch's pixels at most; and images, where they are small. */
const VALUES = 1 << 24
const IMAGES = 128

/** Batches of images in the order of the items, with the class of each as its target. */
export function imageBatches(items: readonly Item[], reader: ImageReader): Batch[] {
  const { height, width } = reader.size
  const rows = Math.max(1, Math.min(IMAGES, Math.floor(VALUES / (3 * height * width))))
  return Array.from({ length: Math.ceil(items.length / rows) }, (_, part) => {
    const chosen = items.slice(part * rows, (part + 1) * rows)
    const pixels = readPixels(chosen.map(({ image, crop }) => ({ image: image!, crop })), reader)
    return imageBatch(pixels, chosen.map(({ label }) => label!), { items: Int32Array.from(chosen, (_, i) => part * rows + i) })
  })
}
