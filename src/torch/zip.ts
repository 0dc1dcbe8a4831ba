// The records of a zip file as torch.save writes it: stored, not compressed. Sizes stand in the central directory alone (APPNOTE.TXT of
// PKWARE, sections 4.3 and 4.5.3).
import { UserError } from '../errors/index.js'
import type { ReadAt } from './read-at.js'

/** Where a record's bytes lie. */
export interface ZipRecord {
  begin: number
  size: number
  isPacked: boolean
}

const END = 0x06054b50
const END_64 = 0x06064b50
const LOCATOR_64 = 0x07064b50
const ENTRY = 0x02014b50
const LOCAL = 0x04034b50
/** The end record and the longest comment. */
const TAIL = 22 + 65535
/** The directory of a file of tensors has some hundred bytes for each. */
const MOST_DIRECTORY = 256e6

/** @returns the records by name @throws UserError for a damaged file */
export async function readZip(file: string, size: number, readAt: ReadAt): Promise<Map<string, ZipRecord>> {
  const damaged = (what: string) => new UserError(`${file}: ${what}: the file is truncated or damaged`)
  const { count, length, begin } = await findDirectory(size, readAt, damaged)
  if (begin + length > size || length > MOST_DIRECTORY) throw damaged('its zip directory lies outside')
  const directory = view(await readAt(begin, length))
  const records = new Map<string, ZipRecord>()
  for (let i = 0, at = 0; i < count; i++) {
    if (at + 46 > length || directory.getUint32(at, true) !== ENTRY) throw damaged('its zip directory is not whole')
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((k) => directory.getUint16(at + k, true)) as [
      number,
      number,
      number,
    ]
    const next = at + 46 + nameLength + extraLength + commentLength
    if (next > length) throw damaged('its zip directory is not whole')
    const name = new TextDecoder().decode(new Uint8Array(directory.buffer, directory.byteOffset + at + 46, nameLength))
    const sizes = longSizes(directory, at, nameLength, extraLength)
    const local = view(await readAt(sizes.offset, 30).catch(() => new Uint8Array(30)))
    if (local.getUint32(0, true) !== LOCAL)
      throw damaged(`its record ${JSON.stringify(name)} is not where it should be`)
    const data = sizes.offset + 30 + local.getUint16(26, true) + local.getUint16(28, true)
    if (data + sizes.size > size) throw damaged(`its record ${JSON.stringify(name)} ends after the file`)
    records.set(name, { begin: data, size: sizes.size, isPacked: directory.getUint16(at + 10, true) !== 0 })
    at = next
  }
  return records
}

async function findDirectory(
  size: number,
  readAt: ReadAt,
  damaged: (what: string) => UserError,
): Promise<{ count: number; length: number; begin: number }> {
  const from = Math.max(0, size - TAIL)
  const tail = view(await readAt(from, size - from))
  let at = tail.byteLength - 22
  while (at >= 0 && tail.getUint32(at, true) !== END) at--
  if (at < 0) throw damaged('the end of its zip directory is missing')
  const short = {
    count: tail.getUint16(at + 10, true),
    length: tail.getUint32(at + 12, true),
    begin: tail.getUint32(at + 16, true),
  }
  if (at < 20 || tail.getUint32(at - 20, true) !== LOCATOR_64) return short
  const place = number(tail, at - 12)
  if (place + 56 > size) throw damaged('its zip directory lies outside')
  const end = view(await readAt(place, 56))
  if (end.getUint32(0, true) !== END_64) throw damaged('the end of its zip directory is missing')
  return { count: number(end, 32), length: number(end, 40), begin: number(end, 48) }
}

/** Size and position of a record; numbers of 64 bits stand in an extra field where those of 32 do not do. */
function longSizes(
  directory: DataView,
  at: number,
  nameLength: number,
  extraLength: number,
): { size: number; offset: number } {
  const sizes = { size: directory.getUint32(at + 24, true), offset: directory.getUint32(at + 42, true) }
  const packed = directory.getUint32(at + 20, true)
  let field = at + 46 + nameLength
  const end = field + extraLength
  while (field + 4 <= end) {
    const [id, length] = [directory.getUint16(field, true), directory.getUint16(field + 2, true)]
    let next = field + 4
    if (id === 1) {
      const take = (): number => number(directory, (next += 8) - 8)
      const room = (value: number) => value === 0xffffffff && next + 8 <= field + 4 + length
      if (room(sizes.size)) sizes.size = take()
      if (room(packed)) take()
      if (room(sizes.offset)) sizes.offset = take()
    }
    field += 4 + length
  }
  return sizes
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** A whole number of 64 bits; one that is too large for a file becomes larger than any. */
const number = (bytes: DataView, at: number): number => Number(bytes.getBigUint64(at, true))
