// mergekit's arcee_fusion: takes the entries of the other model whose change is important, by a threshold from quartiles.
import type { TorchGenerator } from '../twister/index.js'
import { arithmeticOf } from './arithmetic.js'
import { convert, type FloatFormat, type Numbers, promote } from './format.js'
import type { MergekitMethod } from './method.js'
import { softmaxOf } from './softmax.js'
import { sumRun } from './sums.js'

/** Quartiles of more entries are those of a sample. */
const SAMPLE = 1e6

/** |difference| times the divergence of the softmax of its line along the last axis. */
function importance(model: Numbers, base: Numbers, format: FloatFormat, columns: number): Numbers {
  const a = arithmeticOf(format)
  const distribution = (values: Numbers): Numbers => a.add(softmaxOf(values, format, columns), 1e-8)
  const [p, q] = [distribution(model), distribution(base)]
  const terms = a.mul(p, a.map(a.div(p, q), Math.log))
  const divergences = Array.from({ length: base.length / columns }, (_, i) =>
    a.round(sumRun(terms, format, { from: i * columns, count: columns })),
  )
  return a.map(a.sub(model, base), (x, i) => Math.abs(x) * divergences[Math.floor(i / columns)]!)
}

/** Median + 1.5 × (third quartile − first). */
function thresholdOf(scores: Numbers, format: FloatFormat, generator: TorchGenerator): number {
  const a = arithmeticOf(format)
  const sample =
    scores.length > SAMPLE ? Float64Array.from(generator.integers(SAMPLE, scores.length), (i) => scores[i]!) : scores
  const sorted = sample.slice().sort()
  const [q1, median, q3] = [0.25, 0.5, 0.75].map((q) => sorted[Math.trunc(Math.fround(q * (sorted.length - 1)))]!)
  return a.round(median! + a.round(a.round(q3! - q1!) * 1.5))
}

/** Its mask is float32, and so is the result of bfloat16 and float16. */
export const mergekitArceeFusion: MergekitMethod = {
  formatOf: (format) => promote(format, 'F32'),
  draws: (size) => (size > SAMPLE ? SAMPLE : 0),
  merge({ format, shape, base, models: [model], generator }) {
    const [a, out] = [arithmeticOf(format), arithmeticOf(promote(format, 'F32'))]
    const scores = importance(model!, base!, format, shape.at(-1) ?? 1)
    const threshold = thresholdOf(scores, format, generator)
    const mask = Uint8Array.from(scores, (score) => (score >= threshold ? 1 : 0))
    return out.add(convert(base!, out.format), out.mul(a.sub(model!, base!), mask))
  },
}
