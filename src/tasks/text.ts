// Reads a text file of a person's; that it is missing or cannot be read is said in one line.
import { readFileSync } from 'node:fs'
import { UserError } from '../errors/index.js'

export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new UserError(code === 'ENOENT' ? `${path} does not exist` : `cannot read ${path}: ${message}`, { cause })
  }
}
