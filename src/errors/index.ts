// Errors for people: one clear line about what was given, with the keys that lead to it.

export { amount } from './amount.js'
export { firstFew } from './few.js'
export { answerTo } from './habits.js'
export { reasonOf, systemError, unwritable } from './reasons.js'
export { findNamed, hintFor, nearest, unknown } from './unknown.js'
export { type Path, printable, UserError, within } from './user-error.js'
export { collectWarnings } from './warnings.js'
