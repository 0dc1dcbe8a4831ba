// A WebAssembly module whose memory is shared between threads: the binary says so of the memory that it imports or has of its own.

const IMPORTS = 2
const MEMORIES = 5
/** 4 GiB in pages of 64 KiB, as LEB128. */
const MOST_PAGES = [0x80, 0x80, 0x04]

/** Reads a number in LEB128. */
function numberAt(bytes: Uint8Array, at: number): { value: number; next: number } {
  const byte = bytes[at]!
  if (byte < 0x80) return { value: byte, next: at + 1 }
  const { value, next } = numberAt(bytes, at + 1)
  return { value: (byte & 0x7f) + 0x80 * value, next }
}

function encode(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...encode(Math.floor(value / 0x80))]
}

/** Where the limits of the memory begin, in the content of a section of imports or of memories. */
function limitsAt(bytes: Uint8Array, section: number, start: number): number | null {
  let { value: count, next } = numberAt(bytes, start)
  if (section === MEMORIES) return count ? next : null
  for (; count > 0; count--) {
    for (let name = 0; name < 2; name++) {
      const { value, next: from } = numberAt(bytes, next)
      next = from + value
    }
    const kind = bytes[next++]
    if (kind === 2) return next
    if (kind === 0) next = numberAt(bytes, next).next
    else if (kind === 3) next += 2
    else return null
  }
  return null
}

/** The same module with a shared memory of at most 4 GiB, or of its own most; the module itself where it has no memory. */
export function asShared(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at]!
    const { value: size, next: start } = numberAt(bytes, at + 1)
    const end = start + size
    const limits = id === IMPORTS || id === MEMORIES ? limitsAt(bytes, id, start) : null
    if (limits !== null) {
      const least = numberAt(bytes, limits + 1)
      const hasMost = bytes[limits]! & 1
      const after = hasMost ? numberAt(bytes, least.next).next : least.next
      const most = hasMost ? bytes.subarray(least.next, after) : MOST_PAGES
      const content = [bytes.subarray(start, limits), [3, ...encode(least.value)], most, bytes.subarray(after, end)]
      const length = content.reduce((sum, part) => sum + part.length, 0)
      const parts = [bytes.subarray(0, at), [id, ...encode(length)], ...content, bytes.subarray(end)]
      return Uint8Array.from(parts.flatMap((part) => [...part]))
    }
    at = end
  }
  return bytes
}
