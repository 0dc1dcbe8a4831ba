// A word that is not in a list, answered with what it is called here, or with the word of the list that is close to it.
import { distance } from 'fastest-levenshtein'
import { answerTo, plain } from './habits.js'
import { UserError } from './user-error.js'

/** Letters that differ, as a share of the longer word, up to which one word is a slip for the other. */
const CLOSE = 0.4

/** Letters that differ; the same letters in another order are one slip. */
function slips(given: string, word: string): number {
  const sorted = (letters: string) => [...letters].sort().join('')
  return sorted(given) === sorted(word) && given !== word ? 1 : distance(given, word)
}

/** The word of the list that was probably meant; undefined where none is close. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  const letters = plain(given)
  // A word with a part that begins so is what was meant, however long it is: drop_rate, not k, for drop.
  const begins = (word: string) =>
    word.split(/[-_ ./:]/).some((_, i, parts) => plain(parts.slice(i).join('')).startsWith(letters))
  const containing = letters.length > 2 ? known.filter(begins) : []
  const share = (word: string): number => slips(letters, plain(word)) / Math.max(letters.length, plain(word).length)
  const [best] = (containing.length ? containing : known.filter((word) => share(word) <= CLOSE))
    .map((word) => [share(word), word] as const)
    .sort(([one], [two]) => one - two)
  return best?.[1]
}

/** What to write instead: the answer of the table of habits, or the word that is close; undefined where nothing is known to help. */
export function hintFor(kind: string, given: string, known: readonly string[]): string | undefined {
  const near = nearest(given, known)
  return answerTo(kind, given, known) ?? (near === undefined ? undefined : `did you mean ${JSON.stringify(near)}?`)
}

/** `unknown editor "dar"; did you mean "dare"? Known: …` for a word that is not in the list. */
export function unknown(kind: string, given: string, known: readonly string[], exitCode: 1 | 2 = 1): UserError {
  const list = known.join(', ')
  const hint = hintFor(kind, given, known)
  // An answer is enough; a guess may be wrong.
  const guessed = hint?.endsWith('?') ? `${hint} Known: ${list}` : hint
  const said = guessed ?? (list ? `known: ${list}` : 'none is known')
  return new UserError(`unknown ${kind} ${JSON.stringify(given)}; ${said}`, { exitCode })
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
