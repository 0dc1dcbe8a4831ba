// A word that is not in a list, answered with the nearest one that is.
import { closest } from 'fastest-levenshtein'
import { UserError } from './user-error.js'

/** `unknown editor "dar"; did you mean "dare"? Known: …` for a word that is not in the list. */
export function unknown(kind: string, given: string, known: readonly string[], exitCode: 1 | 2 = 1): UserError {
  // A word that contains what was given is what was meant, however long it is: drop_rate, not k, for drop.
  const containing = given.length > 2 ? known.filter((word) => word.includes(given)) : []
  const near = closest(given, containing.length ? containing : known)
  const hint = known.length ? `did you mean ${JSON.stringify(near)}? Known: ${known.join(', ')}` : 'none is known'
  return new UserError(`unknown ${kind} ${JSON.stringify(given)}; ${hint}`, { exitCode })
}

/** The one of that name. @throws UserError with the nearest name */
export function findNamed<T extends { readonly name: string }>(kind: string, name: string, list: readonly T[]): T {
  const found = list.find((each) => each.name === name)
  if (found) return found
  throw unknown(
    kind,
    name,
    list.map((each) => each.name),
  )
}
