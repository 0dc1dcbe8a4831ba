// Entries of adapter_config.json by patterns of modules' names.
import { z } from 'zod'

const endOf = (source: string): RegExp => new RegExp(`^(.*\\.)?(${source})$`)

function isRegex(source: string): boolean {
  try {
    return Boolean(endOf(source))
  } catch {
    return false
  }
}

/** By the ends of modules' names, as regular expressions. */
export const pattern = <T extends z.ZodType<number>>(value: T) =>
  z
    .record(z.string().refine(isRegex, 'is not a regular expression'), value)
    .nullish()
    .transform((patterns) => patterns ?? {})

/** The value of the first pattern that fits the end of a module's name, as peft matches them. */
export function patternValue(patterns: Readonly<Record<string, number>>, module: string): number | undefined {
  const key = Object.keys(patterns).find((each) => endOf(each).test(module))
  return key === undefined ? undefined : patterns[key]
}
