// Stored forms of a delta, with the bytes that they take: what a server keeps beside one base for each of its models.
export * from './factors.js'
export * from './file.js'
export * from './seeds.js'
export * from './signs.js'

/** Bytes of everything that a stored form holds; shapes and names are not counted. */
export function bytesOf(stored: object): number {
  return Object.values(stored).reduce(
    (sum: number, part: unknown) => sum + (ArrayBuffer.isView(part) ? part.byteLength : 0),
    0,
  )
}
