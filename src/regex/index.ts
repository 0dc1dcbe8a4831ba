// The room `regex`: regular expressions of Python.
export { matchedGroups, searchRegex, wholeRegex } from './regex.js'
export { RegexError } from './translate.js'
