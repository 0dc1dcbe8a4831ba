// Regular expressions of Python, compiled.
import { RegexError, translateRegex } from './translate.js'

/** Flags in front of a pattern. */
const FLAGS = /^(?:\(\?[a-zA-Z]+\))*/

function compile(source: string, wrap: (source: string) => string, flags: 'g' | ''): RegExp {
  const [front] = FLAGS.exec(source)!
  const letters = front.replace(/[^a-zA-Z]/g, '')
  const other = /[^imsu]/.exec(letters)
  if (other) throw new RegexError(`has the flag ${other[0]}, which is not read here`)
  try {
    return new RegExp(
      wrap(translateRegex(source.slice(front.length), letters, flags === 'g')),
      `v${flags}${letters.includes('i') ? 'i' : ''}`,
    )
  } catch (error) {
    // What JavaScript itself refuses: a range the wrong way round, or more groups within groups than it can hold.
    throw error instanceof RegexError ? error : new RegexError('is no regular expression')
  }
}

/** As `re.fullmatch`. @throws RegexError, whose message is the end of a sentence, for what is not the same in JavaScript */
export const wholeRegex = (source: string): RegExp => compile(source, (text) => `^(?:${text})$`, '')

const known = new Map<string, RegExp>()

/** As `re.finditer` and `re.sub` search: for all matches. @throws RegexError */
export function searchRegex(source: string): RegExp {
  const regex = known.get(source) ?? compile(source, (text) => text, 'g')
  known.set(source, regex)
  return regex
}

/** What the groups of a pattern matched, in their order. */
export const matchedGroups = ({ groups = {} }: RegExpExecArray): (string | undefined)[] =>
  Object.entries(groups).flatMap(([name, text]) => (name.startsWith('g') ? [text] : []))
