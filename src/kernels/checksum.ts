// Checksums of what passes write, found again from the file.
import type { Kernels } from './module.js'
import type { WrittenBytes } from './pass.js'

/** Address in a machine's memory: the buffers of passes are free between passes. */
const STATE = 1024

/** Four words, carried on from strip to strip. */
export const startChecksum = (memory: WebAssembly.Memory, address: number): Int32Array =>
  new Int32Array(memory.buffer, address, 4).fill(1)

export const showChecksum = (words: Int32Array): string =>
  [...words].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')

/** @param read fills a buffer with the bytes from `position` on */
export function findChecksum(
  memory: WebAssembly.Memory,
  kernels: Pick<Kernels, 'checksum'>,
  { file, begin, bytes, strip }: WrittenBytes,
  read: (file: string, target: Uint8Array, position: number) => void,
): string {
  const words = startChecksum(memory, STATE)
  for (let at = 0; at < bytes; at += strip) {
    const part = new Uint8Array(memory.buffer, STATE + 64, Math.min(strip, bytes - at))
    read(file, part, begin + at)
    kernels.checksum(part.byteOffset, part.length, STATE)
  }
  return showChecksum(words)
}
