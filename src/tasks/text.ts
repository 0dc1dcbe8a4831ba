// Reads a text file of a person's; that it is missing or cannot be read is said in one line.
import { readFileSync } from 'node:fs'
import { UserError } from '../errors/index.js'

export function readText(path: string): string {
  try {
    // A letter of another encoding would be replaced without a word, and the item be another.
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw new UserError(`${path} is not UTF-8 text`, { cause })
    throw new UserError(code === 'ENOENT' ? `${path} does not exist` : `cannot read ${path}: ${message}`, { cause })
  }
}
