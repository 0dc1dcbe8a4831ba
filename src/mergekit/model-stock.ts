// mergekit's model_stock: one ratio per tensor, or per line along the last axis.
import { arithmeticOf } from './arithmetic.js'
import type { Numbers } from './format.js'
import type { MergekitMethod } from './method.js'
import { normRun, sumColumns, sumRun } from './sums.js'

export const mergekitModelStock: MergekitMethod = {
  merge({ format, shape, base, models }, { filter_wise }) {
    const a = arithmeticOf(format)
    const size = base!.length
    const count = filter_wise && shape.length > 1 ? shape.at(-1)! : size
    const starts = Array.from({ length: count ? size / count : 0 }, (_, i) => i * count)
    const offsets = models.map((model) => a.sub(model, base!))
    const norms = offsets.map((offset) => starts.map((from) => a.round(normRun(offset, format, { from, count }))))
    const pairs = offsets.flatMap((_, i) => offsets.slice(i + 1).map((_, j) => [i, i + 1 + j] as const))
    const cosines = pairs.map(([i, j]) => {
      const product = a.mul(offsets[i]!, offsets[j]!)
      return Float64Array.from(starts, (from, line) => {
        const least = Math.max(a.round(norms[i]![line]! * norms[j]![line]!), a.round(1e-6))
        const cosine = a.round(a.round(sumRun(product, format, { from, count })) / least)
        return Math.min(1, Math.max(-1, cosine))
      })
    })
    const n = models.length
    const ratios = Array.from(sumColumns(cosines, format), (sum) => {
      const cosine = a.round(a.format === 'F64' ? sum / pairs.length : Math.fround(sum / pairs.length))
      const divisor = a.round(a.round(cosine * (n - 1)) + 1)
      return Math.abs(divisor) < a.round(1e-6) ? 0 : a.round(a.round(cosine * n) / divisor)
    })
    let total: Numbers = a.map(base!, () => 0)
    for (const model of models) total = a.add(total, model)
    const average = a.div(total, n)
    return a.map(base!, (x, i) => {
      const t = ratios[Math.floor(i / count)]!
      return a.round(t * average[i]!) + a.round(a.round(1 - t) * x)
    })
  },
}
