// str.strip of Python.

/** What Python counts as a space, for the inside of brackets of a regular expression. */
export const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'

const escaped = (letters: string) => letters.replace(/[\\\]^-]/g, '\\$&')

/** @param letters what is taken away; spaces unless given */
export function strip(text: string, sides: 'both' | 'left' | 'right' = 'both', letters?: string): string {
  const set = letters === undefined ? SPACE : escaped(letters)
  if (set === '') return text
  const start = sides === 'right' ? text : text.replace(new RegExp(`^[${set}]+`, 'u'), '')
  return sides === 'left' ? start : start.replace(new RegExp(`[${set}]+$`, 'u'), '')
}
