// mergekit's multislerp: the models' mean on a sphere, by one step in the tangent space at their weighted mean.
import { UserError } from '../errors/index.js'
import { arithmeticOf } from './arithmetic.js'
import type { Numbers } from './format.js'
import type { MergekitMethod } from './method.js'
import { normRun, sumRun } from './sums.js'

export const mergekitMultislerp: MergekitMethod = {
  merge({ name, format, base, models }, { normalize_weights, eps }, options) {
    if (models.length === 1) return models[0]!
    const a = arithmeticOf(format)
    const tensors = base ? models.map((model) => a.sub(model, base)) : models
    const given = Float64Array.from(options, ({ weight }) => a.round(weight))
    const total = a.round(sumRun(given, format))
    const weights = normalize_weights ? given.map((weight) => a.round(weight / total)) : given
    const added = a.round(eps)
    const norms = tensors.map((tensor) => a.round(normRun(tensor, format)))
    const units = tensors.map((tensor, i) => {
      const norm = a.round(norms[i]! + added)
      return a.map(tensor, (x) => x / norm)
    })
    const weighed = (list: readonly Numbers[]): Numbers =>
      a.sumOf(list.map((one, i) => a.map(one, (x) => x * weights[i]!)))
    const onto = (merged: Numbers): Numbers => (base ? a.add(base, merged) : merged)
    const middle = weighed(units)
    const length = a.norm(middle)
    if (length < a.round(eps)) {
      if (tensors.length === 2) {
        const [first, second] = tensors.map((tensor, i) => a.map(tensor, (x) => x * weights[i]!)) as [Numbers, Numbers]
        return onto(a.add(first, second))
      }
      throw new UserError(
        `${name}: the weighted sum of the models is zero, and multislerp has no direction to go; give other weights`,
      )
    }
    const mean = a.div(middle, length)
    const tangents = units.map((unit) => {
      const dot = a.round(sumRun(a.mul(unit, mean), format))
      return a.sub(
        unit,
        a.map(mean, (x) => dot * x),
      )
    })
    const tangent = weighed(tangents)
    const angle = a.round(a.norm(tangent) + added)
    const along = a.round(a.round(Math.sin(angle)) / angle)
    const [cosine, size] = [
      a.round(Math.cos(angle)),
      a.round(
        sumRun(
          Float64Array.from(norms, (norm, i) => a.round(norm * weights[i]!)),
          format,
        ),
      ),
    ]
    return onto(a.mul(a.add(a.mul(mean, cosine), a.mul(tangent, along)), size))
  },
}
