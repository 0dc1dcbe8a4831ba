// Checksums of what is written: by passes, by copies, and found again from the file.
import type { Kernels } from './module.js'
import type { CopiedBytes, Storage, WrittenBytes } from './pass.js'

/** Address in a machine's memory: the buffers of passes are free between passes. */
const STATE = 1024

/** Four words, carried on from strip to strip. */
export const startChecksum = (memory: WebAssembly.Memory, address: number): Int32Array =>
  new Int32Array(memory.buffer, address, 4).fill(1)

export const showChecksum = (words: Int32Array): string =>
  [...words].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')

/** Work on bytes as they are, strip by strip. */
export interface ByteMachine {
  /** The checksum of what was written, from the file. */
  check(written: WrittenBytes): string
  /** Copies bytes, and returns their checksum. */
  copy(bytes: CopiedBytes): string
}

export function makeByteMachine(
  memory: WebAssembly.Memory,
  kernels: Pick<Kernels, 'checksum'>,
  storage: Storage,
): ByteMachine {
  const sum = ({ bytes, strip }: WrittenBytes, fill: (part: Uint8Array, at: number) => void): string => {
    const words = startChecksum(memory, STATE)
    for (let at = 0; at < bytes; at += strip) {
      const part = new Uint8Array(memory.buffer, STATE + 64, Math.min(strip, bytes - at))
      fill(part, at)
      kernels.checksum(part.byteOffset, part.length, STATE)
    }
    return showChecksum(words)
  }
  return {
    check: (written) => sum(written, (part, at) => storage.read(written.file, part, written.begin + at)),
    copy: ({ from, to }) =>
      sum(to, (part, at) => {
        storage.read(from.file, part, from.begin + at)
        storage.write(to.file, part, to.begin + at)
      }),
  }
}
