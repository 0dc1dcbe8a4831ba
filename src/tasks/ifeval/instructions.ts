// The checkable instructions of IFEval (Zhou et al. 2023, arXiv 2311.07911), by the ids of its data.

import { UserError } from '../../errors/index.js'
import { strip } from '../../jinja/index.js'
import { searchRegex } from '../../regex/index.js'
import { isLanguage } from './language.js'
import { countSentences, countWords, isLower, isUpper, splitWords } from './words.js'

export type Arguments = Readonly<Record<string, unknown>>
/** True when the answer follows the instruction. */
type Check = (answer: string, given: Arguments) => boolean

const numberOf = (given: Arguments, key: string) => Number(given[key])
const listOf = (given: Arguments, key: string) => (given[key] as string[] | undefined) ?? []
const relates = (count: number, relation: unknown, limit: number) =>
  relation === 'less than' ? count < limit : count >= limit
const countMatches = (text: string, regex: RegExp) => [...text.matchAll(regex)].length
/** What is given is part of a regular expression in the reference implementation. @throws UserError where it is none, as it fails there */
function patternOf(given: string, regex: string): RegExp {
  try {
    return searchRegex(regex)
  } catch (cause) {
    throw new UserError(`${JSON.stringify(given)} is a pattern that ${(cause as Error).message}`, { cause })
  }
}
/** Each of the words, before an answer is searched for one. */
const wordPatterns = (words: readonly string[], bound = ''): RegExp[] =>
  words.map((word) => patternOf(word, `(?i)${bound}${word}${bound}`))

/** Parts between separators; an empty one is let pass at both ends only. Null for an empty one in the middle. */
function countParts(parts: readonly string[]): number | null {
  const empty = parts.map((part) => strip(part) === '')
  return empty.slice(1, -1).includes(true) ? null : empty.filter((each) => !each).length
}

/** As Python's json: NaN, Infinity and -Infinity are numbers, a byte-order mark does not count as white space. */
function isJson(text: string): boolean {
  const fences = ['```json', '```Json', '```JSON', '```']
  const body = strip(
    fences
      .reduce((left, fence) => (left.startsWith(fence) ? left.slice(fence.length) : left), strip(text))
      .replace(/```$/, ''),
  )
  try {
    JSON.parse(
      body.replace(/"(?:[^"\\]|\\[\s\S])*"|(?<![\w.+-])(?:NaN|-?Infinity)(?!\w)/g, (found) =>
        found.startsWith('"') ? found : '0',
      ),
    )
    return true
  } catch {
    return false
  }
}

function nthParagraphStarts(answer: string, given: Arguments): boolean {
  const paragraphs = answer.split('\n\n')
  const count = paragraphs.filter((part) => strip(part)).length
  const nth = numberOf(given, 'nth_paragraph')
  const paragraph = nth <= count ? strip(paragraphs[nth - 1]!) : ''
  if (!paragraph) return false
  const word = paragraph.split(/\s+/)[0]!.replace(/^'+/, '').replace(/^"+/, '')
  return (
    count === numberOf(given, 'num_paragraphs') &&
    word.split(/[.,?!'"]/)[0]!.toLowerCase() === String(given.first_word).toLowerCase()
  )
}

function hasHighlights(answer: string, given: Arguments): boolean {
  const single = answer.match(/\*[^\n*]*\*/g) ?? []
  const double = answer.match(/\*\*[^\n*]*\*\*/g) ?? []
  const filled = [...single.map((each) => each.replace(/^\*+|\*+$/g, '')), ...double.map((each) => each.slice(2, -2))]
  return filled.filter((part) => strip(part)).length >= numberOf(given, 'num_highlights')
}

function hasPostscript(answer: string, given: Arguments): boolean {
  const marker = String(given.postscript_marker)
  const source =
    marker === 'P.P.S'
      ? '\\s*p\\.\\s?p\\.\\s?s.*$'
      : marker === 'P.S.'
        ? '\\s*p\\.\\s?s\\..*$'
        : `\\s*${marker.toLowerCase()}.*$`
  return answer.toLowerCase().search(patternOf(marker, `(?m)${source}`)) >= 0
}

function givesTwo(answer: string): boolean {
  const parts = answer.split('******')
  if (countParts(parts) !== 2) return false
  const [one, two] = parts.filter((part) => strip(part))
  return strip(one!) !== strip(two!)
}

export const INSTRUCTIONS: Readonly<Record<string, Check>> = {
  'keywords:existence': (answer, given) =>
    wordPatterns(listOf(given, 'keywords')).every((word) => answer.search(word) >= 0),
  'keywords:frequency': (answer, given) =>
    relates(
      countMatches(answer, wordPatterns([strip(String(given.keyword))])[0]!),
      given.relation,
      numberOf(given, 'frequency'),
    ),
  'keywords:forbidden_words': (answer, given) =>
    !wordPatterns(listOf(given, 'forbidden_words'), '\\b').some((word) => answer.search(word) >= 0),
  'keywords:letter_frequency': (answer, given) => {
    const letter = strip(String(given.letter)).toLowerCase()
    return relates(answer.toLowerCase().split(letter).length - 1, given.let_relation, numberOf(given, 'let_frequency'))
  },
  'language:response_language': (answer, given) => isLanguage(answer, String(given.language)),
  'length_constraints:number_sentences': (answer, given) =>
    relates(countSentences(answer), given.relation, numberOf(given, 'num_sentences')),
  'length_constraints:number_paragraphs': (answer, given) =>
    countParts(answer.split(/\s?\*\*\*\s?/)) === numberOf(given, 'num_paragraphs'),
  'length_constraints:number_words': (answer, given) =>
    relates(countWords(answer), given.relation, numberOf(given, 'num_words')),
  'length_constraints:nth_paragraph_first_word': nthParagraphStarts,
  'detectable_content:number_placeholders': (answer, given) =>
    countMatches(answer, /\[.*?\]/g) >= numberOf(given, 'num_placeholders'),
  'detectable_content:postscript': hasPostscript,
  'detectable_format:number_bullet_lists': (answer, given) =>
    countMatches(answer, /^\s*\*[^*].*$/gm) + countMatches(answer, /^\s*-.*$/gm) === numberOf(given, 'num_bullets'),
  'detectable_format:constrained_response': (answer) =>
    ['yes', 'no', 'maybe'].some((word) => answer.includes(`My answer is ${word}.`)),
  'detectable_format:number_highlighted_sections': hasHighlights,
  'detectable_format:multiple_sections': (answer, given) => {
    const splitter = strip(String(given.section_spliter))
    return countMatches(answer, patternOf(splitter, `\\s?${splitter}\\s?\\d+\\s?`)) >= numberOf(given, 'num_sections')
  },
  'detectable_format:json_format': isJson,
  'detectable_format:title': (answer) =>
    (answer.match(/<<[^\n]+>>/g) ?? []).some((title) => strip(title.replace(/^<+|>+$/g, '')) !== ''),
  'combination:two_responses': givesTwo,
  'combination:repeat_prompt': (answer, given) =>
    strip(answer)
      .toLowerCase()
      .startsWith(strip(String(given.prompt_to_repeat)).toLowerCase()),
  'startend:end_checker': (answer, given) =>
    strip(answer)
      .replace(/^"+|"+$/g, '')
      .toLowerCase()
      .endsWith(strip(String(given.end_phrase)).toLowerCase()),
  'startend:quotation': (answer) => /^".*"$/s.test(strip(answer)) && strip(answer).length > 1,
  'change_case:capital_word_frequency': (answer, given) =>
    relates(splitWords(answer).filter(isUpper).length, given.capital_relation, numberOf(given, 'capital_frequency')),
  'change_case:english_capital': (answer) => isUpper(answer) && isLanguage(answer, 'en'),
  'change_case:english_lowercase': (answer) => isLower(answer) && isLanguage(answer, 'en'),
  'punctuation:no_comma': (answer) => !answer.includes(','),
}
