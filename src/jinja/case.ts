// Capital letters at the begin of a word, as Python's str.capitalize and str.title have them: title case, which is not upper case
// for digraphs, ligatures, Greek letters with an iota below, and Georgian.

const DIGRAPHS = ['\u01c4\u01c5\u01c6', '\u01c7\u01c8\u01c9', '\u01ca\u01cb\u01cc', '\u01f1\u01f2\u01f3']
const IOTA_BELOW = '\u0345'

/** One letter in title case. */
function titled(letter: string): string {
  const digraph = DIGRAPHS.find((forms) => forms.includes(letter))
  if (digraph) return digraph[1]!
  const upper = letter.toUpperCase()
  if (upper === letter || /[\u10d0-\u10ff]/.test(letter)) return letter
  const parts = letter.normalize('NFD')
  if (parts.includes(IOTA_BELOW)) return (parts[0]!.toUpperCase() + parts.slice(1)).normalize('NFC')
  // Of a ligature or a sharp s, the first letter alone is a capital.
  return upper.replace(/(\p{Lu})(.+)$/su, (_, first: string, rest: string) => first + rest.toLowerCase())
}

const first = (word: string) => String.fromCodePoint(word.codePointAt(0)!)

/** str.capitalize */
export function capitalise(text: string): string {
  if (text === '') return ''
  const letter = first(text)
  // Lower case of the whole: a sigma at the end of a word has a form of its own.
  return titled(letter) + text.toLowerCase().slice(letter.toLowerCase().length)
}

/** str.title */
export const title = (text: string): string => text.replace(/[\p{L}\p{M}]+/gu, capitalise)
