// mergekit's nearswap: the share t / |delta| of the other model.
import { arithmeticOf } from './arithmetic.js'
import type { MergekitMethod } from './method.js'

export const mergekitNearswap: MergekitMethod = {
  merge({ format, base, models: [model] }, { t }) {
    const a = arithmeticOf(format)
    const least = a.round(1e-6)
    const distance = a.map(a.sub(base!, model!), (x) => Math.max(Math.abs(x), least))
    // torch divides a number by a tensor by its reciprocal.
    const share = a.map(
      a.mul(
        a.map(distance, (x) => 1 / x),
        t,
      ),
      (x) => Math.min(1, Math.max(0, x)),
    )
    return a.map(share, (s, i) => a.round(s * model![i]!) + a.round(a.round(1 - s) * base![i]!))
  },
}
