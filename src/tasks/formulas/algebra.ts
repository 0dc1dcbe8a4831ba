// Whether two answers in LaTeX are the same number or formula, as sympy's parse_latex and simplify tell lm-evaluation-harness: they
// are compared at complex values of their variables. Two formulas that agree to nine digits at every one of them differ only by
// accident.
import { add, type Complex, complexOf, size, subtract } from './complex.js'
import type { Formula } from './cursor.js'
import { readFormula } from './formula.js'
import { Unreadable } from './symbols.js'

/** Values of the variables: in all directions, none of them special; what is undefined at some of them may be defined at others. */
const PROBES: readonly Complex[] = [
  [0.7310585, 0.3178241],
  [-1.2151947, 0.9117364],
  [-0.6221088, -1.1362971],
  [1.4377278, -0.5190738],
  [-1.7853585, 0.2714402],
  [0.2725926, 1.6183049],
]

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
    const point = new Map(
      letters.map((name, i): [string, Complex] => [
        name,
        add(PROBES[(probe + 2 * i) % PROBES.length]!, complexOf(i / 8)),
      ]),
    )
    return formulas.map((formula) => formula(point))
  })
  // A decimal is a number of sixteen digits, not the fraction or root that it is near.
  const tolerance = !/\d\.\d/.test(one + two) ? 1e-9 : letters.length ? 1e-14 : 0
  const finite = (z: Complex) => Number.isFinite(size(z))
  const defined = values.filter((both) => both.some(finite))
  return (
    defined.length > 0 &&
    defined.every(([a, b]) => finite(a!) && finite(b!) && size(subtract(a!, b!)) <= tolerance * Math.max(1, size(a!)))
  )
}
