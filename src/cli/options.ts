// Options that several commands share, and the check of a count.
import { UserError } from '../errors/index.js'

export const BACKEND = {
  choices: ['auto', 'tensorflow', 'wasm', 'cpu'] as const,
  default: 'auto' as const,
  describe: 'TensorFlow.js backend',
}

export const TASK = {
  type: 'string' as const,
  demandOption: true as const,
  describe: 'Name of `deltalab tasks`, or a task file (card .yaml, items .jsonl)',
}

export const PLAIN = { type: 'boolean' as const, default: false, describe: 'Print JSON' }

/** @throws UserError (usage) unless every value given is a positive integer. */
export function checkCounts(counts: Record<string, number | undefined>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw new UserError(`--${name} must be a positive integer, got ${value}`, { exitCode: 2 })
    }
  }
}

/** `task,label` → its names; undefined when the option was not given. */
export function splitNames(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  if (names.length === 0) throw new UserError('a list of columns is empty: write names with commas between', { exitCode: 2 })
  return names
}
