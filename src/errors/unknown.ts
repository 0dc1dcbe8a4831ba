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
