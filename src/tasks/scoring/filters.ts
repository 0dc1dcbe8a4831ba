// How an answer is taken out of generated text, and what of it is not looked at: as lm-evaluation-harness does.
import { strip } from '../../jinja/index.js'
import { matchedGroups, searchRegex } from '../../regex/index.js'

/** Keeps one match of a regular expression: that at index `take`, from the end when negative; `fallback` where there is none. */
export interface FilterStep {
  /** Regular expression of Python that finds answers in the text. */
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

/** The chosen match: its first group that is not empty, or the whole of it without groups; without space around it, as RegexFilter of lm-evaluation-harness 0.4.13. */
export function filterAnswer(text: string, steps: readonly FilterStep[]): string {
  return steps.reduce((answer, { regex, take, fallback }) => {
    const match = [...answer.matchAll(searchRegex(regex))].at(take)
    if (!match) return fallback
    const groups = matchedGroups(match)
    const found = groups.length ? groups.find((group) => group) : match[0]
    // One group that matched nothing is an empty text in Python; several are the fallback.
    return found === undefined ? (groups.length === 1 ? '' : fallback) : strip(found)
  }, text)
}

/** ASCII punctuation, as Python's string.punctuation. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g

export function dropIgnored(text: string, { regexes = [], case: anyCase, punctuation }: Ignored): string {
  let rest = regexes.reduce((each, regex) => each.replace(searchRegex(regex), ''), text)
  if (anyCase) rest = rest.toLowerCase()
  return punctuation ? rest.replace(PUNCTUATION, '') : rest
}

/** The text cut at each of the stops in turn: one that the stops before it cut into is not there any more. */
export function cutAtStop(text: string, stops: readonly string[] = []): string {
  return stops.reduce((rest, stop) => (rest.includes(stop) ? rest.slice(0, rest.indexOf(stop)) : rest), text)
}
