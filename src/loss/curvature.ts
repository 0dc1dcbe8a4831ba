// Curvature of the summed loss along many directions T from few passes. Its second derivative in the weights is taken as JᵀBBᵀJ, with the
// Jacobian J of the outputs and the second derivative BBᵀ of the loss in them (Gauss–Newton; of a cross-entropy the Fisher information).
// For standard normal ξ the mean of ⟨JᵀBξ, T⟩² is TᵀJᵀBBᵀJT: one backward pass of Bξ serves all directions, and needs no labels.
import type { Model, Objective } from '../models/index.js'
import { differentiable, type Key, logSums, normals, softmax, type Tensor, tf } from '../tensor/index.js'
import type { End, EndSums } from './end.js'

/** Of each output, where they come in parts: the log of summed exponentials, and Σ √p ξ. */
interface DrawSums extends EndSums {
  high: Tensor
  dot: Tensor
}

/** Noise of the rows that are looked at, the first of which is row `row` of all. */
type Noise = (like: Tensor, row: number) => Tensor

/** Entries of outputs that are worked on at a time: what is made on the way would be several times the logits of a vocabulary. */
const ENTRIES = 1 << 20

/** What is made of outputs [n, width], some rows at a time. @param row the first of the rows among all */
function byRows(x: Tensor, make: (rows: (of: Tensor) => Tensor, row: number) => Tensor): Tensor {
  const [count, width] = [x.shape[0]!, x.size / (x.shape[0]! || 1)]
  const step = Math.max(1, Math.floor(ENTRIES / width))
  if (count <= step) return make((of) => of, 0)
  const parts = Array.from({ length: Math.ceil(count / step) }, (_, i) =>
    tf.tidy(() => make((of) => of.slice(i * step, Math.min(step, count - i * step)), i * step)),
  )
  return tf.concat(parts, 0)
}

/** Bξ of outputs [n, width]: of a softmax p, whose second derivative is diag p − ppᵀ, B = diag √p − p√pᵀ. */
function drawOf(objective: Objective, outputs: Tensor, noise: Noise): Tensor {
  if (objective === 'value') return noise(outputs, 0).mul(Math.SQRT2)
  if (objective === 'replaced') {
    // One logit, beside that of the other outcome, which is 0: the second derivative is p (1 − p).
    const p = outputs.sigmoid()
    return p.sub(p.square()).sqrt().mul(noise(outputs, 0))
  }
  return byRows(outputs, (rows, row) => {
    const p = softmax(rows(outputs))
    const drawn = p.sqrt().mul(noise(p, row))
    return drawn.sub(p.mul(drawn.sum(-1, true)))
  })
}

function addDraws(state: DrawSums | null, outputs: Tensor, noise: Noise): DrawSums {
  const own = logSums(outputs as tf.Tensor2D)
  const high: Tensor = state ? tf.logSumExp(tf.stack([state.high, own], 1), 1) : own
  const dot = byRows(outputs, (rows, row) => {
    const some = rows(outputs)
    return some.sub(rows(high).expandDims(1)).div(2).exp().mul(noise(some, row)).sum(1)
  })
  return { high, dot: state ? dot.add(state.dot.mul(state.high.sub(high).div(2).exp())) : dot }
}

const drawOfPart = (outputs: Tensor, noise: Noise, { high, dot }: DrawSums): Tensor =>
  byRows(outputs, (rows, row) => {
    const p = rows(outputs).sub(rows(high).expandDims(1)).exp()
    return p
      .sqrt()
      .mul(noise(p, row))
      .sub(p.mul(rows(dot).expandDims(1)))
  })

/** A place of outputs has the same noise however they are cut: its number is row × columns of all + column. */
const noiseOf =
  (key: Key, { from, columns }: { from: number; columns: number | undefined }): Noise =>
  ({ shape, size }, row) => {
    const width = shape[1] ?? 1
    const all = columns ?? width
    if (width === all) return tf.tensor(normals(size, key, row * all), shape)
    const values = new Float32Array(size)
    for (let i = 0; i < size / width; i++) values.set(normals(width, key, (row + i) * all + from), i * width)
    return tf.tensor(values, shape)
  }

/** The end of a backward pass of Bξ. Draws depend on the key of the pass alone, and not on the parts of its outputs. */
export function curvatureEnd({ objective }: Model, keyFor: (pass: number) => Key): End {
  return {
    open: async ({ part, stretch }) => {
      const cut = { from: part?.from ?? 0, columns: stretch.parts.at(-1)?.to }
      const noise = (pass: number): Noise => noiseOf(keyFor(pass), cut)
      return {
        fold: (state, outputs, _, i) => addDraws(state as DrawSums | null, outputs, noise(i)),
        close(i, sums) {
          const pull = (x: Tensor) =>
            sums ? drawOfPart(x, noise(i), sums as DrawSums) : drawOf(objective, x, noise(i))
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
