// What an edit or a merge makes of a pair, gathered tensor by tensor: the edited weights, the change T = F(Δ) − Δ, counts, norms.
import type { Edit } from '../config/index.js'
import type { Scores } from '../evaluate/index.js'
import type { Change, Loss } from '../loss/index.js'
import type { Weights } from '../models/index.js'
import type { Task } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import type { LoadedPair } from './loaded-pair.js'

export interface EditedModel {
  /** All weights of the edited model; unedited tensors are those of the post-trained model. */
  weights: Weights
  /** Where every item has weights of its own; `weights` and `change` are then those of the model that they share. */
  routed?: Routed
  change: Change
  tensors: number
  parameters: number
  /** Null, as `editNorm`, where every item has weights of its own. */
  kept: number | null
  /** Null where the edited delta has no stored form of its own: a merge. */
  bitsPerParameter: number | null
  deltaNorm: number
  editNorm: number | null
  /** Norm of the change of each tensor. */
  norms: Map<string, number>
  /** Frees the edited tensors; those of the post-trained model stay. */
  dispose(): void
}

/** What is measured where every item has weights of its own, on all items of a task. */
export interface Routed {
  loss(task: Task): Promise<Loss>
  score(task: Task): Promise<Scores>
  /** Share of the items whose highest gate is that of the resident post; null where it is none of those merged. */
  accuracy(task: Task): Promise<number | null>
}

/** Sums are float64. */
export function gather(home: LoadedPair) {
  const edited: Weights = {}
  const change: Change = new Map()
  const norms = new Map<string, number>()
  let [parameters, kept, deltaSquares, editSquares] = [0, 0, 0, 0]
  let bits: number | null = 0
  return {
    /**
     * Takes one tensor. @param values F(Δ) when the edit is on the delta, else the edited weights
     * @param counted what is stored of it, where that is not `values`
     * @returns the number of entries stored that are not 0
     */
    async add(name: string, values: Float32Array, on: Edit['on'], counted = values): Promise<number> {
      const [delta, base] = [home.delta.get(name)!, home.base.get(name)!]
      const origin = (await home.post[name]!.data()) as Float32Array
      const weights = new Float32Array(values.length)
      const step = new Float32Array(values.length)
      let [squares, deltaPart, nonZero] = [0, 0, 0]
      for (let i = 0; i < step.length; i++) {
        step[i] = values[i]! - (on === 'delta' ? delta[i]! : origin[i]!)
        // base + (post − base) is not post to the last bit; an entry that does not change keeps its post-trained value.
        weights[i] = step[i] === 0 ? origin[i]! : on === 'delta' ? base[i]! + values[i]! : values[i]!
        squares += step[i]! * step[i]!
        deltaPart += delta[i]! * delta[i]!
        if (counted[i] !== 0) nonZero++
      }
      edited[name] = tf.tensor(weights, [...home.shapes[name]!])
      change.set(name, step)
      norms.set(name, Math.sqrt(squares))
      parameters += values.length
      kept += nonZero
      editSquares += squares
      deltaSquares += deltaPart
      return nonZero
    },
    /** Adds the bits of a tensor; null when it has no stored form. */
    store(more: number | null) {
      bits = bits === null || more === null ? null : bits + more
    },
    finish: (): EditedModel => ({
      weights: { ...home.post, ...edited },
      change,
      tensors: change.size,
      parameters,
      kept,
      bitsPerParameter: bits === null ? null : bits / (parameters || 1),
      deltaNorm: Math.sqrt(deltaSquares),
      editNorm: Math.sqrt(editSquares),
      norms,
      dispose: () => tf.dispose(edited),
    }),
  }
}
