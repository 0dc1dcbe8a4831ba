// mergekit's family of task arithmetic: sparsify each delta, weigh it, perhaps elect a sign per entry, add up.
import { arithmeticOf } from './arithmetic.js'
import { maskOf, type Numbers } from './format.js'
import type { MergekitMethod } from './method.js'
import { atRandom, byBand, byMagnitude, byRank, type Sparsifier } from './sparsify.js'
import { sumRun } from './sums.js'

const SPARSIFIERS = {
  none: null,
  magnitude: byMagnitude,
  dare: atRandom,
  breadcrumbs: byBand,
  magprune: byRank,
} as const

const isRandom = (sparsifier: keyof typeof SPARSIFIERS): boolean => sparsifier === 'dare' || sparsifier === 'magprune'

/** A method of the family. */
export function mergekitTaskArithmetic({
  elect,
  sparsifier,
}: {
  elect: boolean
  sparsifier: keyof typeof SPARSIFIERS
}): MergekitMethod {
  const sparsify: Sparsifier | null = SPARSIFIERS[sparsifier]
  return {
    merge(inputs, { normalize, rescale, lambda }, models) {
      const { format, shape, generator } = inputs
      const base = inputs.base!
      const a = arithmeticOf(format)
      const weights = models.map(({ weight }) => a.round(weight))
      const deltas = inputs.models.map((model, i) => {
        const delta = a.sub(model, base)
        const kept = sparsify ? sparsify(delta, models[i], { arithmetic: a, rescale, shape, generator }) : delta
        return a.mul(kept, weights[i]!)
      })
      let merged: Numbers
      let divisor: Numbers | number
      if (elect) {
        const total = a.sumOf(deltas)
        const masks = deltas.map((delta) =>
          maskOf(delta.length, (i) => Math.sign(delta[i]!) === (total[i]! >= 0 ? 1 : -1)),
        )
        merged = a.sumOf(deltas.map((delta, i) => a.mul(delta, masks[i]!)))
        const agreeing = a.sumOf(masks.map((mask, i) => a.map(merged, (_, at) => (mask[at] ? weights[i]! : 0))))
        divisor = a.map(agreeing, (x) => x || 1)
      } else {
        merged = a.sumOf(deltas)
        const sum = a.round(sumRun(Float64Array.from(weights), format))
        divisor = Math.abs(sum) < a.round(1e-8) ? 1 : sum
      }
      if (normalize) merged = a.div(merged, divisor)
      if (lambda !== 1) merged = a.mul(merged, lambda)
      return a.add(base, merged)
    },
    ...(isRandom(sparsifier) && {
      draws: (size, models) =>
        size * models.filter(({ density }) => density < 1 && (sparsifier === 'dare' || density > 0)).length,
    }),
  }
}
