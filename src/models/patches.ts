// Images as sequences: square patches in reading order (Dosovitskiy et al. 2021), behind a class token where the model has one.

import { UserError } from '../errors/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import type { Batch } from './batch.js'
import { type Config, countOf } from './config.js'
import type { Block } from './model.js'

export interface ImageSizes {
  channels: number
  /** Side of an image, and of a patch, in pixels. */
  image: number
  patch: number
  /** Patches and the class token. */
  sequence: number
  /** Class tokens. */
  tokens: 0 | 1
}

export function readImageSizes(config: Config, tokens: 0 | 1 = 1): ImageSizes {
  const [image, patch, channels] = [
    countOf(config, 'image_size', 224),
    countOf(config, 'patch_size'),
    countOf(config, 'num_channels', 3),
  ]
  if (patch > image) throw new UserError(`config.json: patch_size ${patch} is larger than image_size ${image}`)
  return { channels, image, patch, sequence: Math.floor(image / patch) ** 2 + tokens, tokens }
}

/**
 * `patches` [rows * sequence, channels * patch²]: each patch as channel, y, x, like a convolution's kernel; the class
 * token's row is 0. `first` [sequence, 1] is 1 at the class token, in a model that has one.
 */
export function patchTables(
  { rows, pixels }: Batch,
  { channels, image, patch, sequence, tokens }: ImageSizes,
): Record<string, Tensor> {
  if (pixels?.length !== rows * channels * image * image) {
    const given = pixels ? `${pixels.length} values in ${rows} rows` : 'a batch without pixels'
    throw new UserError(`the model reads images [${channels}, ${image}, ${image}]; got ${given}`)
  }
  const side = Math.floor(image / patch)
  const values = new Float32Array(rows * sequence * channels * patch * patch)
  for (let row = 0; row < rows; row++) {
    for (let at = 0; at < side * side; at++) {
      const [top, left] = [Math.floor(at / side) * patch, (at % side) * patch]
      let to = (row * sequence + tokens + at) * channels * patch * patch
      for (let channel = 0; channel < channels; channel++) {
        for (let y = 0; y < patch; y++, to += patch) {
          const from = ((row * channels + channel) * image + top + y) * image + left
          values.set(pixels.subarray(from, from + patch), to)
        }
      }
    }
  }
  const first = Float32Array.from({ length: sequence }, (_, i) => (i < tokens ? 1 : 0))
  return {
    patches: tf.tensor2d(values, [rows * sequence, channels * patch * patch]),
    first: tf.tensor2d(first, [sequence, 1]),
  }
}

/** Patch embedding (+ bias), class token where there is one, and learned positions → [rows * sequence, width]. */
export function patchBlock(
  names: { kernel: string; bias?: string; token?: string; position: string },
  width: number,
): Block {
  const { kernel, bias, token, position } = names
  return {
    name: 'embed',
    weights: [kernel, ...(token ? [token] : []), position, ...(bias ? [bias] : [])],
    apply(weights, _, { rows, columns, tables: { patches, first } }) {
      const embedded = tf.matMul(
        patches as tf.Tensor2D,
        weights[kernel]!.reshape([width, -1]) as tf.Tensor2D,
        false,
        true,
      )
      const positions = weights[position]!.reshape([columns, width])
      const placed = token ? positions.add(first!.mul(weights[token]!.reshape([1, width]))) : positions
      const offset = bias ? placed.add(first!.mul(-1).add(1).mul(weights[bias]!)) : placed
      return embedded
        .reshape([rows, columns, width])
        .add(offset)
        .reshape([rows * columns, width])
    },
  }
}
