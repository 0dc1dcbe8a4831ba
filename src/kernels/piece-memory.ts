// Where the buffers of a piece lie in the memory of a machine.
import { CHECKSUM_BYTES } from './checksum.js'
import { COUNTED_CLASSES, MOST_TABLES, SYMBOLS } from './frequencies.js'
import { PIECE_BYTES } from './piece.js'

const SLACK = 256
/** Bytes of each. */
export const REGIONS = {
  sums: CHECKSUM_BYTES,
  post: PIECE_BYTES,
  /** Twice as wide, at most. */
  base: 2 * PIECE_BYTES,
  cast: PIECE_BYTES,
  /** Together with the classes also float32 between two formats of half precision. */
  symbols: PIECE_BYTES,
  classes: PIECE_BYTES,
  /** Together with the coded symbols also a record. */
  bits: PIECE_BYTES,
  coded: 1.5 * PIECE_BYTES + 64,
  counts: 4 * COUNTED_CLASSES * SYMBOLS,
  rows: 4 * COUNTED_CLASSES,
  frequencies: 2 * SYMBOLS,
  tables: (4 * SYMBOLS + 4096) * MOST_TABLES,
}
type Region = keyof typeof REGIONS

function layOut(): Record<Region, number> & { end: number } {
  let end = 1024
  const at = Object.entries(REGIONS).map(([name, bytes]) => {
    const begin = end
    end = Math.ceil((end + bytes + SLACK) / 64) * 64
    return [name, begin]
  })
  return { ...Object.fromEntries(at), end } as Record<Region, number> & { end: number }
}

/** Addresses. */
export const AT = layOut()

/** Bytes of memory that a machine needs for pieces. */
export const PIECE_MEMORY = AT.end
