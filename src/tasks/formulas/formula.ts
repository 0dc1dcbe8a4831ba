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
} from './complex.js'
import { type Formula, FormulaCursor, type Values } from './cursor.js'
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

/** @param names gets the variables @throws Unreadable */
export const readFormula = (text: string, names: Set<string>): Formula =>
  new FormulaReader(tokensOf(text), names).read()

/** The rules of the grammar, one method each. */
class FormulaReader extends FormulaCursor {
  read(): Formula {
    const formula = this.sum()
    if (this.at < this.tokens.length) throw new Unreadable()
    return formula
  }

  private enclosed(open: string): Formula {
    this.take(open)
    const outer = this.barred
    this.barred = open === '|'
    const inner = this.sum()
    this.take(CLOSING[open]!)
    this.barred = outer
    return inner
  }

  /** What _ and ^ apply to: {…}, or an atom. */
  private script(): Formula {
    return this.next() === '{' ? this.enclosed('{') : this.atom()
  }

  private scripted(mark: string): Formula | undefined {
    return this.next() === mark ? (this.at++, this.script()) : undefined
  }

  /** The text of a subscript: a_1 and a_{1} are one name. */
  private subscript(): string {
    if (this.next() !== '_') return ''
    const from = ++this.at
    this.script()
    const inside = this.tokens.slice(from, this.at).join('')
    return `_${inside.startsWith('{') ? inside.slice(1, -1) : inside}`
  }

  private nameOf(letter: string): string {
    const primes = () => (/^'/.test(this.next() ?? '') ? this.tokens[this.at++] : '')
    const before = primes()
    const below = this.subscript()
    return letter + below + (before || primes())
  }

  private atom(): Formula {
    const token = this.next()
    if (token === undefined || UNREAD.test(token) || ENDS.test(token)) throw new Unreadable()
    this.at++
    if (/^\d/.test(token)) {
      const value = complexOf(Number(token.replaceAll(',', '')))
      return () => value
    }
    if (token === '\\frac') {
      const part = () => {
        const digits = this.next() ?? ''
        if (!/^\d{2,}$/.test(digits))
          return this.next() === '{' ? this.enclosed('{') : /^\d$/.test(digits) ? this.atom() : this.fail()
        this.tokens.splice(this.at, 1, digits[0]!, digits.slice(1))
        this.end++
        return this.atom()
      }
      const [above, below] = [part(), part()]
      return (values) => divide(above(values), below(values))
    }
    if (token === '\\binom') {
      const [n, k] = [this.enclosed('{'), this.enclosed('{')]
      return (values) => binomial(n(values), k(values))
    }
    if (!/^(\\[A-Za-z]+|[A-Za-z]|d.+)$/.test(token)) throw new Unreadable()
    const name = this.nameOf(token)
    if (this.next() === '(' && !token.startsWith('d')) {
      this.at++
      const args = [this.sum()]
      while (this.next() === ',') args.push((this.at++, this.sum()))
      this.take(')')
      return (values) =>
        unknownFunction(
          name,
          args.map((each) => each(values)),
        )
    }
    this.names.add(name)
    return (values) => values.get(name)!
  }

  private called(token: string): Formula {
    // \log_28 is the logarithm of 8: of a base behind which nothing can be an argument, the last digit is.
    const digits =
      this.next() === '_' &&
      /^\d{2,}$/.test(this.tokens[this.at + 1] ?? '') &&
      (this.at + 2 >= this.end || (this.ends(this.tokens[this.at + 2]) && !/[-+^]/.test(this.tokens[this.at + 2]!)))
        ? this.tokens[this.at + 1]
        : undefined
    if (digits) this.tokens.splice(this.at + 1, 1, digits.slice(0, -1), digits.slice(-1)), this.end++
    let [base, exponent] = [this.scripted('_'), this.scripted('^')]
    base ??= this.scripted('_')
    const own = this.next() === '(' ? this.enclosed('(') : this.factors(false)
    const inverse =
      exponent && token in FUNCTIONS && token !== '\\exp' && this.isMinusOne(exponent) ? inverseOf(token) : undefined
    const apply = (z: Complex, values: Values): Complex => {
      if (inverse) return inverse(z)
      return token in FUNCTIONS
        ? FUNCTIONS[token]!(z)
        : divide(elementary.log(z), elementary.log(base ? base(values) : complexOf(LOGARITHMS[token]!)))
    }
    return (values) =>
      exponent && !inverse ? power(apply(own(values), values), exponent(values)) : apply(own(values), values)
  }

  private root(): Formula {
    const degree = this.next() === '[' ? this.enclosed('[') : () => complexOf(2)
    const inner = this.enclosed('{')
    return (values) => power(inner(values), divide(ONE, degree(values)))
  }

  /** Of \sum and \prod: the variable and where it begins. */
  private start(): [string, Formula] {
    this.take('_'), this.take('{')
    const name = this.nameOf(this.tokens[this.at++] ?? '')
    this.take('=')
    const from = this.sum()
    this.take('}')
    return [name, from]
  }

  private summed(isProduct: boolean): Formula {
    const early = this.scripted('^')
    const [name, from] = this.start()
    const to = early ?? this.scripted('^') ?? this.fail()
    const body = this.terms()
    this.names.delete(name)
    return (values) => series(this.bound(name, body, values), from(values), to(values), isProduct)
  }

  private limitOf(): Formula {
    this.take('_'), this.take('{')
    const name = this.nameOf(this.tokens[this.at++] ?? '')
    if (!/^\\(to|rightarrow|Rightarrow|longrightarrow|Longrightarrow)$/.test(this.tokens[this.at++] ?? '')) this.fail()
    const sign = this.next() === '-' && this.tokens[this.at + 1] === '\\infty' ? (this.at++, -1) : 1
    const far = this.next() === '\\infty'
    const place = far ? (this.at++, undefined) : this.sum()
    this.take('}')
    const body = this.terms()
    this.names.delete(name)
    return (values) =>
      limit((h) => this.bound(name, body, values)(place ? add(place(values), h) : divide(complexOf(sign), h)))
  }

  private integrated(): Formula {
    const early = this.scripted('^')
    const from = this.scripted('_') ?? this.fail()
    const to = early ?? this.scripted('^') ?? this.fail()
    const [first, last] = [this.at, this.end]
    const close = this.tokens.slice(0, last).findIndex((token, i) => i >= first && /^d./.test(token))
    if (close < 0) throw new Unreadable()
    const name = this.tokens[close]!.slice(1)
    let body: Formula
    if (this.tokens[first] === '\\frac' && close === first + 2) {
      // \frac{dx}{…}
      this.names.add(this.tokens[close]!)
      const fraction = this.atom()
      this.names.delete(this.tokens[close]!)
      body = (values) => fraction(new Map(values).set(`d${name}`, ONE))
    } else {
      this.end = close
      body = this.at === close ? () => ONE : this.sum()
      if (this.at < close) throw new Unreadable()
      ;[this.at, this.end] = [close + 1, last]
    }
    this.names.delete(name)
    return (values) => integral(this.bound(name, body, values), from(values), to(values))
  }

  private factor(): Formula {
    const token = this.next()
    if (token !== undefined && token in CLOSING) {
      const inner = this.enclosed(token)
      const apply = GROUPS[token]
      return apply ? (values) => apply(inner(values)) : inner
    }
    if (!this.isFunction(token)) return this.atom()
    this.at++
    if (token === '\\sqrt') return this.root()
    if (token === '\\int') return this.alone(() => this.integrated())
    if (token === '\\lim') return this.alone(() => this.limitOf())
    return token === '\\sum' || token === '\\prod'
      ? this.alone(() => this.summed(token === '\\prod'))
      : this.called(token!)
  }

  /** A factor with its powers, then its factorials. */
  private raised(): Formula {
    let base = this.factor()
    for (let mark = this.next(); mark === '^' || mark === '!'; mark = this.next()) {
      this.at++
      const inner = base
      const exponent = mark === '^' ? this.script() : undefined
      base = (values) => (exponent ? power(inner(values), exponent(values)) : factorial(inner(values)))
    }
    return base
  }

  /** Factors side by side, which bind tighter than a sign between them; within a function's argument, up to the next function. */
  private beside(all: boolean): Formula {
    if (this.next() === '-' || this.next() === '+') {
      const sign = this.tokens[this.at++]
      const inner = this.beside(all)
      return sign === '-' ? (values) => negative(inner(values)) : inner
    }
    const by = this.tokens
      .slice(this.at, this.at + 8)
      .join('')
      .match(/^\\frac\{d\}\{d(\\?[A-Za-z]+)\}/)
    if (by) this.at += 7
    if (by) return this.derived(by[1]!, all)
    let left = this.raised()
    while (!this.ends(this.next()) && (all || !this.isFunction(this.next()))) {
      const [before, right] = [left, this.raised()]
      left = (values) => multiply(before(values), right(values))
    }
    return left
  }

  private derived(name: string, all: boolean): Formula {
    const body = this.alone(() => this.beside(all))
    this.names.add(name)
    return (values) => derivative(this.bound(name, body, values), values.get(name)!)
  }

  private factors(all: boolean): Formula {
    let left = this.beside(all)
    while (PRODUCT.test(this.next() ?? '')) {
      const [sign, before] = [this.tokens[this.at++], left]
      const right = this.beside(all)
      left = /^(\/|:|\\div)$/.test(sign!)
        ? (values) => divide(before(values), right(values))
        : (values) => multiply(before(values), right(values))
    }
    return left
  }

  private terms(): Formula {
    return this.factors(true)
  }

  private sum(): Formula {
    let left = this.terms()
    while (this.next() === '+' || this.next() === '-') {
      const [combine, before] = [this.tokens[this.at++] === '-' ? subtract : add, left]
      const right = this.terms()
      left = (values) => combine(before(values), right(values))
    }
    return left
  }
}
