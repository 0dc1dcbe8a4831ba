// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11): a bijection of 128-bit
// counters under a 64-bit key. Element i of a tensor reads word i mod 4 of counter floor(i / 4). The SIMD twin is
// kernels/assembly/random.ts; the two agree bit for bit.
import type { Key } from '../kernels/index.js'

const M0 = 0xd2511f53
const M1 = 0xcd9e8d57

/** Upper 32 bits of the 64-bit product of two 32-bit integers read as unsigned, from halves of 16 bits. */
function upper(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const first = (Math.imul(aHigh, bLow) >>> 0) + (Math.imul(aLow, bLow) >>> 16)
  const second = (Math.imul(aLow, bHigh) >>> 0) + (first & 0xffff)
  return (Math.imul(aHigh, bHigh) + (first >>> 16) + (second >>> 16)) | 0
}

/** Enciphers the four 32-bit words of `block` in place. */
export function philox(block: Int32Array, key: Key): Int32Array {
  let c0 = block[0]!
  let c1 = block[1]!
  let c2 = block[2]!
  let c3 = block[3]!
  let k0 = key[0] | 0
  let k1 = key[1] | 0
  for (let round = 0; round < 10; round++) {
    const high0 = upper(c0, M0)
    const low0 = Math.imul(c0, M0)
    const high1 = upper(c2, M1)
    const low1 = Math.imul(c2, M1)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + 0x9e3779b9) | 0
    k1 = (k1 + 0xbb67ae85) | 0
  }
  block[0] = c0
  block[1] = c1
  block[2] = c2
  block[3] = c3
  return block
}

/** Calls visit(i, words, lane) for every i < size; `words` is the enciphered block of element offset + i, signed (>>> 0 to read). */
export function eachWord(
  size: number,
  key: Key,
  { offset, stream }: { offset: number; stream: number },
  visit: (i: number, words: Int32Array, lane: number) => void,
): void {
  const block = new Int32Array(4)
  for (let i = 0; i < size; ) {
    const counter = Math.floor((offset + i) / 4)
    block[0] = counter % 0x100000000
    block[1] = Math.floor(counter / 0x100000000)
    block[2] = stream
    block[3] = 0
    philox(block, key)
    for (let lane = (offset + i) % 4; lane < 4 && i < size; lane++, i++) visit(i, block, lane)
  }
}

/** Draw number `index` of a key as a float64 on [0, 1) with 53 random bits: shuffles and sampling of data. */
export function uniformAt(key: Key, index: number): number {
  const block = philox(Int32Array.of(index % 0x100000000, Math.floor(index / 0x100000000), 2, 0), key)
  return ((block[0]! >>> 5) * 2 ** 26 + (block[1]! >>> 6)) * 2 ** -53
}
