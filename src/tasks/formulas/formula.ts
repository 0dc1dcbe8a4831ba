// A formula in LaTeX as a function of its variables, read by sympy's grammar: factors side by side bind tighter than a sign between
// them, x(x + 1) is a function x, \pi, e and i are letters. Nothing may stand behind it, where sympy passes over what does.
import { derivative, integral, limit, series } from './calculus.js'
import {
  add,
  binomial,
  type Complex,
  complexOf,
  divide,
  elementary,
  factorial,
  multiply,
  negative,
  ONE,
  power,
  subtract,
  UNDEFINED,
} from './complex.js'
import {
  CLOSING,
  ENDS,
  FUNCTIONS,
  GROUPS,
  inverseOf,
  LOGARITHMS,
  PRODUCT,
  tokensOf,
  UNREAD,
  Unreadable,
  unknownFunction,
} from './symbols.js'

type Values = ReadonlyMap<string, Complex>
/** The value of a formula where the variables have these values; NaN where it has none. */
export type Formula = (variables: Values) => Complex

/**
 * One piece: the rules of the grammar are closures over the position in the text.
 * @param names gets the variables
 * @throws Unreadable
 */
export function readFormula(text: string, names: Set<string>): Formula {
  const tokens = tokensOf(text)
  let at = 0
  let end = tokens.length
  const next = () => (at < end ? tokens[at] : undefined)
  const take = (wanted: string) => {
    if (next() !== wanted) throw new Unreadable()
    at++
  }
  /** Whether a bar closes: one that is not open begins a factor. */
  let barred = false
  const enclosed = (open: string): Formula => {
    take(open)
    const outer = barred
    barred = open === '|'
    const inner = sum()
    take(CLOSING[open]!)
    barred = outer
    return inner
  }
  const ends = (token: string | undefined) => token === undefined || (token === '|' ? barred : ENDS.test(token))
  /** What _ and ^ apply to: {…}, or an atom. */
  const script = (): Formula => (next() === '{' ? enclosed('{') : atom())
  const scripted = (mark: string): Formula | undefined => (next() === mark ? (at++, script()) : undefined)
  /** The text of a subscript: a_1 and a_{1} are one name. */
  const subscript = (): string => {
    if (next() !== '_') return ''
    const from = ++at
    script()
    const inside = tokens.slice(from, at).join('')
    return `_${inside.startsWith('{') ? inside.slice(1, -1) : inside}`
  }
  const nameOf = (letter: string): string => {
    const primes = () => (/^'/.test(next() ?? '') ? tokens[at++] : '')
    const before = primes()
    const below = subscript()
    return letter + below + (before || primes())
  }
  /** A variable, with what it is bound to in a sum, a limit or an integral. */
  const bound = (name: string, body: Formula, values: Values) => (x: Complex) => body(new Map(values).set(name, x))
  const atom = (): Formula => {
    const token = next()
    if (token === undefined || UNREAD.test(token) || ENDS.test(token)) throw new Unreadable()
    at++
    if (/^\d/.test(token)) {
      const value = complexOf(Number(token.replaceAll(',', '')))
      return () => value
    }
    if (token === '\\frac') {
      const part = () => {
        const digits = next() ?? ''
        if (!/^\d{2,}$/.test(digits)) return next() === '{' ? enclosed('{') : /^\d$/.test(digits) ? atom() : fail()
        tokens.splice(at, 1, digits[0]!, digits.slice(1))
        end++
        return atom()
      }
      const [above, below] = [part(), part()]
      return (values) => divide(above(values), below(values))
    }
    if (token === '\\binom') {
      const [n, k] = [enclosed('{'), enclosed('{')]
      return (values) => binomial(n(values), k(values))
    }
    if (!/^(\\[A-Za-z]+|[A-Za-z]|d.+)$/.test(token)) throw new Unreadable()
    const name = nameOf(token)
    if (next() === '(' && !token.startsWith('d')) {
      at++
      const args = [sum()]
      while (next() === ',') args.push((at++, sum()))
      take(')')
      return (values) =>
        unknownFunction(
          name,
          args.map((each) => each(values)),
        )
    }
    names.add(name)
    return (values) => values.get(name)!
  }
  const fail = (): never => {
    throw new Unreadable()
  }
  const isFunction = (token: string | undefined) =>
    token !== undefined && (token in FUNCTIONS || token in LOGARITHMS || /^\\(int|sqrt|sum|prod|lim)$/.test(token))
  const called = (token: string): Formula => {
    // \log_28 is the logarithm of 8: of a base behind which nothing can be an argument, the last digit is.
    const digits =
      next() === '_' &&
      /^\d{2,}$/.test(tokens[at + 1] ?? '') &&
      (at + 2 >= end || (ends(tokens[at + 2]) && !/[-+^]/.test(tokens[at + 2]!)))
        ? tokens[at + 1]
        : undefined
    if (digits) tokens.splice(at + 1, 1, digits.slice(0, -1), digits.slice(-1)), end++
    let [base, exponent] = [scripted('_'), scripted('^')]
    base ??= scripted('_')
    const own = next() === '(' ? enclosed('(') : factors(false)
    const inverse =
      exponent && token in FUNCTIONS && token !== '\\exp' && isMinusOne(exponent) ? inverseOf(token) : undefined
    const apply = (z: Complex, values: Values): Complex => {
      if (inverse) return inverse(z)
      return token in FUNCTIONS
        ? FUNCTIONS[token]!(z)
        : divide(elementary.log(z), elementary.log(base ? base(values) : complexOf(LOGARITHMS[token]!)))
    }
    return (values) =>
      exponent && !inverse ? power(apply(own(values), values), exponent(values)) : apply(own(values), values)
  }
  const isMinusOne = (formula: Formula): boolean => {
    const [a, b] = formula(new Map([...names].map((name) => [name, UNDEFINED])))
    return a === -1 && b === 0
  }
  const root = (): Formula => {
    const degree = next() === '[' ? enclosed('[') : () => complexOf(2)
    const inner = enclosed('{')
    return (values) => power(inner(values), divide(ONE, degree(values)))
  }
  /** Of \sum and \prod: the variable and where it begins. */
  const start = (): [string, Formula] => {
    take('_'), take('{')
    const name = nameOf(tokens[at++] ?? '')
    take('=')
    const from = sum()
    take('}')
    return [name, from]
  }
  /** One sum, limit or integral is not within another: the number of values would multiply. */
  let inner = false
  const alone = <T>(read: () => T): T => {
    if (inner) throw new Unreadable()
    inner = true
    const found = read()
    inner = false
    return found
  }
  const summed = (isProduct: boolean): Formula => {
    const early = scripted('^')
    const [name, from] = start()
    const to = early ?? scripted('^') ?? fail()
    const body = terms()
    names.delete(name)
    return (values) => series(bound(name, body, values), from(values), to(values), isProduct)
  }
  const limitOf = (): Formula => {
    take('_'), take('{')
    const name = nameOf(tokens[at++] ?? '')
    if (!/^\\(to|rightarrow|Rightarrow|longrightarrow|Longrightarrow)$/.test(tokens[at++] ?? '')) fail()
    const sign = next() === '-' && tokens[at + 1] === '\\infty' ? (at++, -1) : 1
    const far = next() === '\\infty'
    const place = far ? (at++, undefined) : sum()
    take('}')
    const body = terms()
    names.delete(name)
    return (values) =>
      limit((h) => bound(name, body, values)(place ? add(place(values), h) : divide(complexOf(sign), h)))
  }
  const integrated = (): Formula => {
    const early = scripted('^')
    const from = scripted('_') ?? fail()
    const to = early ?? scripted('^') ?? fail()
    const [first, last] = [at, end]
    const close = tokens.slice(0, last).findIndex((token, i) => i >= first && /^d./.test(token))
    if (close < 0) throw new Unreadable()
    const name = tokens[close]!.slice(1)
    let body: Formula
    if (tokens[first] === '\\frac' && close === first + 2) {
      // \frac{dx}{…}
      names.add(tokens[close]!)
      const fraction = atom()
      names.delete(tokens[close]!)
      body = (values) => fraction(new Map(values).set(`d${name}`, ONE))
    } else {
      end = close
      body = at === close ? () => ONE : sum()
      if (at < close) throw new Unreadable()
      ;[at, end] = [close + 1, last]
    }
    names.delete(name)
    return (values) => integral(bound(name, body, values), from(values), to(values))
  }
  const factor = (): Formula => {
    const token = next()
    if (token !== undefined && token in CLOSING) {
      const inner = enclosed(token)
      const apply = GROUPS[token]
      return apply ? (values) => apply(inner(values)) : inner
    }
    if (!isFunction(token)) return atom()
    at++
    if (token === '\\sqrt') return root()
    if (token === '\\int') return alone(integrated)
    if (token === '\\lim') return alone(limitOf)
    return token === '\\sum' || token === '\\prod' ? alone(() => summed(token === '\\prod')) : called(token!)
  }
  /** A factor with its powers, then its factorials. */
  const raised = (): Formula => {
    let base = factor()
    for (let mark = next(); mark === '^' || mark === '!'; mark = next()) {
      at++
      const inner = base
      const exponent = mark === '^' ? script() : undefined
      base = (values) => (exponent ? power(inner(values), exponent(values)) : factorial(inner(values)))
    }
    return base
  }
  /** Factors side by side, which bind tighter than a sign between them; within a function's argument, up to the next function. */
  const beside = (all: boolean): Formula => {
    if (next() === '-' || next() === '+') {
      const sign = tokens[at++]
      const inner = beside(all)
      return sign === '-' ? (values) => negative(inner(values)) : inner
    }
    const by = tokens
      .slice(at, at + 8)
      .join('')
      .match(/^\\frac\{d\}\{d(\\?[A-Za-z]+)\}/)
    if (by) at += 7
    if (by) return derived(by[1]!, all)
    let left = raised()
    while (!ends(next()) && (all || !isFunction(next()))) {
      const [before, right] = [left, raised()]
      left = (values) => multiply(before(values), right(values))
    }
    return left
  }
  const derived = (name: string, all: boolean): Formula => {
    const body = alone(() => beside(all))
    names.add(name)
    return (values) => derivative(bound(name, body, values), values.get(name)!)
  }
  const factors = (all: boolean): Formula => {
    let left = beside(all)
    while (PRODUCT.test(next() ?? '')) {
      const [sign, before] = [tokens[at++], left]
      const right = beside(all)
      left = /^(\/|:|\\div)$/.test(sign!)
        ? (values) => divide(before(values), right(values))
        : (values) => multiply(before(values), right(values))
    }
    return left
  }
  const terms = (): Formula => factors(true)
  const sum = (): Formula => {
    let left = terms()
    while (next() === '+' || next() === '-') {
      const [combine, before] = [tokens[at++] === '-' ? subtract : add, left]
      const right = terms()
      left = (values) => combine(before(values), right(values))
    }
    return left
  }
  const formula = sum()
  if (at < tokens.length) throw new Unreadable()
  return formula
}
