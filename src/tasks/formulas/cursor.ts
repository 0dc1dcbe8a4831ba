// The place of a reader in the signs of a formula, and what the rules of the grammar ask about it.
import { type Complex, UNDEFINED } from './complex.js'
import { ENDS, FUNCTIONS, LOGARITHMS, Unreadable } from './symbols.js'

/** Values of the variables, by name. */
export type Values = ReadonlyMap<string, Complex>
/** The value of a formula where the variables have these values; NaN where it has none. */
export type Formula = (variables: Values) => Complex

export class FormulaCursor {
  protected at = 0
  protected end: number
  /** Whether a bar closes: one that is not open begins a factor. */
  protected barred = false
  /** One sum, limit or integral is not within another: the number of values would multiply. */
  private nested = false

  /** @param names gets the variables */
  constructor(
    protected readonly tokens: string[],
    protected readonly names: Set<string>,
  ) {
    this.end = tokens.length
  }

  protected next() {
    return this.at < this.end ? this.tokens[this.at] : undefined
  }

  protected take(wanted: string) {
    if (this.next() !== wanted) throw new Unreadable()
    this.at++
  }

  protected ends(token: string | undefined) {
    return token === undefined || (token === '|' ? this.barred : ENDS.test(token))
  }

  protected fail(): never {
    throw new Unreadable()
  }

  protected isFunction(token: string | undefined) {
    return (
      token !== undefined && (token in FUNCTIONS || token in LOGARITHMS || /^\\(int|sqrt|sum|prod|lim)$/.test(token))
    )
  }

  protected alone<T>(read: () => T): T {
    if (this.nested) throw new Unreadable()
    this.nested = true
    const found = read()
    this.nested = false
    return found
  }

  protected isMinusOne(formula: Formula): boolean {
    const [a, b] = formula(new Map([...this.names].map((name) => [name, UNDEFINED])))
    return a === -1 && b === 0
  }

  /** A variable, with what it is bound to in a sum, a limit or an integral. */
  protected bound(name: string, body: Formula, values: Values) {
    return (x: Complex) => body(new Map(values).set(name, x))
  }
}
