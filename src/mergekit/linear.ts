// mergekit's linear, which adds in float32 and rounds once, and passthrough.
import { arithmeticOf } from './arithmetic.js'
import { convert, type FloatFormat } from './format.js'
import { fusedOf } from './fused.js'
import type { MergekitMethod } from './method.js'
import { sumRun } from './sums.js'

/** What sums are kept in. */
export const wide = (format: FloatFormat): FloatFormat => (format === 'F64' ? 'F64' : 'F32')

export const mergekitLinear: MergekitMethod = {
  merge({ format, models }, { normalize }, options) {
    const a = arithmeticOf(wide(format))
    const weights = options.map(({ weight }) => a.round(weight))
    const fused = fusedOf(a.format)
    let sum = a.map(models[0]!, () => 0)
    for (const [i, model] of models.entries()) sum = a.map(sum, (x, at) => fused(model[at]!, weights[i]!, x))
    if (normalize) sum = a.div(sum, sumRun(Float64Array.from(weights), a.format))
    return convert(sum, format)
  },
}

export const mergekitPassthrough: MergekitMethod = {
  merge: ({ format, models: [model] }, _, [{ scale }]) =>
    scale === undefined ? model! : arithmeticOf(format).mul(model!, scale),
}
