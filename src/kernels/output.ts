// Where a pass writes. Strips are gathered: few long writes cost the system less than many short ones.
import { type PassWrite, type Storage, WIDTHS } from './pass.js'

/** Bytes that are gathered before they are written. */
export const GATHERED = 1 << 18

/** The bytes that a pass writes, in their order. */
export interface PassOutput {
  /** Address for the bytes of the next strip. */
  next(): number
  /** These bytes are there. */
  add(bytes: number): void
  /** Writes what is left. */
  end(): void
}

/**
 * @param address of GATHERED bytes in the memory, and of room for one more strip
 * @param from first entry of the pass
 */
export function openOutput(
  { memory, storage }: { memory: WebAssembly.Memory; storage: Storage },
  address: number,
  { target }: PassWrite,
  from: number,
): PassOutput {
  let position = target.begin + from * WIDTHS[target.dtype]
  let filled = 0
  const end = (): void => {
    if (filled) storage.write(target.file, new Uint8Array(memory.buffer, address, filled), position)
    position += filled
    filled = 0
  }
  return {
    next: () => address + filled,
    add(bytes) {
      filled += bytes
      if (filled >= GATHERED) end()
    },
    end,
  }
}
