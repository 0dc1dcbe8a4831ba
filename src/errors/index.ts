// Errors for people: one clear line about what was given, with the keys that lead to it.

export { reasonOf, systemError } from './reasons.js'
export { findNamed, unknown } from './unknown.js'
export { type Path, printable, UserError, within } from './user-error.js'
