// A law: what every editor, or every merger, must keep whatever it does; and the error that says which one was broken, and how.
import { UserError } from '../errors/index.js'

export interface Law<Subject> {
  name: string
  /** @throws UserError that names the law, the options and the values, where the subject breaks it */
  check(subject: Subject): Promise<void>
}

/** Says how a law is broken. @throws UserError always */
export type Complain = (how: string) => never

/** A law from its check, which complains in a few words. An error of the method itself is told with the law that was being checked. */
export const law = <Subject extends { name: string }>(
  name: string,
  check: (subject: Subject, complain: Complain) => Promise<void>,
): Law<Subject> => ({
  name,
  check: async (subject) => {
    const broken: UserError[] = []
    const complain: Complain = (how) => {
      throw (broken[0] = new UserError(`${subject.name} breaks the law "${name}": ${how}`))
    }
    await check(subject, complain).catch((error: Error) => {
      if (error === broken[0]) throw error
      throw new UserError(`${subject.name} fails at the law "${name}": ${error.message}`, { cause: error })
    })
  },
})

/** Runs laws one after the other. */
export async function keepLaws<Subject>(laws: readonly Law<Subject>[], subject: Subject): Promise<void> {
  for (const { check } of laws) await check(subject)
}

/** `with options {"drop_rate":0.5}`. */
export const withOptions = (options: unknown): string => `with options ${JSON.stringify(options)}`

/** The first entry at which two lists differ by more than `tolerance`, in words; null where there is none. NaN differs from all. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 0): string | null {
  if (actual.length !== expected.length) return `${actual.length} entries, not ${expected.length}`
  for (let i = 0; i < actual.length; i++) {
    const [a, b] = [actual[i] ?? Number.NaN, expected[i] ?? Number.NaN]
    if (!(a === b || Math.abs(a - b) <= tolerance))
      return `entry ${i} is ${a}, not ${b}${tolerance ? ` within ${tolerance.toPrecision(2)}` : ''}`
  }
  return null
}

/** The first entry at which the bits of two lists differ, in words: 0 and -0 are different. Null where there is none. */
export function bitDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): string | null {
  const different = difference(actual, expected)
  if (different) return different
  for (let i = 0; i < actual.length; i++)
    if (!Object.is(actual[i], expected[i]))
      return `entry ${i} is ${Object.is(actual[i], -0) ? '-0, not 0' : '0, not -0'}`
  return null
}
