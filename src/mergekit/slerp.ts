// mergekit's slerp: in float32 whatever the format, the sums in chunks of 2^20 entries.
import { arithmeticOf } from './arithmetic.js'
import { convert, type Numbers } from './format.js'
import { wide } from './linear.js'
import type { MergekitMethod } from './method.js'
import { normRun, sumRun } from './sums.js'

const CHUNK = 2 ** 20
/** Cosine beyond which the interpolation is linear, and norm up to which a vector is not divided. */
const [STRAIGHT, LEAST] = [0.9995, 1e-8]

export const mergekitSlerp: MergekitMethod = {
  // The first of the two is the base.
  merge({ format, models }, { t }) {
    const [a, b] = models as [Numbers, Numbers]
    const m = arithmeticOf(wide(format))
    const chunks = Array.from({ length: Math.ceil(a.length / CHUNK) }, (_, i) => ({
      from: i * CHUNK,
      count: Math.min(CHUNK, a.length - i * CHUNK),
    }))
    const unit = (values: Numbers): Numbers => {
      const norms = Float64Array.from(chunks, (chunk) => normRun(values, m.format, chunk))
      const norm = chunks.length > 1 ? normRun(norms, m.format) : norms[0]!
      return m.div(values, norm > LEAST ? norm : 1)
    }
    const product = m.mul(unit(a), unit(b))
    const dots = Float64Array.from(chunks, (chunk) => sumRun(product, m.format, chunk))
    const cosine = Math.min(1, Math.max(-1, m.round(sumRun(dots, m.format))))
    const place = m.round(t)
    const straight = Math.abs(cosine) > m.round(STRAIGHT)
    const angle = m.round(Math.acos(straight ? 0 : cosine))
    const sine = m.round(Math.sin(angle))
    const left = m.round(1 - place)
    const share = (part: number) => m.round(m.round(Math.sin(m.round(part * angle))) / sine)
    const [first, second] = straight ? [left, place] : [share(left), share(place)]
    return convert(m.add(m.mul(a, first), m.mul(b, second)), format)
  },
}
