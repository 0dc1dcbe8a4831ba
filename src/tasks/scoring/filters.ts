// How an answer is taken out of generated text, and what of it is not looked at: as lm-evaluation-harness does.

/** Keeps one match of a regular expression: that at index `take`, from the end when negative; `fallback` where there is none. */
export interface FilterStep {
  /** Regular expression that finds answers in the text. */
  regex: string
  /** Which match is the answer: 0 is the first, −1 the last. */
  take: number
  /** The answer where nothing matches. */
  fallback: string
}

/** What exact_match ignores, in answer and target. */
export interface Ignored {
  /** Upper and lower case. */
  case?: boolean
  /** Punctuation. */
  punctuation?: boolean
  /** Removed one after the other. */
  regexes?: string[]
}

/** Python writes some things of regular expressions otherwise than JavaScript: (?s) and (?i) in front, \Z. */
export function compileRegex(source: string, flags = 'g'): RegExp {
  const inline = /^\(\?([a-z]+)\)/.exec(source)
  const body = (inline ? source.slice(inline[0].length) : source).replaceAll('\\Z', '$(?![\\s\\S])')
  return new RegExp(body, [...new Set(flags + (inline?.[1] ?? '').replace(/[^ism]/g, ''))].join(''))
}

/** The chosen match: its first group that is not empty, or the whole of it without groups; trimmed. */
export function filterAnswer(text: string, steps: readonly FilterStep[]): string {
  return steps.reduce((answer, { regex, take, fallback }) => {
    const match = [...answer.matchAll(compileRegex(regex))].at(take)
    if (!match) return fallback
    const found = match.length > 1 ? match.slice(1).find((group) => group) : match[0]
    // One group that matched nothing is an empty text in Python; several are the fallback.
    return found === undefined ? (match.length === 2 ? '' : fallback) : found.trim()
  }, text)
}

/** ASCII punctuation, as Python's string.punctuation. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g

export function dropIgnored(text: string, { regexes = [], case: anyCase, punctuation }: Ignored): string {
  let rest = regexes.reduce((each, regex) => each.replace(compileRegex(regex), ''), text)
  if (anyCase) rest = rest.toLowerCase()
  return punctuation ? rest.replace(PUNCTUATION, '') : rest
}

/** The text cut at each of the stops in turn: one that the stops before it cut into is not there any more. */
export function cutAtStop(text: string, stops: readonly string[] = []): string {
  return stops.reduce((rest, stop) => (rest.includes(stop) ? rest.slice(0, rest.indexOf(stop)) : rest), text)
}
