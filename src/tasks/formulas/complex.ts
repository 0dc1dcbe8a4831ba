// Complex arithmetic, for formulas whose variables may be any number: powers, roots and logarithms are the principal ones.

/** Real and imaginary part. */
export type Complex = readonly [number, number]

export const complexOf = (x: number): Complex => [x, 0]
export const ONE = complexOf(1)
export const UNDEFINED: Complex = [NaN, NaN]
const I: Complex = [0, 1]

export const add = ([a, b]: Complex, [c, d]: Complex): Complex => [a + c, b + d]
export const negative = ([a, b]: Complex): Complex => [-a, b === 0 ? 0 : -b]
export const subtract = (a: Complex, b: Complex): Complex => add(a, negative(b))
export const multiply = ([a, b]: Complex, [c, d]: Complex): Complex =>
  b === 0 && d === 0 ? [a * c, 0] : [a * c - b * d, a * d + b * c]
export const size = ([a, b]: Complex): number => Math.hypot(a, b)

export function divide([a, b]: Complex, [c, d]: Complex): Complex {
  if (d === 0) return c === 0 ? UNDEFINED : [a / c, b / c]
  const square = c * c + d * d
  return [(a * c + b * d) / square, (b * c - a * d) / square]
}

const exp = ([a, b]: Complex): Complex =>
  b === 0 ? [Math.exp(a), 0] : [Math.exp(a) * Math.cos(b), Math.exp(a) * Math.sin(b)]
const log = (z: Complex): Complex => (size(z) === 0 ? UNDEFINED : [Math.log(size(z)), Math.atan2(z[1], z[0])])

export function power(base: Complex, exponent: Complex): Complex {
  const [n, imaginary] = exponent
  if (imaginary === 0 && Number.isInteger(n) && Math.abs(n) <= 1024) {
    let out = ONE
    for (let bit = 1 << 10; bit > 0; bit >>= 1) {
      out = multiply(out, out)
      if (Math.abs(n) & bit) out = multiply(out, base)
    }
    return n < 0 ? divide(ONE, out) : out
  }
  if (imaginary === 0 && base[1] === 0 && base[0] >= 0) return complexOf(base[0] ** n)
  return exp(multiply(exponent, log(base)))
}

const sqrt = (z: Complex): Complex => power(z, complexOf(0.5))

const sin = ([a, b]: Complex): Complex =>
  b === 0 ? complexOf(Math.sin(a)) : [Math.sin(a) * Math.cosh(b), Math.cos(a) * Math.sinh(b)]
const cos = ([a, b]: Complex): Complex =>
  b === 0 ? complexOf(Math.cos(a)) : [Math.cos(a) * Math.cosh(b), -Math.sin(a) * Math.sinh(b)]
const tan = (z: Complex): Complex => divide(sin(z), cos(z))
const sinh = (z: Complex): Complex => divide(subtract(exp(z), exp(negative(z))), complexOf(2))
const cosh = (z: Complex): Complex => divide(add(exp(z), exp(negative(z))), complexOf(2))
const tanh = (z: Complex): Complex => divide(sinh(z), cosh(z))

const square = (z: Complex): Complex => multiply(z, z)
const asin = (z: Complex): Complex => negative(multiply(I, log(add(multiply(I, z), sqrt(subtract(ONE, square(z)))))))
const acos = (z: Complex): Complex => subtract(complexOf(Math.PI / 2), asin(z))
const atan = (z: Complex): Complex =>
  multiply(divide(I, complexOf(2)), subtract(log(subtract(ONE, multiply(I, z))), log(add(ONE, multiply(I, z)))))
const asinh = (z: Complex): Complex => log(add(z, sqrt(add(square(z), ONE))))
const acosh = (z: Complex): Complex => log(add(z, multiply(sqrt(add(z, ONE)), sqrt(subtract(z, ONE)))))
const atanh = (z: Complex): Complex => divide(subtract(log(add(ONE, z)), log(subtract(ONE, z))), complexOf(2))

/** Elementary functions, each with its principal value. */
export const elementary = {
  exp,
  log,
  sqrt,
  sin,
  cos,
  tan,
  sinh,
  cosh,
  tanh,
  asin,
  acos,
  atan,
  asinh,
  acosh,
  atanh,
}

/** Coefficients of Lanczos's approximation for g = 7 and nine terms. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

/** z!, the gamma function of z + 1. */
export function factorial(z: Complex): Complex {
  if (z[1] === 0 && Number.isInteger(z[0])) {
    if (z[0] < 0 || z[0] > 170) return UNDEFINED
    let out = 1
    for (let i = 2; i <= z[0]; i++) out *= i
    return complexOf(out)
  }
  // Γ(z + 1) Γ(-z) = -π / sin πz, for the left half.
  if (z[0] < -0.5)
    return divide(
      divide(complexOf(-Math.PI), sin(multiply(complexOf(Math.PI), z))),
      factorial(subtract(negative(z), ONE)),
    )
  const sum = LANCZOS.slice(1).reduce<Complex>(
    (total, c, i) => add(total, divide(complexOf(c), add(z, complexOf(i + 1)))),
    complexOf(LANCZOS[0]!),
  )
  const t = add(z, complexOf(7.5))
  return multiply(
    multiply(complexOf(Math.sqrt(2 * Math.PI)), multiply(power(t, add(z, complexOf(0.5))), exp(negative(t)))),
    sum,
  )
}

/** n! / (k! (n - k)!); of whole numbers exactly. */
export function binomial(n: Complex, k: Complex): Complex {
  if (k[1] === 0 && Number.isInteger(k[0]) && Math.abs(k[0]) <= 1000) {
    let out = k[0] < 0 ? complexOf(0) : ONE
    for (let i = 1; i <= k[0]; i++) out = divide(multiply(out, subtract(n, complexOf(k[0] - i))), complexOf(i))
    return out
  }
  return divide(factorial(n), multiply(factorial(k), factorial(subtract(n, k))))
}
