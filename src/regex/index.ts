// The room `regex`: regular expressions of Python.
export { matchedGroups, searchRegex, wholeRegex } from './regex.js'
export { RegexError, translateRegex } from './translate.js'
