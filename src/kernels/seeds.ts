// The stored form of a delta found by zeroth-order steps: directions are drawn again from seeds, only their scalars are kept.
import { keyOf } from './key.js'
import { normals } from './normals.js'

export interface Seeds {
  /** Keys all directions, with the name of the tensor and the number of the direction. */
  seed: number
  /** What each direction is multiplied by; most are 0 while a pool is little used. */
  scalars: Float32Array
}

/** A piece of a tensor: its name, and its first entry in the tensor. */
export interface SeededPiece {
  tensor: string
  from?: number
}

/** Entries of direction k of a tensor: standard normal, a function of (seed, k, name, index) alone. */
export function directionOf(seed: number, k: number, { tensor, from = 0 }: SeededPiece, size: number): Float32Array {
  return normals(size, keyOf(seed, 'zeroth', k, tensor), from)
}

/**
 * Adds scalars[k] × direction k to the weights of a piece, in place, in ascending order of k. It rounds to float32 after each step,
 * so the result has the same bits everywhere. Source: Malladi et al. 2023 (MeZO), section 2.1.
 */
export function addSeeds(weights: Float32Array, piece: SeededPiece, { seed, scalars }: Seeds): void {
  for (let k = 0; k < scalars.length; k++)
    if (scalars[k] !== 0) step(weights, scalars[k]!, directionOf(seed, k, piece, weights.length))
}

/** weights += scalar × direction, in place. */
export function step(weights: Float32Array, scalar: number, direction: Float32Array): void {
  for (let i = 0; i < weights.length; i++) weights[i]! += scalar * direction[i]!
}
