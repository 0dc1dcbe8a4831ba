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
