// Sampled tokens by the Gumbel-max trick: the argmax of logits / temperature + Gumbel noise is a draw from their softmax. The noise of
// a token depends on the seed, the answer's number, the step and the token alone, so neither batches nor blocks of the vocabulary change a draw.
import { type Key, keyOf, type Tensor, tf, uniformAt } from '../tensor/index.js'

/** How tokens are drawn. */
export interface Sampling {
  /** Divides the logits: 1 draws from the model's own distribution, towards 0 the likeliest token is taken. */
  temperature: number
  seed: number
}

/** Keys of the draws of one step, for answers by their numbers. */
export const keysOf = ({ seed }: Sampling, numbers: readonly number[], step: number): Key[] =>
  numbers.map((number) => keyOf('sample', seed, number, step))

/** Logits [rows, part of the vocabulary from `from` on] with the noise that makes their highest a draw. */
export function sampled(
  logits: Tensor,
  from: number,
  { temperature, keys }: Pick<Sampling, 'temperature'> & { keys: readonly Key[] },
): Tensor {
  const [rows, columns] = logits.shape as [number, number]
  const noise = new Float32Array(rows * columns)
  // A uniform may be 0, whose noise would be infinite.
  for (const [row, key] of keys.entries())
    for (let i = 0; i < columns; i++)
      noise[row * columns + i] = -Math.log(-Math.log(Math.max(uniformAt(key, from + i), 2 ** -54)))
  return tf.tidy(() => logits.div(temperature).add(tf.tensor2d(noise, [rows, columns])))
}
