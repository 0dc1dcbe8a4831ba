// The file of a page: checked before the work, written whole.
import { open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UserError } from '../errors/index.js'
import { prepareFolder, writeWhole } from '../files/index.js'
import { makePage, type PageOptions } from './page.js'

const BEGINNING = '<!doctype html>'

/** Makes the folder of the file. @throws UserError where something is there that is no page: it would be lost */
export async function checkPageFile(file: string): Promise<void> {
  await prepareFolder(dirname(file))
  const found = await stat(file).catch(() => null)
  if (found === null) return
  if (found.isDirectory()) throw new UserError(`${file} is a folder; --html is the file of the page`)
  const begin = Buffer.alloc(BEGINNING.length)
  const opened = await open(file)
  await opened.read(begin).finally(() => opened.close())
  if (begin.toString().toLowerCase() !== BEGINNING)
    throw new UserError(`${file} exists and is not a page of results, so it is not replaced; choose another name`)
}

/** Writes the page of results folders. @returns its bytes */
export async function writePage(file: string, folders: readonly string[], options?: PageOptions): Promise<number> {
  const page = Buffer.from(await makePage(folders, options))
  await writeWhole(file, page)
  return page.length
}
