// Sums, products, integrals, limits and derivatives of a function of one complex number, by its values.
import {
  add,
  type Complex,
  complexOf,
  divide,
  elementary,
  multiply,
  ONE,
  size,
  subtract,
  UNDEFINED,
} from './complex.js'

/** A function of one complex number. */
export type ComplexFunction = (x: Complex) => Complex

const POINTS = 24
const circle = Array.from(
  { length: POINTS },
  (_, i): Complex => [Math.cos((2 * Math.PI * (i + 0.5)) / POINTS), Math.sin((2 * Math.PI * (i + 0.5)) / POINTS)],
)
const mean = (values: readonly Complex[]): Complex => divide(values.reduce(add), complexOf(values.length))

/** By Cauchy's formula on a circle about x, exact to rounding where the function is analytic there. */
export function derivative(f: ComplexFunction, x: Complex): Complex {
  return mean(
    circle.map((turn) => divide(f(add(x, multiply(complexOf(RADIUS), turn))), multiply(complexOf(RADIUS), turn))),
  )
}
const RADIUS = 0.05

/** The mean on a small circle, which is the limit where the function has one from all sides: its spread then shrinks with the circle. */
export function limit(f: ComplexFunction): Complex {
  const on = (radius: number) => circle.map((turn) => f(multiply(complexOf(radius), turn)))
  const spread = (values: readonly Complex[]) => Math.max(...values.map((value) => size(subtract(value, mean(values)))))
  const [wide, narrow] = [on(1e-2), on(1e-3)]
  return spread(narrow) <= 0.5 * spread(wide) + 1e-12 ? mean(wide) : UNDEFINED
}

/** From a to b on a straight line, by the double exponential rule, which does not mind roots at the ends. */
export function integral(f: ComplexFunction, a: Complex, b: Complex): Complex {
  const half = divide(subtract(b, a), complexOf(2))
  const step = 1 / 32
  let total: Complex = complexOf(0)
  for (let i = -112; i <= 112; i++) {
    const [inner] = elementary.sinh(complexOf(i * step))
    const [place] = elementary.tanh(complexOf((Math.PI / 2) * inner))
    const weight = ((Math.PI / 2) * Math.cosh(i * step)) / Math.cosh((Math.PI / 2) * inner) ** 2
    if (Math.abs(place) < 1)
      total = add(total, multiply(complexOf(weight * step), f(add(a, multiply(half, complexOf(1 + place))))))
  }
  return multiply(half, total)
}

/** Terms that are added up at most; a longer sum has no value here. */
const LONGEST = 10_000

export function series(f: ComplexFunction, from: Complex, to: Complex, product: boolean): Complex {
  const [[first, a], [last, b]] = [from, to]
  if (a !== 0 || b !== 0 || !Number.isInteger(first) || !Number.isInteger(last) || last - first > LONGEST)
    return UNDEFINED
  let out: Complex = product ? ONE : complexOf(0)
  for (let k = first; k <= last; k++) out = product ? multiply(out, f(complexOf(k))) : add(out, f(complexOf(k)))
  return out
}
