// mergekit's sce: selects the entries that vary most, weighs the models by their energy, erases what disagrees with the sign of the sum.
import { largest } from '../tensor/index.js'
import { type Arithmetic, arithmeticOf } from './arithmetic.js'
import type { Numbers } from './format.js'
import type { MergekitMethod } from './method.js'
import { sumRun } from './sums.js'

/** Variances over the models by Welford's updates, which torch makes in float64 for float32. */
function variances(a: Arithmetic, deltas: readonly Numbers[]): Numbers {
  const round = a.format === 'BF16' || a.format === 'F16' ? Math.fround : (x: number) => x
  return a.map(deltas[0]!, (_, i) => {
    let [mean, squares] = [0, 0]
    for (const [n, delta] of deltas.entries()) {
      const away = round(delta[i]! - mean)
      mean = round(mean + round(away / (n + 1)))
      squares = round(squares + round(away * round(delta[i]! - mean)))
    }
    return round(squares / deltas.length)
  })
}

/** 1 at the selected entries. Of equal variances at the edge, mergekit takes what its selection leaves there, this the lowest index. */
function select(a: Arithmetic, deltas: readonly Numbers[], fraction: number): Uint8Array {
  const out = new Uint8Array(deltas[0]!.length)
  if (fraction <= 0) return out
  const spread = variances(a, deltas)
  let varying = 0
  for (const x of spread) if (x !== 0) varying++
  // torch multiplies a count and a fraction in float32.
  const k = Math.trunc(Math.fround(Math.fround(varying) * Math.fround(fraction)))
  if (k === 0) return out
  const { threshold, lastTie } = largest(Float32Array.from(spread), k)
  return out.map((_, i) => {
    const size = Math.fround(spread[i]!)
    return size > threshold || (size === threshold && i <= lastTie) ? 1 : 0
  })
}

/** Shares of the energy; equal ones where there is next to none. */
function weightsOf(a: Arithmetic, deltas: readonly Numbers[]): number[] {
  const means = deltas.map((delta) => {
    const sum = sumRun(a.mul(delta, delta), a.format)
    return a.round(a.format === 'F64' ? sum / delta.length : Math.fround(sum / delta.length))
  })
  const total = a.round(sumRun(Float64Array.from(means), a.format))
  return means.map((mean) => a.round(Math.abs(total) < 1e-6 ? 1 / means.length : mean / total))
}

export const mergekitSce: MergekitMethod = {
  merge({ format, base, models }, { select_topk }) {
    const a = arithmeticOf(format)
    let deltas = models.map((model) => a.sub(model, base!))
    if (select_topk < 1) {
      const mask = select(a, deltas, select_topk)
      deltas = deltas.map((delta) => a.mul(delta, mask))
    }
    const total = a.sumOf(deltas)
    const weights = weightsOf(a, deltas)
    const erased = deltas.map((delta, i) =>
      a.map(delta, (x, at) => (Math.sign(x) === (total[at]! >= 0 ? 1 : -1) ? weights[i]! : 0)),
    )
    const merged = a.sumOf(deltas.map((delta, i) => a.mul(delta, erased[i]!)))
    const least = a.round(1e-6)
    return a.add(
      base!,
      a.div(
        merged,
        a.map(a.sumOf(erased), (x) => Math.max(x, least)),
      ),
    )
  },
}
