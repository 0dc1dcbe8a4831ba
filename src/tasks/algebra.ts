// Whether two answers in LaTeX are the same number or formula: read as arithmetic, and compared at chosen values of their
// variables. Two formulas that agree to nine digits at every one of them differ only by accident.

/** The value of a formula where the variables have these values; NaN where it has none. */
type Formula = (variables: ReadonlyMap<string, number>) => number

/** No answer of MATH is as long; what is longer is not read. */
const LONGEST = 500

const TOKEN = /\s*(\d+(?:,\d{3})*(?:\.\d+)?|\.\d+|\\[A-Za-z]+|[A-Za-z](?:_(?:\w|\{\w+\}))?|[-+*/^!(){}[\]|])/y

const FUNCTIONS: Record<string, (x: number) => number> = {
  '\\sin': Math.sin, '\\cos': Math.cos, '\\tan': Math.tan, '\\cot': (x) => 1 / Math.tan(x), '\\sec': (x) => 1 / Math.cos(x), '\\csc': (x) => 1 / Math.sin(x),
  '\\arcsin': Math.asin, '\\arccos': Math.acos, '\\arctan': Math.atan, '\\ln': Math.log, '\\log': Math.log10, '\\exp': Math.exp,
}
const CLOSING: Record<string, string> = { '(': ')', '[': ']', '{': '}', '|': '|' }

/** What is not arithmetic. */
class Unreadable extends Error {}

/** @throws Unreadable */
function tokensOf(text: string): string[] {
  const plain = text
    .replace(/\\(left|right|displaystyle|[,;:! ])/g, '')
    .replace(/\\[dtc]frac/g, '\\frac')
    .replace(/\\(cdot|times|ast)(?![A-Za-z])/g, '*')
    .replace(/\\div(?![A-Za-z])/g, '/')
    .replace(/\\?%/g, '')
    .trim()
  if (plain.length > LONGEST) throw new Unreadable()
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < plain.length) {
    const found = TOKEN.exec(plain)
    if (!found) throw new Unreadable()
    tokens.push(found[1])
  }
  return tokens
}

function factorial(n: number): number {
  if (!Number.isInteger(n) || n < 0 || n > 170) return NaN
  return n < 2 ? 1 : n * factorial(n - 1)
}

/** @param names gets the variables @throws Unreadable */
function readFormula(text: string, names: Set<string>): Formula {
  const tokens = tokensOf(text)
  let at = 0
  const take = (wanted: string) => {
    if (tokens[at++] !== wanted) throw new Unreadable()
  }
  const enclosed = (open: string): Formula => {
    take(open)
    const inner = sum()
    take(CLOSING[open])
    return inner
  }
  /** What a command or a power applies to: {…}, or one token, of a number its first digit. */
  const group = (): Formula => {
    if (tokens[at] === '{') return enclosed('{')
    if (/^\d{2,}$/.test(tokens[at])) {
      const [digit, rest] = [tokens[at][0], tokens[at].slice(1)]
      tokens.splice(at, 1, digit, rest)
    }
    return tokens[at] === '-' ? (at++, negative(group())) : primary()
  }
  const negative = (inner: Formula): Formula => (values) => -inner(values)
  const primary = (): Formula => {
    const token = tokens[at]
    if (token === undefined) throw new Unreadable()
    if (token in CLOSING) {
      const inner = enclosed(token)
      return token === '|' ? (values) => Math.abs(inner(values)) : inner
    }
    at++
    if (/^[\d.]/.test(token)) return () => Number(token.replaceAll(',', ''))
    if (token === '\\pi') return () => Math.PI
    if (token === '\\frac') {
      const [above, below] = [group(), group()]
      return (values) => above(values) / below(values)
    }
    if (token === '\\sqrt') {
      const degree = tokens[at] === '[' ? enclosed('[') : () => 2
      const inner = group()
      return (values) => rootOf(inner(values), degree(values))
    }
    if (token in FUNCTIONS) return called(FUNCTIONS[token])
    if (!/^[A-Za-z]/.test(token)) throw new Unreadable()
    names.add(token)
    return (values) => values.get(token)!
  }
  const called = (apply: (x: number) => number): Formula => {
    const exponent = tokens[at] === '^' ? (at++, group()) : undefined
    const inner = power()
    return (values) => (exponent ? apply(inner(values)) ** exponent(values) : apply(inner(values)))
  }
  const power = (): Formula => {
    let base = primary()
    while (tokens[at] === '!') {
      at++
      const inner = base
      base = (values) => factorial(inner(values))
    }
    if (tokens[at] !== '^') return base
    at++
    const exponent = group()
    return (values) => base(values) ** exponent(values)
  }
  const signed = (): Formula => {
    if (tokens[at] !== '-' && tokens[at] !== '+') return power()
    return tokens[at++] === '-' ? negative(signed()) : signed()
  }
  /** Factors side by side are multiplied. */
  const product = (): Formula => {
    let left = signed()
    for (;;) {
      const [sign, before] = [tokens[at], left]
      if (sign === '*' || sign === '/') at++
      else if (sign === undefined || /^[-+)\]}|!^]$/.test(sign)) return left
      const right = sign === '*' || sign === '/' ? signed() : power()
      left = sign === '/' ? (values) => before(values) / right(values) : (values) => before(values) * right(values)
    }
  }
  const sum = (): Formula => {
    let left = product()
    while (tokens[at] === '+' || tokens[at] === '-') {
      const [sign, before] = [tokens[at++] === '-' ? -1 : 1, left]
      const right = product()
      left = (values) => before(values) + sign * right(values)
    }
    return left
  }
  const formula = sum()
  if (at < tokens.length) throw new Unreadable()
  return formula
}

const rootOf = (value: number, degree: number) => (value < 0 && degree % 2 === 1 ? -((-value) ** (1 / degree)) : value ** (1 / degree))

/** Values of the variables: of both signs, none of them special; what is undefined at some of them may be defined at others. */
const PROBES = [0.7310585, 1.9151947, -0.6221088, 2.4377278, -1.7853585, 0.2725926]

/** False where either is not read as arithmetic, or nowhere has a value. */
export function sameFormula(one: string, two: string): boolean {
  const names = new Set<string>()
  let formulas: Formula[]
  try {
    formulas = [one, two].map((text) => readFormula(text, names))
  } catch (error) {
    if (error instanceof Unreadable) return false
    throw error
  }
  const letters = [...names].sort()
  const values = PROBES.map((_, probe) => {
    const point = new Map(letters.map((name, i) => [name, PROBES[(probe + 2 * i) % PROBES.length] + i]))
    return formulas.map((formula) => formula(point))
  })
  const defined = values.filter((both) => both.some(Number.isFinite))
  return defined.length > 0 && defined.every(([a, b]) => Number.isFinite(a - b) && Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a)))
}
