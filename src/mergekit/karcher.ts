// mergekit's karcher: the mean on the sphere, by steps in the tangent space, every model with the same weight.
import { type Arithmetic, arithmeticOf } from './arithmetic.js'
import { convert, type Numbers } from './format.js'
import { wide } from './linear.js'
import type { MergekitMethod } from './method.js'
import { dotOf, normRun } from './sums.js'

/** One step: the mean of the models in the tangent space at `mean`, and back on the sphere; null where it is shorter than `tol`. */
function step(
  a: Arithmetic,
  mean: Numbers,
  units: readonly Numbers[],
  { alpha, tol }: { alpha: number; tol: number },
): Numbers | null {
  const w = wide(a.format)
  const outer = arithmeticOf(w)
  let tangent: Numbers = a.map(mean, () => 0)
  for (const unit of units) {
    const dot = Math.min(1, Math.max(-1, a.round(dotOf(mean, unit, a.format))))
    const angle = a.round(Math.acos(dot))
    if (angle < tol) continue
    const factor = a.round(outer.round(alpha) * a.round(angle / a.round(Math.sin(angle))))
    const away = a.sub(unit, a.mul(mean, dot))
    tangent = a.add(tangent, a.mul(away, factor))
  }
  const length = normRun(tangent, w)
  if (length < tol) return null
  const moved = a.add(
    // A number in front of a tensor is rounded to the format of the tensor.
    a.mul(mean, a.round(outer.round(Math.cos(length)))),
    a.mul(a.div(tangent, length), a.round(outer.round(Math.sin(length)))),
  )
  const norm = normRun(moved, w)
  return norm > tol ? a.div(moved, norm) : moved
}

export const mergekitKarcher: MergekitMethod = {
  merge({ format, models }, { max_iter, tol }) {
    if (models.length === 1) return models[0]!
    const a = arithmeticOf(format)
    const w = wide(format)
    const outer = arithmeticOf(w)
    const norms = models.map((model) => normRun(model, w))
    const used = [...models.keys()].filter((i) => norms[i]! > tol)
    if (!used.length) return a.map(models[0]!, () => 0)
    const units = used.map((i) => a.div(models[i]!, norms[i]!))
    const each = 1 / models.length
    const alpha = each / used.reduce((sum) => sum + each, 0)
    let sum: Numbers = a.map(models[0]!, () => 0)
    for (const unit of units) sum = a.add(sum, a.mul(unit, alpha))
    const length = normRun(sum, w)
    let mean = length < tol ? units[0]! : a.div(sum, length)
    for (let i = 0; i < max_iter; i++) {
      const next = step(a, mean, units, { alpha, tol })
      if (!next) break
      mean = next
    }
    const scale = norms.reduce((total, norm) => outer.round(total + outer.round(outer.round(each) * norm)), 0)
    return convert(a.mul(mean, a.round(scale)), format)
  },
}
