// Texts of a file, a folder or a data set of the hub: the whole of a plain file, or a column of one with rows.
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { firstFew, UserError } from '../../errors/index.js'
import { type ResolveOptions, resolveDataset } from '../../hub/index.js'
import { checkFile, nounOfFile, readText } from '../../schema/index.js'
import { hasRows, type PlacedRow, readRows } from '../cards/rows.js'

/** Where texts lie, and in which column. */
export interface TextSource {
  text: string
  column?: string | undefined
}

/** A plain file of more bytes is read from its beginning, as far as it is needed. */
const LARGE = 2 ** 26
/** A text of more bytes is not held. */
const MOST = 2 ** 28

/** `hub:org/name[@revision][/config]:split` */
const ON_HUB = /^hub:([^/:@]+(?:\/[^/:@]+)?(?:@[\w.-]+)?)(?:\/([^:]+))?:([\w.-]+)$/

/** The data set that a text names; undefined for a path. @throws UserError for one that names no split */
export function datasetOf(text: string): { name: string; config: string | undefined; split: string } | undefined {
  if (!text.startsWith('hub:')) return undefined
  const [, name, config, split] = ON_HUB.exec(text) ?? []
  if (name !== undefined && split !== undefined) return { name, config, split }
  throw new UserError(
    `${text}: texts of a data set of the hub are hub:org/name:split, or hub:org/name/config:split, such as hub:Salesforce/wikitext/wikitext-2-raw-v1:test`,
  )
}

/**
 * A row for each text, with the column `text`; of a large file `file` in its place.
 * @throws UserError with path and line: no such file, no text in it, no such column
 */
export async function readTexts({ text, column }: TextSource, options: ResolveOptions = {}): Promise<PlacedRow[]> {
  const data = datasetOf(text)
  const files = data
    ? await resolveDataset(data.name, { config: data.config, split: data.split }, options)
    : isFolder(text)
      ? filesIn(text)
      : [text]
  const rows: PlacedRow[] = []
  for (const file of files)
    for (const row of await textsIn(file, column)) rows.push({ ...row, number: rows.length + 1 })
  if (rows.length === 0) throw new UserError(`${text}: holds no texts`)
  return rows
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** All files of a folder and of those in it, in the order of their paths; hidden ones aside. */
function filesIn(folder: string): string[] {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !/(^|[/\\])\./.test(path))
    .sort()
  if (found.length === 0) throw new UserError(`${folder}: is a folder without files; files of text are wanted`)
  return found.map((path) => join(folder, path))
}

async function textsIn(path: string, column: string | undefined): Promise<PlacedRow[]> {
  checkFile(path)
  if (hasRows(path)) return columnOf(path, await readRows(path), column ?? 'text')
  if (column !== undefined) throw new UserError(`${path}: is a plain text, and has no column ${JSON.stringify(column)}`)
  const { size } = statSync(path)
  if (size === 0) throw new UserError(`${path}: is empty; a text is wanted`)
  const start = textOf(path, size > LARGE ? readStart(path, KNOWN) : null)
  return [{ where: path, number: 1, ...(size > LARGE ? { row: { text: '' }, file: path } : { row: { text: start } }) }]
}

/** Bytes that are enough to know a binary file. */
const KNOWN = 4096

/** Files that are often taken for text by mistake. */
const IMAGES: readonly (readonly [RegExp, string])[] = [
  [/^\x89PNG/, 'an image (PNG)'],
  [/^\xff\xd8\xff/, 'an image (JPEG)'],
  [/^GIF8/, 'an image (GIF)'],
  [/^%PDF/, 'a PDF'],
]

/** @param bytes the beginning of the file; null for the whole */
function textOf(path: string, bytes: Buffer | null): string {
  const other = nounOfFile(path)
  const binary = (why: string) => new UserError(`${path}: ${why}; a text in UTF-8 is wanted`)
  if (other !== undefined && !/^is (a text|JSON|an XML|an HTML)/.test(other)) throw binary(other)
  const start = readStart(path, KNOWN)
  if (start[0] === 0xff ? start[1] === 0xfe : start[0] === 0xfe && start[1] === 0xff)
    throw new UserError(`${path}: is text in UTF-16; save it in UTF-8`)
  const image = IMAGES.find(([beginning]) => beginning.test(start.toString('latin1')))
  if (image) throw binary(`is ${image[1]}`)
  if (start.includes(0)) throw binary('is binary')
  const text = bytes === null ? readText(path) : bytes.toString('utf8')
  if (text.includes('\0')) throw binary('is binary')
  return text
}

function readStart(path: string, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  const handle = openSync(path, 'r')
  try {
    return bytes.subarray(0, readSync(handle, bytes, 0, size, 0))
  } finally {
    closeSync(handle)
  }
}

/**
 * The beginning of a large file: at least `letters` letters of it, or all.
 * @throws UserError for more than is held at once, and for another encoding than UTF-8
 */
export function beginningOf(path: string, letters: number): { text: string; all: boolean } {
  const { size } = statSync(path)
  const wanted = Math.min(size, 4 * letters)
  if (wanted > MOST)
    throw new UserError(
      `${path}: more than ${MOST / 2 ** 20} MB of one text are wanted at once: limit it with --items, or put parts of it into files of a folder`,
    )
  try {
    // Bytes at the end that are no whole letter are left out.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readStart(path, wanted), { stream: wanted < size })
    return { text, all: wanted === size }
  } catch (cause) {
    throw new UserError(`${path}: is not text in UTF-8`, { cause })
  }
}

function columnOf(path: string, rows: readonly PlacedRow[], column: string): PlacedRow[] {
  return rows.map(({ where, number, row }) => {
    const value = row[column]
    const has = firstFew(Object.keys(row), 12) || 'none'
    if (value === undefined)
      throw new UserError(
        `${where}: no column ${JSON.stringify(column)}; there are ${has}: name one of them (--column)`,
      )
    if (typeof value !== 'string')
      throw new UserError(`${where}: the column ${JSON.stringify(column)} holds ${describe(value)}; texts are wanted`)
    return { where: where || path, number, row: { text: value } }
  })
}

const describe = (value: unknown): string =>
  value === null ? 'nothing' : Array.isArray(value) ? 'a list' : `a ${typeof value}`
