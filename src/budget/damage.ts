// What each candidate of each tensor costs in loss, estimated from the curvature along its change: half of TᵀHT for each counted output. A
// draw of the curvature on one item serves all candidates (loss/curvature.ts). Draws are taken on the way from post to a choice of
// candidates and not at post alone, where a model that is sure of its answers is flat.
import { pullCurvature } from '../loss/index.js'
import { type Batch, countOutputs, type Model, type Rows, type Weights } from '../models/index.js'
import { track } from '../progress/index.js'
import { countEntries, keyOf, type Tensor, tf } from '../tensor/index.js'
import type { Candidate } from './candidates.js'

/** A tensor of the model with its candidates. */
export interface Priced {
  name: string
  shape: readonly number[]
  candidates: readonly Candidate[]
}

/** The change of a candidate of a tensor, by their numbers. */
export interface WantedChange {
  tensor: number
  candidate: number
  /** Where it goes, float32: what is written less post. */
  to: Float32Array
}

/** The tensors of a model that may lose, with what their candidates change. */
export interface PricedTensors {
  tensors: readonly Priced[]
  /** Fills in changes; where a tensor is stored lossless, nothing. */
  fill(wanted: readonly WantedChange[]): Promise<void>
}

/** The model at post, and the items, a batch each. */
export interface DamageGround {
  model: Model
  post: Weights
  items: readonly Batch[]
  /** Bytes of the changes of candidates that are held at a time, or those of one. */
  heldBytes: number
}

/** Places between post (0) and the choice (1); item after item takes the next one. */
const PLACES = [0.25, 0.5, 0.75, 1]
/** Slopes of draws along the changes: by tensor, candidate and draw. */
export interface Damage {
  /** Draws at the items, on the way to a choice, added to those before. */
  draw(chosen: readonly number[]): Promise<void>
  /** Of each candidate of each tensor, nats for each counted output. */
  costs(): number[][]
  /** Of a choice, with what tensors do to each other. */
  together(chosen: readonly number[]): number
}

export function openDamage({ model, post, items, heldBytes }: DamageGround, priced: PricedTensors): Damage {
  const { tensors } = priced
  const slopes = tensors.map(({ candidates }) => candidates.map((): number[] => []))
  const outputs = items.reduce((sum, batch) => sum + countOutputs(model, batch).at.length, 0)
  let rounds = 0
  const mean = (squares: number): number => squares / (2 * outputs * Math.max(1, rounds))
  return {
    async draw(chosen) {
      const round = rounds++
      const groups = groupsOf(tensors, heldBytes)
      const changes = await changesOf(priced, chosen)
      const walk = track({ name: 'curvature', unit: 'items', total: items.length * groups.length }, async ({ add }) => {
        for (const group of groups) {
          const stacks = await stack(priced, group)
          try {
            for (const [p, place] of PLACES.entries()) {
              const moved = moveAlong(post, changes, place)
              try {
                for (let i = p; i < items.length; i += PLACES.length) {
                  const found = await slopesAt(model, { ...post, ...moved }, items[i]!, { stacks, round, item: i })
                  for (const [g, { tensor, first }] of group.entries())
                    for (const [c, slope] of found[g]!.entries())
                      slopes[tensor]![first + c]![round * items.length + i] = slope
                  add(1)
                }
              } finally {
                tf.dispose(moved)
              }
            }
          } finally {
            tf.dispose([...stacks.values()])
          }
        }
      })
      await walk.finally(() => tf.dispose(changes))
    },
    costs: () => slopes.map((own) => own.map((values) => mean(values.reduce((sum, x) => sum + x * x, 0)))),
    together(chosen) {
      const sums = new Float64Array(rounds * items.length)
      for (const [k, own] of slopes.entries()) for (const [at, slope] of own[chosen[k]!]!.entries()) sums[at]! += slope
      return mean(sums.reduce((sum, x) => sum + x * x, 0))
    },
  }
}

/** Some candidates of a tensor, by their numbers. */
interface CandidateRun {
  tensor: number
  first: number
  count: number
}

/** Candidates whose changes are held together. A tensor for which there is no room is gone on with in the next group. */
function groupsOf(tensors: readonly Priced[], heldBytes: number): CandidateRun[][] {
  const groups: CandidateRun[][] = []
  let room = -1
  for (const [tensor, { shape, candidates }] of tensors.entries()) {
    const each = 4 * countEntries(shape)
    for (let first = 0; first < candidates.length; ) {
      if (room < each) {
        groups.push([])
        room = Math.max(heldBytes, each)
      }
      const count = Math.min(candidates.length - first, Math.floor(room / each))
      groups.at(-1)!.push({ tensor, first, count })
      room -= count * each
      first += count
    }
  }
  return groups
}

/** The changes of some candidates of each tensor, [candidates, entries]. */
async function stack({ tensors, fill }: PricedTensors, runs: readonly CandidateRun[]): Promise<Map<string, Tensor>> {
  const filled = runs.map(({ tensor, count }) => new Float32Array(count * countEntries(tensors[tensor]!.shape)))
  const wanted = runs.flatMap(({ tensor, first, count }, r) => {
    const size = countEntries(tensors[tensor]!.shape)
    return Array.from({ length: count }, (_, c) => ({
      ...{ tensor, candidate: first + c },
      to: filled[r]!.subarray(c * size, (c + 1) * size),
    }))
  })
  await fill(wanted)
  return new Map(
    runs.map(({ tensor, count }, r) => [
      tensors[tensor]!.name,
      tf.tensor2d(filled[r]!, [count, filled[r]!.length / count]),
    ]),
  )
}

/** What a choice changes; the caller disposes it. */
export async function changesOf({ tensors, fill }: PricedTensors, chosen: readonly number[]): Promise<Weights> {
  const wanted = [...tensors.entries()]
    .filter(([tensor, { candidates }]) => candidates[chosen[tensor]!]!.error > 0)
    .map(([tensor, { shape }]) => ({ tensor, candidate: chosen[tensor]!, to: new Float32Array(countEntries(shape)) }))
  await fill(wanted)
  return Object.fromEntries(
    wanted.map(({ tensor, to }) => [tensors[tensor]!.name, tf.tensor(to, [...tensors[tensor]!.shape])]),
  )
}

/** The tensors that are changed, moved a part of the way; the caller disposes them. */
export const moveAlong = (post: Weights, changes: Weights, place: number): Weights =>
  Object.fromEntries(
    Object.entries(changes).map(([name, change]) => [name, tf.tidy(() => post[name]!.add(change.mul(place)))]),
  )

/** Slopes of one draw at an item along the changes of each stack. */
async function slopesAt(
  model: Model,
  weights: Weights,
  item: Batch,
  { stacks, round, item: number }: { stacks: ReadonlyMap<string, Tensor>; round: number; item: number },
): Promise<Float64Array[]> {
  const found = new Map([...stacks].map(([name, { shape }]) => [name, new Float64Array(shape[0]!)]))
  const sink = async (name: string, values: Float32Array, rows: Rows | null): Promise<void> => {
    const whole = stacks.get(name)! as tf.Tensor2D
    const width = whole.shape[1] / (model.shapes[name]![0] ?? 1)
    const product = tf.tidy(() => {
      const part = rows ? whole.slice([0, rows.from * width], [-1, values.length]) : whole
      return tf.matMul(part, tf.tensor2d(values, [values.length, 1]))
    })
    const slopes = await product.data()
    product.dispose()
    const sums = found.get(name)!
    for (let c = 0; c < slopes.length; c++) sums[c]! += slopes[c]!
  }
  const key = keyOf('curvature', round, number)
  await pullCurvature(model, weights, [item], { names: new Set(stacks.keys()), sink, key })
  return [...found.values()]
}
