// The sign of every entry. The stock kernel of the wasm backend (4.22) calls magnitudes up to 1e-7 zero, which is the size
// of a small delta.
import * as tf from '@tensorflow/tfjs'

/** -1, 0 or +1 per entry, float32, any shape. */
export const signs = (x: tf.Tensor): tf.Tensor => tf.tidy(() => x.greater(0).cast('float32').sub(x.less(0).cast('float32')))
