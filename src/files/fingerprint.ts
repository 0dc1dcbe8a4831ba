// The fingerprint of a piece of work: equal where the same command would write the same bytes. It has three words, so that what
// changed can be said.
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { packageVersion } from './package.js'

const sha256 = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')

/**
 * Version of the program, SHA-256 of the settings, SHA-256 of the input files: paths, sizes and times of their last change.
 * @param settings plain data: whatever the written bytes depend on
 * @throws UserError for a file that is not there
 */
export async function fingerprintOf(settings: unknown, files: readonly string[]): Promise<string> {
  const inputs = []
  for (const file of files) {
    const { size, mtimeNs } = await stat(file, { bigint: true }).catch((cause: NodeJS.ErrnoException) => {
      throw new UserError(`${file}: cannot be read (${cause.code})`, { cause })
    })
    inputs.push([resolve(file), String(size), String(mtimeNs)])
  }
  return `${packageVersion()} ${sha256(settings)} ${sha256(inputs)}`
}

/** What differs between two fingerprints, in words; null where they are equal. */
export function changeBetween(before: string, now: string): string | null {
  if (before === now) return null
  const [old, own] = [before.split(' '), now.split(' ')]
  const names = ['deltalab has another version', 'the options are others', 'an input changed']
  return names.filter((_, i) => old[i] !== own[i]).join(', and ')
}
