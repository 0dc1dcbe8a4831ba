// Images with their classes.

import { UserError } from '../errors/index.js'
import { imageBatch } from '../models/index.js'
import { track } from '../progress/index.js'
import { type ImageReader, imagesIn, readPixels, readRows } from '../tasks/index.js'
import { keyOf, uniformAt } from '../tensor/index.js'
import { type Batches, type DataOptions, visits } from './data.js'

/**
 * JSONL of {image, crop, label}. Where `label` is a list (the attributes of a scene), each visit trains on one of
 * them, drawn at random: the outputs then share their probability among all labels of the image.
 */
export async function pictureBatches(
  file: string,
  reader: ImageReader,
  outputs: number,
  options: DataOptions,
): Promise<Batches> {
  const images = imagesIn(file, await readRows(file))
  const stray = images.find(({ labels }) => labels.some((label) => label >= outputs))
  if (stray)
    throw new UserError(
      `${file}: item ${stray.id} has a label above ${outputs - 1}, and the model has ${outputs} outputs`,
    )
  const pixels = await track({ name: 'read the images', unit: 'images', total: images.length }, async ({ add }) =>
    readPixels(images, reader, add),
  )
  const size = pixels.length / images.length
  const visited = visits(file, images.length, options)
  return (step) =>
    visited(step).map((part) => {
      const chosen = new Float32Array(part.length * size)
      part.forEach(({ item }, row) => chosen.set(pixels.subarray(item * size, (item + 1) * size), row * size))
      return imageBatch(
        chosen,
        part.map(({ item, at }) => {
          const { labels } = images[item]!
          return labels[
            labels.length === 1 ? 0 : Math.floor(uniformAt(keyOf(options.seed, 'label', at), 0) * labels.length)
          ]!
        }),
      )
    })
}
