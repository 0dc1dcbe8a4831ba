// The head of a zero-shot classifier of images: the features of an image against those of texts that name the classes.
import { UserError } from '../errors/index.js'
import { rsqrt, type Tensor, tf } from '../tensor/index.js'
import { exp } from './activations.js'
import type { Batch } from './batch.js'
import type { Block } from './model.js'
import type { Shapes } from './shapes.js'

/** The text features of the classes [classes, width], where the batch has them. */
export const classTable = ({ classes }: Batch, width: number): Record<string, Tensor> =>
  classes ? { classes: tf.tensor2d(classes, [classes.length / width, width]) } : {}

/**
 * exp(scale)·(f / |f|)·classesᵀ (+ bias), the batch's text features being of unit length.
 * @param scalar shape of the scale, and of SigLIP's bias, which moves the outputs of all classes alike
 */
export function zeroShotBlock(book: Shapes, scalar: [] | [1], bias = false): Block {
  const weights = ['logit_scale', ...(bias ? ['logit_bias'] : [])]
  for (const name of weights) book.shapes[name] = scalar
  return {
    name: 'head',
    weights,
    apply(weights, hidden, { tables }) {
      if (!tables.classes)
        throw new UserError('a zero-shot model needs the text features of the classes in its batches')
      const unit = hidden!.mul(rsqrt(hidden!.square().sum(-1, true)))
      const alike = tf.matMul(unit as tf.Tensor2D, tables.classes as tf.Tensor2D, false, true)
      const scaled = alike.mul(exp(weights.logit_scale!))
      return bias ? scaled.add(weights.logit_bias!) : scaled
    },
  }
}
