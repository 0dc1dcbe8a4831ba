// Words, sentences and case as IFEval counts them. Words are those of NLTK; sentences are split by rules in place of its trained
// splitter, agree with it on ordinary prose, and may differ by one on abbreviations.

/** Python's str.isupper: a cased letter, and none in lower case. */
export const isUpper = (text: string): boolean => /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text)
export const isLower = (text: string): boolean => /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text)

/** Words as NLTK's RegexpTokenizer finds them for \w+, whose letters have their marks with them. */
export const countWords = (text: string): number =>
  text.match(/[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+/gu)?.length ?? 0

/** Written together, and two words in the Treebank. */
const TOGETHER =
  /(?<![\p{L}\p{N}_])(?:(can)(not)|(d)('ye)|(gim)(me)|(gon)(na)|(got)(ta)|(lem)(me)|(more)('n)|(wan)(na)(?=\s))(?![\p{L}\p{N}_])/giu

/**
 * Words as NLTK's word tokenizer parts them: most punctuation apart, hyphens, slashes and the points of abbreviations within ("U.S.A."
 * is one), endings such as n't and 's apart. Each rule follows from the Treebank's, in their order.
 */
export function splitWords(text: string): string[] {
  return ` ${text} `
    .replace(/(?<![\p{L}\p{N}_])'(?!(?:re|ve|ll|m|t|s|d|n)(?![\p{L}\p{N}_]))(?=[\p{L}\p{N}_])/giu, "' ")
    .replace(/([:,])([^\p{Nd}])/gu, ' $1 $2')
    .replace(/[;@#$%&?!*()[\]{}<>"«»“”‘’„\u2012-\u2015]|`+|\.{2,}|--|''/g, ' $& ')
    .replace(/([^'])' /g, "$1 ' ")
    .replace(/\s+/g, ' ')
    .replace(/([^' ])('[smd]|') /gi, '$1 $2 ')
    .replace(/([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) /g, '$1 $2 ')
    .replace(TOGETHER, (...found) => ` ${found.slice(1, 17).filter(Boolean).join(' ')} `)
    .replace(/ ('t)(is|was)(?![\p{L}\p{N}_])/giu, ' $1 $2 ')
    .split(/\s+/)
    .filter(Boolean)
}

const ABBREVIATIONS =
  /(^|[\s("'])(mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|e\.g|i\.e|inc|ltd|co|corp|gen|col|capt|lt|rev|hon|no|fig|u\.s|u\.k|a\.m|p\.m|[a-z])\.$/i

/** A sentence ends with . ? or ! (and quotes or brackets after it) before white space, not after an abbreviation. */
export function countSentences(text: string): number {
  let count = 0
  let start = 0
  for (const end of text.matchAll(/[.?!]+["'”’)\]*]*(?=\s|$)/g)) {
    const before = text.slice(start, end.index + end[0].length)
    const next = text.slice(end.index + end[0].length).trimStart()
    const goesOn = /^\p{Ll}/u.test(next)
    if (end[0].startsWith('.') && next !== '' && (ABBREVIATIONS.test(before.replace(/["'”’)\]*]+$/, '')) || goesOn))
      continue
    if (/[\p{L}\p{N}]/u.test(before)) count++
    start = end.index + end[0].length
  }
  return /[\p{L}\p{N}]/u.test(text.slice(start)) ? count + 1 : count
}
