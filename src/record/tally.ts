// The rows of a runs.csv, found without reading their cells: what a second look costs is what was appended since the first.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Where a row is in its file, and whether its run failed. */
export interface RowPlace {
  at: number
  bytes: number
  failed: boolean
}

export interface Tally {
  /** Finds the rows that were appended since the last call; all rows of a file that was replaced. */
  update(): ReadonlyMap<string, RowPlace>
  /** The text of these rows below the header, each on one line. */
  textOf(places: readonly RowPlace[]): string
}

/** Bytes that are read at a time, unless a row is longer. */
const CHUNK = 1 << 20

const [QUOTE, LINE, COMMA] = [34, 10, 44]

/** Ends the row of a run that succeeded: its status, and no error behind it. */
const SUCCEEDED = Buffer.from(',ok,\n')

/** Counts the rows of the file at this path, which need not be there yet. Half a row at the end is not counted. */
export function openTally(path: string): Tally {
  let [file, next, header] = [0, 0, '']
  const rows = new Map<string, RowPlace>()
  const scan = (descriptor: number) => {
    for (let chunk = Buffer.allocUnsafe(CHUNK); ; ) {
      const filled = chunk.subarray(0, readSync(descriptor, chunk, 0, chunk.length, next))
      const read = recordsIn(filled, (record, at) => {
        if (next + at === 0) header = record.toString()
        else rows.set(idOf(record), { at: next + at, bytes: record.length, failed: !endsSo(record) })
      })
      next += read
      if (filled.length < chunk.length) return
      if (read === 0) chunk = Buffer.allocUnsafe(2 * chunk.length)
    }
  }
  return {
    update() {
      withFile(path, (descriptor) => {
        const { ino, size } = fstatSync(descriptor)
        if (ino !== file || size < next) {
          rows.clear()
          ;[file, next, header] = [ino, 0, '']
        }
        scan(descriptor)
      })
      return rows
    },
    textOf(places) {
      const texts = withFile(path, (descriptor) =>
        places.map(({ at, bytes }) => {
          const record = Buffer.alloc(bytes)
          readSync(descriptor, record, 0, bytes, at)
          return `${record.toString('utf8', 0, bytes - 1).replaceAll('\n', ' ')}\n`
        }),
      )
      return header + (texts ?? []).join('')
    },
  }
}

/** Calls `found` with each whole record and its place. A line break between quotes is part of its cell. Returns the bytes of them all. */
function recordsIn(bytes: Buffer, found: (record: Buffer, at: number) => void): number {
  let [start, quoted] = [0, false]
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) quoted = !quoted
    else if (byte === LINE && !quoted) {
      found(bytes.subarray(start, i + 1), start)
      start = i + 1
    }
  }
  return start
}

const idOf = (record: Buffer): string => record.toString('latin1', 0, record.indexOf(COMMA))

const endsSo = (record: Buffer): boolean => record.subarray(-SUCCEEDED.length).equals(SUCCEEDED)

/** What `read` returns; undefined where there is no file. */
function withFile<T>(path: string, read: (descriptor: number) => T): T | undefined {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return read(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
