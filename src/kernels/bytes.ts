// Bytes, one behind the other.

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** A word as four bytes, the lowest first. */
export const wordBytes = (word: number): Uint8Array => new Uint8Array(Uint32Array.of(word).buffer)
