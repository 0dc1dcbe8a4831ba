// The two blocks that hold a whole vocabulary: the lookup of token embeddings and the projection onto logits. Both may be
// applied to a part of the vocabulary at a time.
import { type Tensor, tf } from '../tensor/index.js'
import type { Block } from './model.js'

/** Rows `ids` of the matrix. With a part of the rows, from `from` on, ids outside it give 0, so that the parts add up. */
export function lookUp(matrix: Tensor, ids: Tensor, from: number, vocabulary: number): Tensor {
  const count = matrix.shape[0]
  if (count === vocabulary) return tf.gather(matrix, ids as tf.Tensor1D)
  const at = ids.sub(tf.scalar(from, 'int32'))
  const inside = at
    .greaterEqual(tf.scalar(0, 'int32'))
    .logicalAnd(at.less(tf.scalar(count, 'int32')))
    .toFloat()
  return tf.gather(matrix, at.mul(inside.toInt()).toInt() as tf.Tensor1D).mul(inside.expandDims(1))
}

/** Token ids → embeddings [rows * columns, width], times `scale`; 0 for ids that the matrix has no row for, where `vocabulary` counts more. */
export function embedBlock(matrix: string, vocabulary: number, scale = 1): Block {
  return {
    name: 'embed',
    weights: [matrix],
    split: { weights: [matrix], join: 'sum' },
    apply(weights, _, { ids }, from) {
      const found = lookUp(weights[matrix]!, ids, from, vocabulary)
      return scale === 1 ? found : found.mul(scale)
    },
  }
}

/** Hidden states → logits [wanted, vocabulary]: h·Wᵀ (+ b), and what `finish` makes of each. */
export function projectBlock(matrix: string, bias?: string, finish?: (x: Tensor) => Tensor): Block {
  const weights = bias ? [matrix, bias] : [matrix]
  return {
    name: 'head',
    weights,
    split: { weights, join: 'concat', ...(finish && { finished: true }) },
    apply(held, hidden) {
      const product = tf.matMul(hidden as tf.Tensor2D, held[matrix] as tf.Tensor2D, false, true)
      const outputs = bias ? product.add(held[bias]!) : product
      return finish ? finish(outputs) : outputs
    },
  }
}

/** The rows of hidden states whose outputs are wanted. */
export function pickWanted(hidden: Tensor, wanted?: Tensor): Tensor {
  return wanted ? tf.gather(hidden, wanted as tf.Tensor1D) : hidden
}
