// GGUF files of several parts (NAME-00001-of-0000N.gguf, as llama.cpp splits them), read as one: the fields of the first, the tensors of all.
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { UserError } from '../errors/index.js'
import { type GgufFile, type GgufTensor, readGguf } from './header.js'

export interface GgufFiles extends GgufFile {
  /** Paths, in the order of the parts. */
  paths: string[]
}

/** The end of the name of a part: its number, and how many there are. */
const PART = /-(\d{5})-of-(\d{5})\.gguf$/

/** The first part of those that a file is one of; the file itself where it stands alone. */
export const firstPart = (file: string): string => file.replace(PART, '-00001-of-$2.gguf')

/** @param file the file, or any of its parts @throws UserError as readGguf, and for a part that is missing or of another file */
export async function readGgufParts(file: string, lists?: ReadonlySet<string>): Promise<GgufFiles> {
  const first = existsSync(firstPart(file)) ? firstPart(file) : file
  const whole = await readGguf(first, lists)
  const count = whole.fields.get('split.count')
  if (typeof count !== 'number' || count < 2) return { ...whole, paths: [first] }
  const named = PART.exec(first)
  if (!named || Number(named[2]) !== count)
    throw new UserError(
      `${first}: one of ${count} parts, which are called NAME-00001-of-${String(count).padStart(5, '0')}.gguf and so on; give it its name back`,
    )
  const stem = basename(first).replace(PART, '')
  const paths = Array.from({ length: count }, (_, i) =>
    join(dirname(first), `${stem}-${String(i + 1).padStart(5, '0')}-of-${named[2]}.gguf`),
  )
  const missing = paths.filter((path) => !existsSync(path))
  if (missing.length)
    throw new UserError(
      `${first}: one of ${count} parts, and ${missing.map((path) => basename(path)).join(', ')} ${missing.length > 1 ? 'are' : 'is'} missing`,
    )
  const tensors: GgufTensor[] = []
  for (const [number, path] of paths.entries()) {
    const part = number === 0 ? whole : await readGguf(path)
    if (part.fields.get('split.no') !== number || part.fields.get('split.count') !== count)
      throw new UserError(`${path}: its fields do not say that it is part ${number + 1} of ${count}`)
    tensors.push(...part.tensors)
  }
  const wanted = whole.fields.get('split.tensors.count')
  if (typeof wanted === 'number' && wanted !== tensors.length)
    throw new UserError(`${first}: its parts hold ${tensors.length} tensors together, and ${wanted} are wanted`)
  return { ...whole, tensors, paths }
}
