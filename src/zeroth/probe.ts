// The weights that zeroth-order steps move, in float32 outside the backend, and the losses at points near them.
import { directionOf, step } from '../kernels/index.js'
import { lossOf } from '../loss/index.js'
import type { Batch, Model } from '../models/index.js'
import { tf } from '../tensor/index.js'

/** Weights by tensor name, in the order of the model. */
export type Point = Map<string, Float32Array>

export const copyOf = (point: Point): Point => new Map([...point].map(([name, values]) => [name, values.slice()]))

/** A direction of every tensor. */
export function drawDirection(point: Point, seed: number, k: number): Point {
  return new Map([...point].map(([name, { length }]) => [name, directionOf(seed, k, { tensor: name }, length)]))
}

/** point += scalar × direction, in place. */
export function move(point: Point, scalar: number, direction: Point): void {
  for (const [name, values] of point) step(values, scalar, direction.get(name)!)
}

/** Mean loss at the point, or at point + shift × direction, nats per token. */
export async function lossBeside(
  model: Model,
  point: Point,
  batches: Batch[],
  beside: { direction: Point; shift: number } | null = null,
): Promise<number> {
  const weights = Object.fromEntries(
    [...point].map(([name, values]) => {
      const z = beside?.direction.get(name)
      return [name, tf.tensor(z ? values.map((value, i) => value + beside!.shift * z[i]!) : values, model.shapes[name])]
    }),
  )
  const { mean } = await lossOf(model, weights, batches)
  tf.dispose(weights)
  return mean
}

/**
 * The loss's slope along a direction by two forward passes (SPSA): (L(w + εz) - L(w - εz)) / 2ε, and the mean of the two losses.
 * Source: Malladi et al. 2023 (MeZO), arXiv 2305.17333, definition 1.
 */
export async function slopeAlong(
  model: Model,
  point: Point,
  batch: Batch,
  { direction, epsilon }: { direction: Point; epsilon: number },
) {
  const above = await lossBeside(model, point, [batch], { direction, shift: epsilon })
  const below = await lossBeside(model, point, [batch], { direction, shift: -epsilon })
  return { slope: (above - below) / (2 * epsilon), loss: (above + below) / 2 }
}
