// mergekit's ram and ramplus_tl: entries that one model moved are added whole, those of several averaged.
import { arithmeticOf } from './arithmetic.js'
import { convert, type Numbers, promote } from './format.js'
import type { MergekitInputs, MergekitMethod } from './method.js'

/** Deltas, 0 where the model did not move the entry, and how many models moved each. */
function movesOf({ format, base, models }: MergekitInputs, epsilon: number): { moves: Numbers[]; counts: Uint16Array } {
  const a = arithmeticOf(format)
  const least = a.round(epsilon)
  const deltas = models.map((model) => a.sub(model, base!))
  const moved = (x: number): number => (Math.abs(x) > least ? 1 : 0)
  const counts = new Uint16Array(base!.length)
  for (const delta of deltas) for (let i = 0; i < delta.length; i++) counts[i]! += moved(delta[i]!)
  return { moves: deltas.map((delta) => a.map(delta, (x) => x * moved(x))), counts }
}

export const mergekitRam: MergekitMethod = {
  merge(inputs, { epsilon }) {
    const a = arithmeticOf(inputs.format)
    const { moves, counts } = movesOf(inputs, epsilon)
    const parts = moves.map((move) => a.map(move, (x, i) => (counts[i]! > 1 ? x / a.round(counts[i]!) : x)))
    return a.add(inputs.base!, a.sumOf(parts))
  },
}

/** Its factors are float32, and so is the result of bfloat16 and float16. */
export const mergekitRamplus: MergekitMethod = {
  formatOf: (format) => promote(format, 'F32'),
  merge(inputs, { r, alpha, epsilon }) {
    const { format, base } = inputs
    const [a, f] = [arithmeticOf(format), arithmeticOf('F32')]
    const out = arithmeticOf(promote(format, 'F32'))
    const { moves, counts } = movesOf(inputs, epsilon)
    const parts = moves.map((move) => {
      let [shared, own] = [0, 0]
      for (let i = 0; i < move.length; i++)
        if (move[i]) {
          if (counts[i]! > 1) shared++
          else own++
        }
      const ratio = f.round(f.round(shared) / Math.max(f.round(own), f.round(epsilon)))
      const factor = f.round(1 + f.round(Math.min(Math.max(ratio, 0), f.round(alpha)) * f.round(r)))
      return out.map(move, (x, i) => (counts[i]! > 1 ? a.round(x / a.round(counts[i]!)) : out.round(x * factor)))
    })
    return out.add(convert(base!, out.format), out.sumOf(parts))
  },
}
