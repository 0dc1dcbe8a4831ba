// Complex arithmetic, for formulas whose variables may be any number: powers, roots and logarithms are the principal ones.

/** Real and imaginary part. */
export type Complex = readonly [number, number]

export const real = (x: number): Complex => [x, 0]
export const ONE = real(1)
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

export const exp = ([a, b]: Complex): Complex =>
  b === 0 ? [Math.exp(a), 0] : [Math.exp(a) * Math.cos(b), Math.exp(a) * Math.sin(b)]
export const log = (z: Complex): Complex => (size(z) === 0 ? UNDEFINED : [Math.log(size(z)), Math.atan2(z[1], z[0])])

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
  if (imaginary === 0 && base[1] === 0 && base[0] >= 0) return real(base[0] ** n)
  return exp(multiply(exponent, log(base)))
}

export const sqrt = (z: Complex): Complex => power(z, real(0.5))

export const sin = ([a, b]: Complex): Complex =>
  b === 0 ? real(Math.sin(a)) : [Math.sin(a) * Math.cosh(b), Math.cos(a) * Math.sinh(b)]
export const cos = ([a, b]: Complex): Complex =>
  b === 0 ? real(Math.cos(a)) : [Math.cos(a) * Math.cosh(b), -Math.sin(a) * Math.sinh(b)]
export const tan = (z: Complex): Complex => divide(sin(z), cos(z))
export const sinh = (z: Complex): Complex => divide(subtract(exp(z), exp(negative(z))), real(2))
export const cosh = (z: Complex): Complex => divide(add(exp(z), exp(negative(z))), real(2))
export const tanh = (z: Complex): Complex => divide(sinh(z), cosh(z))

const square = (z: Complex): Complex => multiply(z, z)
export const asin = (z: Complex): Complex =>
  negative(multiply(I, log(add(multiply(I, z), sqrt(subtract(ONE, square(z)))))))
export const acos = (z: Complex): Complex => subtract(real(Math.PI / 2), asin(z))
export const atan = (z: Complex): Complex =>
  multiply(divide(I, real(2)), subtract(log(subtract(ONE, multiply(I, z))), log(add(ONE, multiply(I, z)))))
export const asinh = (z: Complex): Complex => log(add(z, sqrt(add(square(z), ONE))))
export const acosh = (z: Complex): Complex => log(add(z, multiply(sqrt(add(z, ONE)), sqrt(subtract(z, ONE)))))
export const atanh = (z: Complex): Complex => divide(subtract(log(add(ONE, z)), log(subtract(ONE, z))), real(2))

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
    return real(out)
  }
  // Γ(z + 1) Γ(-z) = -π / sin πz, for the left half.
  if (z[0] < -0.5)
    return divide(divide(real(-Math.PI), sin(multiply(real(Math.PI), z))), factorial(subtract(negative(z), ONE)))
  const sum = LANCZOS.slice(1).reduce<Complex>(
    (total, c, i) => add(total, divide(real(c), add(z, real(i + 1)))),
    real(LANCZOS[0]!),
  )
  const t = add(z, real(7.5))
  return multiply(multiply(real(Math.sqrt(2 * Math.PI)), multiply(power(t, add(z, real(0.5))), exp(negative(t)))), sum)
}

/** n! / (k! (n - k)!); of whole numbers exactly. */
export function binomial(n: Complex, k: Complex): Complex {
  if (k[1] === 0 && Number.isInteger(k[0]) && Math.abs(k[0]) <= 1000) {
    let out = k[0] < 0 ? real(0) : ONE
    for (let i = 1; i <= k[0]; i++) out = divide(multiply(out, subtract(n, real(k[0] - i))), real(i))
    return out
  }
  return divide(factorial(n), multiply(factorial(k), factorial(subtract(n, k))))
}
