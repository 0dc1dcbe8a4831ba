// Functions that a backend may compute at once, value and derivative. Each is defined by a composition of operations, which is what a
// backend without a kernel of its own computes, and what derivatives of its derivative are taken of.
import { tf } from './tf.js'

type Tensor = tf.Tensor

/** What each function is told beside its tensors. */
export interface FusedSettings {
  /** [x [..., d], weight [d]] → x / sqrt(mean x² + ε) · weight. */
  rmsNorm: { epsilon: number }
  /** [x [..., d]] → (x − mean) / sqrt(variance + ε). */
  standardize: { epsilon: number }
  /** [x] → x·Φ(x), or where `near` the approximation by tanh: x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) / 2. */
  gelu: { near: boolean }
  /** [gate, up] → gate / (1 + e^−gate) · up. */
  siluTimes: object
  /**
   * [x [tokens, heads * headDim]] → x·cos + (x·half)·sin, head by head. `turned` entries of a head, from its first on, come in pairs
   * that are half of them apart, and `half` exchanges each pair.
   */
  rotate: { cos: Tensor; sin: Tensor; half: Tensor; turned: number }
  /**
   * [q [rows * columns, heads * headDim], k and v [rows * length, kvHeads * headDim]] → softmax(scale·q·kᵀ + mask)·v, as q. The mask is
   * broadcast to [rows, heads, columns, length] and has no derivative.
   */
  attend: { rows: number; heads: number; kvHeads: number; scale: number; mask: Tensor | null }
  /** [logits [n, classes]] → −log softmax(logits)[label] of each row; labels int32 [n]. */
  crossEntropies: { labels: Tensor }
}

export type FusedName = keyof FusedSettings

/** A function on one backend. Both parts run with the tape off, inside a tidy. */
export interface FusedKernel<N extends FusedName> {
  /** Whether it computes these; the composition does otherwise. */
  takes?(settings: FusedSettings[N]): boolean
  /** @param keep takes tensors for `gradient`; where no gradient is taken they are freed */
  value(inputs: Tensor[], settings: FusedSettings[N], keep: (...tensors: Tensor[]) => void): Tensor
  /** Of the sum of value · dy, with respect to each input. */
  gradient(inputs: Tensor[], dy: Tensor, settings: FusedSettings[N], kept: Tensor[]): Tensor[]
}

const kernels = new Map<string, FusedKernel<FusedName>>()
const keyOf = (name: FusedName, backend: string) => `${name} on ${backend}`

export function registerFused<N extends FusedName>(name: N, backend: string, kernel: FusedKernel<N>): void {
  kernels.set(keyOf(name, backend), kernel as unknown as FusedKernel<FusedName>)
}

/** The function of a composition, by the kernel of the backend where it has one. */
export function fuse<N extends FusedName>(
  name: N,
  compose: (inputs: Tensor[], settings: FusedSettings[N]) => Tensor,
): (inputs: Tensor[], settings: FusedSettings[N]) => Tensor {
  return (inputs, settings) => {
    const kernel = kernels.get(keyOf(name, tf.getBackend())) as FusedKernel<N> | undefined
    return kernel && (kernel.takes?.(settings) ?? true)
      ? atOnce(kernel, compose, inputs, settings)
      : compose(inputs, settings)
  }
}

function atOnce<N extends FusedName>(
  kernel: FusedKernel<N>,
  compose: (inputs: Tensor[], settings: FusedSettings[N]) => Tensor,
  inputs: Tensor[],
  settings: FusedSettings[N],
): Tensor {
  if (!tf.engine().isTapeOn()) return tf.tidy(() => kernel.value(inputs, settings, () => {}))
  return tf.customGrad((...given) => {
    const save = given.pop() as unknown as (tensors: Tensor[]) => void
    const own = given as Tensor[]
    const kept: Tensor[] = []
    const value = kernel.value(own, settings, (...tensors) => void kept.push(...tensors))
    save([...own, ...kept])
    return {
      value,
      gradFunc(dy: Tensor, saved: Tensor[]) {
        const at = saved.slice(0, own.length)
        // On a tape of its own, a derivative is differentiated again: then it must be made of operations that have one.
        return tf.engine().state.gradientDepth > 0
          ? tf.grads((...xs) => compose(xs, settings))(at, dy)
          : tf.tidy(() => kernel.gradient(at, dy, settings, saved.slice(own.length)))
      },
    }
  })(...inputs)
}
