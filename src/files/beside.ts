// What was probably meant where a folder is not there.
import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { nearest } from '../errors/index.js'

/** The folder in the same place whose name is closest to that of `path`; null where none is close. */
export function folderBeside(path: string): string | null {
  const above = dirname(path)
  const isFolder = (name: string) => statSync(join(above, name), { throwIfNoEntry: false })?.isDirectory() === true
  try {
    const near = nearest(basename(path), readdirSync(above).filter(isFolder))
    return near === undefined ? null : join(above, near)
  } catch {
    return null // No folder that can be listed.
  }
}
