// Entries of adapter_config.json by patterns of modules' names.
import { z } from 'zod'
import { RegexError, translateRegex } from './python-regex.js'

const known = new Map<string, RegExp>()

/** A pattern of Python behind `before`. @throws RegexError, whose message is the end of a sentence, for what is not the same in JavaScript */
function compile(source: string, before = '', flags = ''): RegExp {
  try {
    return new RegExp(`^${before}(?:${translateRegex(source)})$`, `u${flags}`)
  } catch (error) {
    // What JavaScript itself refuses: a range the wrong way round, or more groups within groups than it can hold.
    throw error instanceof RegexError ? error : new RegexError('is no regular expression')
  }
}

/** As peft: `re.match(rf"(.*\.)?({source})$", name)`. @throws RegexError */
function endOf(source: string): RegExp {
  const regex = known.get(source) ?? compile(source, '(?:.*\\.)?')
  known.set(source, regex)
  return regex
}

/** As `re.fullmatch`: flags may stand in front. @throws RegexError */
export function pythonRegex(source: string): RegExp {
  const [flags = '', letters = ''] = /^\(\?([ims]+)\)/.exec(source) ?? []
  return compile(source.slice(flags.length), '', [...new Set(letters)].join(''))
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
