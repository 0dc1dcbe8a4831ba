// mergekit's nuslerp: of two models or of their deltas, over whole tensors or along an axis.
import { type Arithmetic, arithmeticOf } from './arithmetic.js'
import type { Numbers } from './format.js'
import type { MergekitMethod } from './method.js'
import { normAcross, sumColumns, sumRounder, sumRun } from './sums.js'

/** The vectors of a tensor: `count` numbers, `step` apart. */
interface Lines {
  count: number
  step: number
  /** Index of the first number of each. */
  starts: number[]
}

function linesOf(
  shape: readonly number[],
  size: number,
  { flatten, first }: { flatten: boolean; first: boolean },
): Lines {
  if (flatten || shape.length < 2) return { count: size, step: 1, starts: [0] }
  const count = first ? shape[0]! : shape.at(-1)!
  const lines = size / count
  return { count, step: first ? lines : 1, starts: Array.from({ length: lines }, (_, i) => (first ? i : i * count)) }
}

/** The cosine of each pair of lines. */
function cosines(a: Arithmetic, [u, v]: readonly [Numbers, Numbers], { count, step, starts }: Lines): number[] {
  const product = a.mul(u, v)
  const clamp = (x: number) => Math.min(1, Math.max(-1, a.round(x)))
  if (step === 1) return starts.map((from) => clamp(sumRun(product, a.format, { from, count })))
  const rows = Array.from({ length: count }, (_, i) => product.subarray(i * step, (i + 1) * step))
  return Array.from(sumColumns(rows, a.format), clamp)
}

/** Weights of the two models for a line: sin((1 - t)θ), sin(tθ) and what both are divided by; linear where the divisor is 0. */
interface Arc {
  first: number
  second: number
  divisor: number
}

function arcOf(a: Arithmetic, cosine: number, t: number): Arc {
  const square = a.round(cosine * cosine)
  // A number that multiplies a tensor takes part as float32.
  const factor = sumRounder(a.format)
  if (a.round(1 - square) <= a.round(1e-16)) return { first: factor(1 - t), second: factor(t), divisor: 0 }
  const angle = a.round(Math.acos(cosine))
  const sine = (part: number) => a.round(Math.sin(a.round(angle * factor(part))))
  return { first: sine(1 - t), second: sine(t), divisor: a.round(Math.sin(angle)) }
}

function interpolate(a: Arithmetic, [v, w]: readonly [Numbers, Numbers], lines: Lines, t: number): Numbers {
  const lineOf = (i: number) => (lines.step === 1 ? Math.floor(i / lines.count) : i % lines.step)
  const unit = (values: Numbers): Numbers => {
    const norms = lines.starts.map((from) => {
      const norm = a.round(normAcross(values, a.format, { ...lines, from }))
      return Math.max(norm, a.round(1e-7))
    })
    return a.map(values, (x, i) => x / norms[lineOf(i)]!)
  }
  const arcs = cosines(a, [unit(v), unit(w)], lines).map((cosine) => arcOf(a, cosine, t))
  return a.map(v, (x, i) => {
    const { first, second, divisor } = arcs[lineOf(i)]!
    const sum = a.round(a.round(x * first) + a.round(w[i]! * second))
    return divisor ? sum / divisor : sum
  })
}

export const mergekitNuslerp: MergekitMethod = {
  merge({ format, shape, base, models }, { nuslerp_flatten: flatten, nuslerp_row_wise: first }, options) {
    const a = arithmeticOf(format)
    const [one, other] = models as [Numbers, Numbers]
    const [weight, total] = [options[1].weight, options[0].weight + options[1].weight]
    const t = Math.abs(total) < 1e-6 ? 0.5 : weight / total
    const lines = linesOf(shape, one.length, { flatten, first })
    if (!base) return interpolate(a, [one, other], lines, t)
    return a.add(base, interpolate(a, [a.sub(one, base), a.sub(other, base)], lines, t))
  },
}
