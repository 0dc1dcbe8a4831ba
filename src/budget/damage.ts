// What each candidate of each tensor costs in loss, estimated from the curvature along its change: half of TᵀHT for each counted output. A
// draw of the curvature on one item serves all candidates (loss/curvature.ts). Draws are taken on the way from post to a choice of
// candidates and not at post alone, where a model that is sure of its answers is flat.
import { Workspace } from '../kernels/index.js'
import { holdWithin, pullCurvature } from '../loss/index.js'
import { type Batch, countOutputs, type Model, portionsOf, type Rows, type Weights } from '../models/index.js'
import { track } from '../progress/index.js'
import { freeArrays } from '../stream/index.js'
import { countEntries, keyOf, type Tensor, tf } from '../tensor/index.js'
import type { Candidate } from './candidates.js'

/** A tensor of the model with its candidates. */
export interface Priced {
  name: string
  shape: readonly number[]
  candidates: readonly Candidate[]
}

/** The tensors of a model that may lose, with what their candidates change. */
export interface PricedTensors {
  tensors: readonly Priced[]
  /** A part of the change of a candidate of a tensor, by their numbers, from an entry on: what is written less post. */
  read(tensor: number, candidate: number, from: number, to: Float32Array): void
}

/** The model at post, and the items, a batch each. */
export interface DamageGround {
  model: Model
  post: Weights
  items: readonly Batch[]
  /** Bytes for a pass, beside the weights. */
  room: number
}

/** Places between post (0) and the choice (1); item after item takes the next one. */
const PLACES = [0.25, 0.5, 0.75, 1]
/** Entries of a change that are read at a time. */
const PART = 1 << 16

/** Slopes of draws along the changes: by tensor, candidate and draw. */
export interface Damage {
  /** Draws at the items, on the way to a choice, added to those before. */
  draw(chosen: readonly number[]): Promise<void>
  /** Of each candidate of each tensor, nats for each counted output. */
  costs(): number[][]
  /** Of a choice, with what tensors do to each other. */
  together(chosen: readonly number[]): number
}

export function openDamage({ model, post, items, room }: DamageGround, priced: PricedTensors): Damage {
  const { tensors } = priced
  const slopes = tensors.map(({ candidates }) => candidates.map((): number[] => []))
  const outputs = items.reduce((sum, batch) => sum + countOutputs(model, batch).at.length, 0)
  let rounds = 0
  const mean = (squares: number): number => squares / (2 * outputs * Math.max(1, rounds))
  return {
    async draw(chosen) {
      const round = rounds++
      await track({ name: 'curvature', unit: 'items', total: items.length }, async ({ add }) => {
        for (const [p, place] of PLACES.entries()) {
          if (p >= items.length) break
          const moved = moveAlong(post, priced, chosen, place)
          try {
            for (let i = p; i < items.length; i += PLACES.length) {
              const found = await slopesAt({ model, weights: { ...post, ...moved }, item: items[i]!, room }, priced, [
                round,
                i,
              ])
              for (const [k, own] of found.entries())
                for (const [c, slope] of own.entries()) slopes[k]![c]![round * items.length + i] = slope
              add(1)
            }
          } finally {
            tf.dispose(moved)
          }
        }
      })
    },
    costs: () => slopes.map((own) => own.map((values) => mean(values.reduce((sum, x) => sum + x * x, 0)))),
    together(chosen) {
      const sums = new Float64Array(rounds * items.length)
      for (const [k, own] of slopes.entries()) for (const [at, slope] of own[chosen[k]!]!.entries()) sums[at]! += slope
      return mean(sums.reduce((sum, x) => sum + x * x, 0))
    },
  }
}

/** The tensors that a choice changes, moved a part of the way to it; the caller disposes them. */
export const moveAlong = (
  post: Weights,
  { tensors, read }: PricedTensors,
  chosen: readonly number[],
  place: number,
): Weights =>
  Object.fromEntries(
    [...tensors.entries()]
      .filter(([k, { candidates }]) => candidates[chosen[k]!]!.error > 0)
      .map(([k, { name }]) => [name, movedBy(post[name]!, place, (at, change) => read(k, chosen[k]!, at, change))]),
  )

/** A tensor moved by so much of a change, which is read in portions. */
function movedBy(tensor: Tensor, place: number, read: (at: number, change: Float32Array) => void): Tensor {
  return tf.tidy(() => {
    const parts = portionsOf(tensor.shape, null).map(({ rows, at }) =>
      tf.tidy(() => {
        const before = rows ? tensor.slice(rows.from, rows.to - rows.from) : tensor
        freeArrays()
        const change = new Float32Array(before.size)
        read(at, change)
        return before.add(tf.tensor(change, before.shape).mul(place))
      }),
    )
    return parts.length === 1 ? parts[0]! : tf.concat(parts, 0)
  })
}

/** Slopes of one draw at an item along the changes of the candidates of each tensor. */
async function slopesAt(
  { model, weights, item, room }: { model: Model; weights: Weights; item: Batch; room: number },
  { tensors, read }: PricedTensors,
  draw: readonly [round: number, item: number],
): Promise<Float64Array[]> {
  const numbers = new Map([...tensors.entries()].map(([k, { name }]) => [name, k]))
  const work = new Workspace()
  const [gradient, change] = [work.take(4 * PART), work.take(4 * PART)]
  const found = tensors.map(({ candidates }) => new Float64Array(candidates.length))
  const sink = (name: string, values: Float32Array, rows: Rows | null): void => {
    const k = numbers.get(name)!
    const { shape, candidates } = tensors[k]!
    freeArrays()
    const start = rows ? (rows.from * countEntries(shape)) / (model.shapes[name]![0] ?? 1) : 0
    for (let from = 0; from < values.length; from += PART) {
      const part = values.subarray(from, from + PART)
      work.floats(gradient, part.length).set(part)
      const own = work.floats(change, part.length)
      for (const [c, { error }] of candidates.entries()) {
        if (!error) continue
        read(k, c, start + from, own)
        found[k]![c]! += work.kernels.dot(gradient, change, part.length)
      }
    }
  }
  const held = holdWithin(model, weights, [item], { kind: 'gradient', bytes: room })
  await pullCurvature(model, held, [item], {
    names: new Set(numbers.keys()),
    sink,
    key: keyOf('curvature', ...draw),
  })
  return found
}
