// The result of an edit or a merge: the edited weights, the change T = F(Δ) − Δ, and counts and norms.
import type { Role } from '../checkpoint/index.js'
import type { Edit } from '../config/index.js'
import type { ChangeSums } from '../editors/index.js'
import type { Scores } from '../evaluate/index.js'
import type { Change, Loss, LossKind } from '../loss/index.js'
import type { Source, Steer, Weights } from '../models/index.js'
import type { Task } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import { type Rest, withoutDominant } from './dominant.js'
import type { LoadedPair } from './loaded-pair.js'

export interface EditedModel extends Counts {
  /** All weights of the edited model, held or read block by block. */
  weights: Weights | Source
  change: Change | Steer
  /** Set if every item has its own weights; `weights` and `change` then belong to the model that the items share. */
  routed?: RoutedModel
  dispose(): void | Promise<void>
}

/** An edited model in memory. It shares the tensors that were not edited with the post-trained model; `dispose` frees only the others. */
export interface HeldModel extends EditedModel {
  weights: Weights
  change: Change
  dispose(): void
}

/** Measures the items of a task, each with its own weights. */
export interface RoutedModel {
  loss(task: Task, kind: LossKind): Promise<Loss>
  score(task: Task): Promise<Scores>
  /** Scores by name of the items' models beside post. */
  compare(task: Task): Promise<Record<string, number>>
  /** Share of the items whose highest gate belongs to the loaded post; null if that post is not merged. */
  accuracy(task: Task): Promise<number | null>
}

/** Totals over the edited tensors. Norms are Euclidean. */
export interface Counts {
  tensors: ReadonlyMap<string, TensorSums>
  parameters: number
  /** Non-zero entries of the edited delta. Null, like `editNorm`, if every item has its own weights. */
  kept: number | null
  /** Null for a merge: it has no stored form of its own. */
  bitsPerParameter: number | null
  deltaNorm: number
  editNorm: number | null
  /** Without the tensors that dominate the delta; null if every item has its own weights. */
  rest: Rest | null
}

/** An edited tensor: number of entries, norms of the delta and of the change, and role in the model. */
export interface TensorSums {
  role: Role
  parameters: number
  deltaNorm: number
  editNorm: number
}

/** Counts of one tensor. */
export interface TensorCounts extends Pick<ChangeSums, 'kept' | 'changeSquares'> {
  role: Role
  parameters: number
  /** Squared norm of post − base. */
  deltaSquares: number
  /** Bits that store the edited delta; null where it has no stored form. */
  bits: number | null
}

/** Adds up the counts of tensors, in the order given. Sums are float64. */
export function countTensors() {
  const tensors = new Map<string, TensorSums>()
  const squares = new Map<string, { delta: number; change: number }>()
  let [parameters, kept, deltaSquares, changeSquares] = [0, 0, 0, 0]
  let bits: number | null = 0
  return {
    add(name: string, one: TensorCounts): void {
      const { role, deltaSquares: delta, changeSquares: change } = one
      tensors.set(name, {
        role,
        parameters: one.parameters,
        deltaNorm: Math.sqrt(delta),
        editNorm: Math.sqrt(change),
      })
      squares.set(name, { delta, change })
      parameters += one.parameters
      kept += one.kept
      deltaSquares += delta
      changeSquares += change
      bits = bits === null || one.bits === null ? null : bits + one.bits
    },
    finish: (): Counts => ({
      tensors,
      parameters,
      kept,
      bitsPerParameter: bits === null ? null : bits / (parameters || 1),
      deltaNorm: Math.sqrt(deltaSquares),
      editNorm: Math.sqrt(changeSquares),
      rest: withoutDominant(squares),
    }),
  }
}

/** Takes an edited tensor: F(Δ) where the edit is on the delta, else the edited weights. */
export type TakeTensor = (
  name: string,
  on: Edit['on'],
  values: Float32Array,
  counts: Omit<TensorCounts, 'role' | 'parameters'>,
) => Promise<void>

/** Collects the edited tensors that `work` hands over, in memory. After an error they are freed. */
export async function holdModel(home: LoadedPair, work: (take: TakeTensor) => Promise<void>): Promise<HeldModel> {
  const edited: Weights = {}
  const change: Change = new Map()
  const counter = countTensors()
  const take: TakeTensor = async (name, on, values, counts) => {
    const { delta, base, post, role, shape } = home.tensor(name)
    const after = (await post.data()) as Float32Array
    const weights = new Float32Array(values.length)
    const step = new Float32Array(values.length)
    for (let i = 0; i < step.length; i++) {
      const value = values[i]!
      step[i] = value - (on === 'delta' ? delta[i]! : after[i]!)
      // base + (post − base) is not post to the last bit; an entry that does not change keeps its post-trained value.
      weights[i] = step[i] === 0 ? after[i]! : on === 'delta' ? base[i]! + value : value
    }
    edited[name] = tf.tensor(weights, shape)
    change.set(name, step)
    counter.add(name, { ...counts, role, parameters: values.length })
  }
  try {
    await work(take)
  } catch (error) {
    tf.dispose(edited)
    throw error
  }
  return {
    ...counter.finish(),
    weights: { ...home.post, ...edited },
    change,
    dispose: () => tf.dispose(edited),
  }
}
