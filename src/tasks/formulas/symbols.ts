// The signs of a formula in LaTeX, as sympy's grammar (LaTeX.g4 of sympy 1.14) tells them apart, and what its functions compute.
import { add, type Complex, complexOf, divide, elementary, multiply, ONE, size } from './complex.js'

/** No answer of MATH is as long; what is longer is not read. */
const LONGEST = 500

const TOKEN =
  /\s*(\d+(?:,\d{3})*(?:\.\d+)?|\\[{}]|d(?:[A-Za-z]|\\[A-Za-z]+)|\\[A-Za-z]+|[A-Za-z]|'+|[-+*/:^_!(){}[\]|,=])/y
const SPACE =
  /\\(left|right|quad|qquad|thinspace|medspace|thickspace|negthinspace|negmedspace|negthickspace|limits)(?![A-Za-z])|\\[,;:!]/g

type Apply = (z: Complex) => Complex
const inverted =
  (apply: Apply): Apply =>
  (z) =>
    divide(ONE, apply(z))
const ofInverse =
  (apply: Apply): Apply =>
  (z) =>
    apply(divide(ONE, z))
const { sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh } = elementary
export const FUNCTIONS: Record<string, Apply> = {
  '\\exp': elementary.exp,
  '\\sin': sin,
  '\\cos': cos,
  '\\tan': tan,
  '\\cot': inverted(tan),
  '\\sec': inverted(cos),
  '\\csc': inverted(sin),
  '\\arcsin': asin,
  '\\arccos': acos,
  '\\arctan': atan,
  '\\arccot': ofInverse(atan),
  '\\arcsec': ofInverse(acos),
  '\\arccsc': ofInverse(asin),
  '\\sinh': sinh,
  '\\cosh': cosh,
  '\\tanh': tanh,
  '\\arsinh': asinh,
  '\\arcosh': acosh,
  '\\artanh': atanh,
}
export const LOGARITHMS: Record<string, number> = { '\\ln': Math.E, '\\log': Math.E, '\\lg': 10 }
/** \sin^{-1} is the arc sine, as sympy reads it. */
export const inverseOf = (name: string): Apply | undefined =>
  FUNCTIONS[name.replace('\\', name.endsWith('h') ? '\\ar' : '\\arc')]
export const CLOSING: Record<string, string> = {
  '(': ')',
  '[': ']',
  '{': '}',
  '\\{': '\\}',
  '|': '|',
  '\\lfloor': '\\rfloor',
  '\\lceil': '\\rceil',
}
const rounded =
  (round: (x: number) => number): Apply =>
  ([a, b]) => [round(a), round(b)]
export const GROUPS: Record<string, Apply> = {
  '|': (z) => complexOf(size(z)),
  '\\lfloor': rounded(Math.floor),
  '\\lceil': rounded(Math.ceil),
}
export const PRODUCT = /^(\*|\/|:|\\times|\\cdot|\\div)$/
/** What ends a run of factors side by side. */
export const ENDS = /^([-+*/:^_!,)=\]}|]|\\times|\\cdot|\\div|\\\}|\\rfloor|\\rceil|\\to|\\rightarrow|'+)$/
export const UNREAD = /^\\(le|leq|leqq|leqslant|ge|geq|geqq|geqslant|neq|langle|rangle|mathit|infty|to|rightarrow|end)$/

/** What is not arithmetic. */
export class Unreadable extends Error {}

/** @throws Unreadable */
export function tokensOf(text: string): string[] {
  const plain = text
    .replace(SPACE, '')
    .replace(/\\[dt](frac|binom)/g, '\\$1')
    .trim()
  if (plain.length > LONGEST) throw new Unreadable()
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < plain.length) {
    const found = TOKEN.exec(plain)
    if (!found) throw new Unreadable()
    tokens.push(found[1]!)
  }
  return tokens
}

/** A function that nothing is known of but its name: another value for other arguments. */
export function unknownFunction(name: string, args: readonly Complex[]): Complex {
  const seed = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 997, 7) / 997
  return args.reduce<Complex>(
    (sum, z, i) => add(sum, sin(add(multiply(complexOf(0.7 + 0.1 * i), z), complexOf(1 + seed)))),
    complexOf(seed),
  )
}
