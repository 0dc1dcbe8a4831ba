// Rotary position embedding (Su et al. 2021) in transformers' rotate-half layout: cosines and sines of the tokens of a batch.
import { type FusedSettings, fuse, type Tensor, tf } from '../tensor/index.js'
import { type Batch, tokenPlaces } from './batch.js'
import type { Cache } from './cache.js'

/** cos and sin [headDim] of the positions met so far: every batch asks for the same again. */
type Turns = Map<number, { cos: Float32Array; sin: Float32Array }>

export interface RopeFacts {
  headDim: number
  /** Frequencies in radians per position: each turns two entries of a head, and the others of it stay. */
  rates: Float64Array
  /** Those of the tokens of a text of more than `above` tokens. */
  long?: { above: number; rates: Float64Array }
  /** Factor of cos and sin. */
  amplitude: number
  /** Positions for which the frequencies hold. */
  positions: number
}

export interface Rope extends RopeFacts {
  turns: { short: Turns; long: Turns }
}

export const makeRope = (facts: RopeFacts): Rope => ({ ...facts, turns: { short: new Map(), long: new Map() } })

/** cos and ∓sin of a position's angles for the two halves of what turns, and 1 and 0 for the rest. */
function turnOf(position: number, { headDim, rates, amplitude, long, turns }: Rope, isLong: boolean) {
  const known = turns[isLong ? 'long' : 'short']
  const found = known.get(position)
  if (found) return found
  const angles = isLong ? long!.rates : rates
  const half = angles.length
  const tableOf = (wave: (angle: number) => number, [first, rest]: readonly [number, number]) =>
    Float32Array.from({ length: headDim }, (_, i) =>
      i < 2 * half ? (i < half ? first : 1) * amplitude * wave(position * angles[i % half]!) : rest,
    )
  const turn = { cos: tableOf(Math.cos, [1, 1]), sin: tableOf(Math.sin, [-1, 0]) }
  known.set(position, turn)
  return turn
}

/** Real tokens of each row, with those seen before. */
function lengthsOf({ rows, mask }: Batch, cache?: Cache): number[] {
  const real = cache?.mask ?? mask
  const width = real.length / rows
  return Array.from({ length: rows }, (_, row) =>
    real.subarray(row * width, (row + 1) * width).reduce((sum, each) => sum + each, 0),
  )
}

/**
 * cos and ∓sin of every token's angles, repeated for `heads` heads: each [tokens, heads * headDim]. The length of a text decides
 * which frequencies it has, whatever else is in the batch.
 */
export function rotations(
  batch: Batch,
  rope: Rope,
  heads: number,
  cache?: Cache,
): { cos: Float32Array; sin: Float32Array } {
  const { headDim, long } = rope
  const { positions, columns } = batch
  const lengths = long ? lengthsOf(batch, cache) : []
  const places = tokenPlaces(batch)
  const [cos, sin] = [0, 1].map(() => new Float32Array(places.length * heads * headDim))
  places.forEach((place, token) => {
    const isLong = long !== undefined && lengths[Math.floor(place / columns)]! > long.above
    const turn = turnOf(positions[place]!, rope, isLong)
    for (let at = token * heads * headDim, head = 0; head < heads; head++, at += headDim) {
      cos!.set(turn.cos, at)
      sin!.set(turn.sin, at)
    }
  })
  return { cos: cos!, sin: sin! }
}

/** The matrix H [headDim, headDim] that exchanges the halves of what turns: x·H = [x₂, x₁, 0 …]. As a product it is differentiable to any order. */
export function halfExchange({ headDim, rates }: Rope): Float32Array {
  const matrix = new Float32Array(headDim * headDim)
  const half = rates.length
  for (let i = 0; i < half; i++) {
    matrix[(i + half) * headDim + i] = 1
    matrix[i * headDim + i + half] = 1
  }
  return matrix
}

const turnHeads = fuse('rotate', ([x], { cos, sin, half }) => {
  const exchanged = tf.matMul(x!.reshape([-1, half.shape[0]!]) as tf.Tensor2D, half as tf.Tensor2D).reshape(x!.shape)
  return x!.mul(cos).add(exchanged.mul(sin))
})

/** The heads of x [tokens, heads * headDim] turned by the angles of `rotations`; `half` is `halfExchange`'s matrix. */
export const rotate = (x: Tensor, tables: FusedSettings['rotate']): Tensor => turnHeads([x], tables)
