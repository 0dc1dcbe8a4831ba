// The sparsifiers of mergekit's task arithmetic, each with its rescaling to the L1 norm. Where equal magnitudes lie on the edge of
// what is kept, mergekit keeps what its unstable sort leaves there; here those of the lowest index are kept.
import { largest } from '../tensor/index.js'
import type { TorchGenerator } from '../twister/index.js'
import { type Arithmetic, arithmeticOf } from './arithmetic.js'
import { convert, maskOf, type Numbers, zeros } from './format.js'

/** Options of one model. */
interface Sparsity {
  density: number
  /** Fraction of the largest entries that is dropped. */
  gamma: number
  /** Half the width of the window of keep probabilities. */
  epsilon: number
}

interface SparsifyContext {
  arithmetic: Arithmetic
  rescale: boolean
  shape: readonly number[]
  generator: TorchGenerator
}

export type Sparsifier = (delta: Numbers, sparsity: Sparsity, context: SparsifyContext) => Numbers

/** Below this, norms are not divided by. */
const LEAST = 1e-7

/** The kept entries, which get the L1 norm of all if that is asked for. */
function keep(a: Arithmetic, delta: Numbers, mask: Uint8Array, rescale: boolean): Numbers {
  const masked = a.mul(delta, mask)
  if (!rescale) return masked
  const [before, after] = [delta, masked].map((values) => a.sum(a.map(values, Math.abs)))
  const least = a.round(LEAST)
  return before! < least || after! < least ? masked : a.mul(masked, a.round(before! / after!))
}

/** 1 at the k entries of largest magnitude. */
function markLargest(values: Numbers, k: number): Uint8Array {
  // torch sorts the magnitudes as float32.
  const { threshold, lastTie } = largest(Float32Array.from(values), Math.min(k, values.length))
  return maskOf(values.length, (i) => {
    const size = Math.abs(Math.fround(values[i]!))
    return size > threshold || (size === threshold && i <= lastTie)
  })
}

/** At least one entry is kept where the density is above 0. */
export const byMagnitude: Sparsifier = (delta, { density }, { arithmetic: a, rescale }) => {
  if (density >= 1) return delta
  if (density <= 0 || !delta.length) return zeros(a.format, delta.length)
  return keep(a, delta, markLargest(delta, Math.max(1, Math.trunc(density * delta.length))), rescale)
}

/** A band: without the largest, as far as enough are left, and the largest of the rest. */
export const byBand: Sparsifier = (delta, { density, gamma }, { arithmetic: a, rescale }) => {
  if (density >= 1) return delta
  const n = delta.length
  const kept = Math.max(0, Math.trunc(density * n))
  const low = Math.max(0, n - kept - Math.trunc(gamma * n))
  const above = Math.max(0, n - low - kept)
  const [all, top] = [markLargest(delta, n - low), markLargest(delta, above)]
  return keep(
    a,
    delta,
    all.map((one, i) => one - top[i]!),
    rescale,
  )
}

/** torch has no draws in half precision on CPU, and mergekit makes those of float64 in float32 too. */
const drawsIn = (a: Arithmetic): Arithmetic => (a.format === 'BF16' ? a : arithmeticOf('F32'))

/** Keeps the kept entries in the arithmetic of the draws. */
const keepDrawn = (delta: Numbers, mask: Uint8Array, { arithmetic: a, rescale }: SparsifyContext): Numbers => {
  const own = drawsIn(a)
  return convert(keep(own, convert(delta, own.format), mask, rescale), a.format)
}

/** Every entry is kept with the same probability. */
export const atRandom: Sparsifier = (delta, { density }, context) => {
  if (density >= 1) return delta
  const probability = drawsIn(context.arithmetic).round(density)
  const draws = context.generator.uniform(delta.length, 0, 1)
  return keepDrawn(
    delta,
    maskOf(delta.length, (i) => draws[i]! < probability),
    context,
  )
}

/** The probability rises with the rank of the magnitude along the second axis (of a vector, along it). */
export const byRank: Sparsifier = (delta, { density, epsilon }, context) => {
  if (density >= 1) return delta
  if (density <= 0) return zeros(context.arithmetic.format, delta.length)
  const a = drawsIn(context.arithmetic)
  const { shape } = context
  const [count, step] =
    shape.length < 2 ? [delta.length, 1] : [shape[1]!, shape.slice(2).reduce((size, side) => size * side, 1)]
  const [least, factor] = [a.round(density - epsilon), epsilon]
  const probabilities = new Float64Array(delta.length)
  const size = (i: number) => Math.abs(delta[i]!)
  for (let block = 0; block < delta.length; block += count * step) {
    for (let line = block; line < block + step; line++) {
      const places = Array.from({ length: count }, (_, i) => line + i * step)
      const ranks = [...places].sort((i, j) => size(i) - size(j) || i - j)
      // torch counts ranks in the format: in bfloat16 those above 256 fall together.
      const rankOf = (rank: number) => a.round(a.round(rank) + 1)
      const range = a.round(rankOf(count - 1) - rankOf(0))
      for (const [rank, place] of ranks.entries()) {
        // mergekit divides by 0 where there is one column; it then has the middle of the window.
        const part = range ? a.round(a.round(rankOf(rank) - rankOf(0)) / range) : 0.5
        probabilities[place] = a.round(a.round(a.round(part * 2) * Math.fround(factor)) + least)
      }
    }
  }
  const draws = context.generator.uniform(delta.length, 0, 1)
  return keepDrawn(
    delta,
    maskOf(delta.length, (i) => draws[i]! < probabilities[i]!),
    context,
  )
}
