// The fingerprint of a piece of work: equal where the same command would write the same bytes. It has three words, so that what
// changed can be said.
import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { packageVersion } from './package.js'

const sha256 = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')

/** Of the journals: another one knows other checksums. */
const JOURNAL_VERSION = 3

/** Weights, and all that says how they are read. */
const READ = /^[^.].*\.(json|safetensors|bin|gguf)$/

/**
 * Version of the program and of its journals, SHA-256 of the settings, and SHA-256 of the inputs: paths, sizes and times of the last change of every file
 * of weights or settings in these folders, and of models that are files.
 *
 * @param settings plain data: whatever else the written bytes depend on
 * @throws UserError for a folder or a file that is not there
 */
export async function fingerprintOf(settings: unknown, folders: readonly string[]): Promise<string> {
  const inputs: string[][] = []
  const look = async (path: string): Promise<void> => {
    const { size, mtimeNs } = await stat(path, { bigint: true })
    inputs.push([resolve(path), String(size), String(mtimeNs)])
  }
  for (const folder of [...new Set(folders)])
    try {
      const isFile = (await stat(folder)).isFile()
      if (isFile && !folder.endsWith('.gguf')) {
        await look(folder)
        continue
      }
      const within = isFile ? dirname(folder) : folder
      for (const name of (await readdir(within)).sort())
        if (READ.test(name) && isOf(folder, within, name)) await look(join(within, name))
    } catch (cause) {
      throw new UserError(`${folder}: cannot be read: ${(cause as Error).message}`, { cause })
    }
  return `${packageVersion()}/${JOURNAL_VERSION} ${sha256(settings)} ${sha256(inputs)}`
}

/** A model may be one file among others (GGUF), or its parts: of these only its own count. */
const isOf = (given: string, within: string, name: string): boolean =>
  given === within ||
  !name.endsWith('.gguf') ||
  name.startsWith(basename(given).replace(/(-\d{5}-of-\d{5})?\.gguf$/, ''))

/** What differs between two fingerprints, in words; null where they are equal. */
export function changeBetween(before: string, now: string): string | null {
  if (before === now) return null
  const [old, own] = [before.split(' '), now.split(' ')]
  const names = ['deltalab has another version', 'the options are others', 'an input changed']
  return names.filter((_, i) => old[i] !== own[i]).join(', and ')
}
