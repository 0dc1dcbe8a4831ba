// Entries of adapter_config.json by patterns of modules' names.
import { z } from 'zod'
import { type RegexError, wholeRegex } from '../regex/index.js'

const known = new Map<string, RegExp>()

/** As peft: `re.match(rf"(.*\.)?({source})$", name)`, so that flags have no place. @throws RegexError */
function endOf(source: string): RegExp {
  const regex = known.get(source) ?? wholeRegex(`(?:.*\\.)?(?:${source})`)
  known.set(source, regex)
  return regex
}

/** Why the source is no pattern; null for one that is. */
function faultOf(source: string): string | null {
  try {
    return endOf(source) ? null : ''
  } catch (error) {
    return (error as RegexError).message
  }
}

/** By the ends of modules' names, as regular expressions of Python. */
export const pattern = <T extends z.ZodType<number>>(value: T) =>
  z
    .record(z.string(), value)
    .nullish()
    .transform((patterns, context) => {
      for (const source of Object.keys(patterns ?? {})) {
        const fault = faultOf(source)
        if (fault !== null)
          context.addIssue({
            code: 'custom',
            message: `has the key ${JSON.stringify(source)}, a pattern that ${fault}`,
          })
      }
      return patterns ?? {}
    })

/** The value of the first pattern that fits the end of a module's name, as peft matches them. */
export function patternValue(patterns: Readonly<Record<string, number>>, module: string): number | undefined {
  const key = Object.keys(patterns).find((each) => endOf(each).test(module))
  return key === undefined ? undefined : patterns[key]
}
