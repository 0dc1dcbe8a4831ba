// Stored forms of a delta and their size in bytes: what a server stores for each fine-tune, next to one base model.
export * from './codec.js'
export * from './factors.js'
export * from './file.js'
export * from './lossy.js'
export * from './pieces.js'
export * from './signs.js'

/** Bytes of all arrays of a stored form; shapes and names are not counted. */
export function bytesOf(stored: object): number {
  return Object.values(stored).reduce(
    (sum: number, part: unknown) => sum + (ArrayBuffer.isView(part) ? part.byteLength : 0),
    0,
  )
}
