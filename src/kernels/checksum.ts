// Checksums of bytes of files: of what passes read and write, of copies, and of pieces alone. That of a file is the sum of those of its
// pieces, whoever read them. Damage, missing bytes and mistaken files are found; malice is not.
import type { Kernels } from './module.js'
import type { CopiedBytes, FileBytes, Storage } from './pass.js'

/** Address in a machine's memory: the buffers of passes are free between passes. */
const STATE = 1024
/** Bytes that are read at a time. */
const PART = 1 << 18

/** Bytes of memory that work on bytes takes. */
export const BYTE_MEMORY = STATE + 64 + PART

/** Bytes of the two sums of 64 bits. */
export const CHECKSUM_BYTES = 16

export const startChecksum = (memory: WebAssembly.Memory, address: number): void =>
  void new BigUint64Array(memory.buffer, address, 2).fill(0n)

/** Both sums, hexadecimal. */
export const showChecksum = (memory: WebAssembly.Memory, address: number): string =>
  show(new BigUint64Array(memory.buffer, address, 2))

const show = (sums: Iterable<bigint>): string => [...sums].map((sum) => sum.toString(16).padStart(16, '0')).join('')

/** The checksum of a file from those of its pieces. */
export function addChecksums(pieces: Iterable<string>): string {
  const sums = new BigUint64Array(2)
  for (const piece of pieces) for (const i of sums.keys()) sums[i]! += BigInt(`0x${piece.slice(16 * i, 16 * (i + 1))}`)
  return show(sums)
}

/** Work on bytes as they are. */
export interface ByteMachine {
  /** The checksum of bytes of a file. */
  check(piece: FileBytes): string
  /** Copies bytes, and returns their checksums where they were and where they are. */
  copy(bytes: CopiedBytes): { read: string; written: string }
}

export function makeByteMachine(
  memory: WebAssembly.Memory,
  kernels: Pick<Kernels, 'checksum'>,
  storage: Storage,
): ByteMachine {
  const [first, second] = [STATE, STATE + CHECKSUM_BYTES]
  const read = ({ file, begin, bytes }: FileBytes, then?: (part: Uint8Array, at: number) => void): string => {
    startChecksum(memory, first)
    for (let at = 0; at < bytes; at += PART) {
      const part = new Uint8Array(memory.buffer, STATE + 64, Math.min(PART, bytes - at))
      storage.read(file, part, begin + at)
      kernels.checksum(part.byteOffset, part.length, begin + at, first)
      then?.(part, at)
    }
    return showChecksum(memory, first)
  }
  return {
    check: (piece) => read(piece),
    copy({ from, to }) {
      startChecksum(memory, second)
      const sum = read({ ...from, bytes: to.bytes }, (part, at) => {
        storage.write(to.file, part, to.begin + at)
        kernels.checksum(part.byteOffset, part.length, to.begin + at, second)
      })
      return { read: sum, written: showChecksum(memory, second) }
    },
  }
}
