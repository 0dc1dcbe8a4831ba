// Counter-based random keys: (seed, what, where) → 64 bits. The element index is the counter, so draws do not depend on order, thread
// count, block size, backend or restarts.
import { createHash } from 'node:crypto'

/** Two 32-bit words that key a Philox4x32-10 stream. */
export type Key = readonly [number, number]

/** Key of e.g. (seed, editor name, tensor name): the first 64 bits of the SHA-256 of its JSON. */
export function keyOf(...parts: (string | number)[]): Key {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest()
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)]
}
