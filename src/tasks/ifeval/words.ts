// Words, sentences and case as IFEval counts them. The reference uses the trained splitters of NLTK; these are rules that
// agree with them on ordinary prose, and may differ by one on abbreviations.

/** Python's str.isupper: a cased letter, and none in lower case. */
export const isUpper = (text: string): boolean => /\p{Lu}/u.test(text) && !/\p{Ll}/u.test(text)
export const isLower = (text: string): boolean => /\p{Ll}/u.test(text) && !/\p{Lu}/u.test(text)

/** Words of the Treebank kind: punctuation apart, hyphenated words whole, endings such as n't and 's apart. */
export function splitWords(text: string): string[] {
  return text
    .replace(/([^\s\p{L}\p{N}_'’-]|(?<=\S)'(?=\s|$)|--+)/gu, ' $1 ')
    .replace(/(?<=\p{L})(n't|'s|'re|'ve|'ll|'d|'m)\b/giu, ' $1')
    .split(/\s+/)
    .filter(Boolean)
}

const ABBREVIATIONS = /(^|[\s("'])(mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|e\.g|i\.e|inc|ltd|co|corp|gen|col|capt|lt|rev|hon|no|fig|u\.s|u\.k|a\.m|p\.m|[a-z])\.$/i

/** A sentence ends with . ? or ! (and quotes or brackets after it) before white space, not after an abbreviation. */
export function countSentences(text: string): number {
  let count = 0
  let start = 0
  for (const end of text.matchAll(/[.?!]+["'”’)\]*]*(?=\s|$)/g)) {
    const before = text.slice(start, end.index + end[0].length)
    const next = text.slice(end.index + end[0].length).trimStart()
    const goesOn = /^\p{Ll}/u.test(next)
    if (end[0].startsWith('.') && next !== '' && (ABBREVIATIONS.test(before.replace(/["'”’)\]*]+$/, '')) || goesOn)) continue
    if (/[\p{L}\p{N}]/u.test(before)) count++
    start = end.index + end[0].length
  }
  return /[\p{L}\p{N}]/u.test(text.slice(start)) ? count + 1 : count
}
