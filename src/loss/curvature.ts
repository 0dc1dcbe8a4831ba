// Curvature of the summed loss along many directions T from few passes. Its second derivative in the weights is taken as JᵀBBᵀJ, with the
// Jacobian J of the outputs and the second derivative BBᵀ of the loss in them (Gauss–Newton; of a cross-entropy the Fisher information).
// For standard normal ξ the mean of ⟨JᵀBξ, T⟩² is TᵀJᵀBBᵀJT: one backward pass of Bξ serves all directions, and needs no labels.
import type { Model, Objective } from '../models/index.js'
import { differentiable, type Key, keyedNormal, keyOf, logSums, softmax, type Tensor, tf } from '../tensor/index.js'
import type { End, EndSums } from './end.js'

/** Of each output, where they come in parts: the log of summed exponentials, and Σ √p ξ. */
interface DrawSums extends EndSums {
  high: Tensor
  dot: Tensor
}

/** Bξ of outputs [n, width]: of a softmax p, whose second derivative is diag p − ppᵀ, B = diag √p − p√pᵀ. */
function drawOf(objective: Objective, outputs: Tensor, noise: () => Tensor): Tensor {
  if (objective === 'value') return noise().mul(Math.SQRT2)
  if (objective === 'replaced') {
    // One logit, beside that of the other outcome, which is 0: the second derivative is p (1 − p).
    const p = outputs.sigmoid()
    return p.sub(p.square()).sqrt().mul(noise())
  }
  const p = softmax(outputs)
  const drawn = tf.tidy(() => p.sqrt().mul(noise()))
  return drawn.sub(p.mul(drawn.sum(-1, true)))
}

function addDraws(state: DrawSums | null, outputs: Tensor, noise: Tensor): DrawSums {
  const own = logSums(outputs as tf.Tensor2D)
  const high: Tensor = state ? tf.logSumExp(tf.stack([state.high, own], 1), 1) : own
  const dot = outputs.sub(high.expandDims(1)).div(2).exp().mul(noise).sum(1)
  return { high, dot: state ? dot.add(state.dot.mul(state.high.sub(high).div(2).exp())) : dot }
}

function drawOfPart(outputs: Tensor, noise: Tensor, { high, dot }: DrawSums): Tensor {
  const p = outputs.sub(high.expandDims(1)).exp()
  return p
    .sqrt()
    .mul(noise)
    .sub(p.mul(dot.expandDims(1)))
}

/** The end of a backward pass of Bξ. Draws depend on the key, the pass and the part alone. */
export function curvatureEnd({ objective }: Model, key: Key): End {
  return {
    open: async ({ part }) => {
      const from = part?.from ?? 0
      const noiseOf = (outputs: Tensor, pass: number): Tensor => keyedNormal(outputs.shape, keyOf(...key, pass, from))
      return {
        fold: (state, outputs, _, i) => addDraws(state as DrawSums | null, outputs, noiseOf(outputs, i)),
        close(i, sums) {
          const pull = (x: Tensor) =>
            sums ? drawOfPart(x, noiseOf(x, i), sums as DrawSums) : drawOf(objective, x, () => noiseOf(x, i))
          const total = differentiable(
            (x) => x.sum(),
            (x, dy) => tf.tidy(() => pull(x)).mul(dy),
          )
          return { name: 'draw', tensors: null, apply: (outputs) => ({ value: total(outputs) }) }
        },
        dispose: () => {},
      }
    },
    finish: () => [],
    dispose: () => {},
  }
}
