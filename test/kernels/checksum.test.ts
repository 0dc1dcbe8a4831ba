// The checksum of bytes: by hand, against its definition, and of pieces cut anywhere.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { showChecksum, startChecksum } from '../../src/kernels/checksum.js'
import { addChecksums, instantiate } from '../../src/kernels/index.js'
import type { Kernels } from '../../src/kernels/module.js'
import { contentSum, weightOf } from './content.js'

const memory = new WebAssembly.Memory({ initial: 4 })
const kernels = instantiate<Kernels>('codec', memory)
const [STATE, FROM] = [64, 1024]

/** The checksum of bytes from a position of a file on. @param shift of their address, which need not be even */
function sumOf(bytes: Uint8Array, position: number, shift = 0): string {
  startChecksum(memory, STATE)
  new Uint8Array(memory.buffer, FROM + shift, bytes.length + 64).fill(0xee).set(bytes)
  kernels.checksum(FROM + shift, bytes.length, position, STATE)
  return showChecksum(memory, STATE)
}
const hex = (...sums: bigint[]) => sums.map((sum) => BigInt.asUintN(64, sum).toString(16).padStart(16, '0')).join('')

test('by hand: three words, the last of one byte; bytes within words; no bytes', () => {
  // 1 · 0x9e3779b1, xor 15 bits lower: 0x9e3645df; · 0x85ebca77: 0x5d14…; xor 13 bits lower.
  const [k1, k2, k3] = [0x5d139822n, 0xd4fa0c2cn, 0x0ef5fd85n]
  const bytes = Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0, 3)
  assert.equal(sumOf(bytes, 0), hex(6n, k1 + 2n * k2 + 3n * k3))
  assert.equal(contentSum(bytes), hex(6n, k1 + 2n * k2 + 3n * k3))
  assert.equal(sumOf(bytes, 40), hex(6n, weightOf(11) + 2n * weightOf(12) + 3n * weightOf(13)))
  assert.equal(sumOf(Uint8Array.of(1, 2, 3), 2), hex(0x0201_0000n + 3n, 0x0201_0000n * k1 + 3n * k2))
  assert.equal(sumOf(Uint8Array.of(7), 2 ** 40 + 3), hex(7n << 24n, (7n << 24n) * weightOf(2 ** 38 + 1)))
  assert.equal(sumOf(new Uint8Array(), 5), hex(0n, 0n))
})

test('pieces cut anywhere add up to the whole, in any order', () => {
  let state = 1
  const random = (n: number) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % n
  for (const size of [0, 1, 3, 15, 16, 17, 63, 100, 4099, 70_001]) {
    // High bits too: sums of large words leave 32 bits.
    const bytes = Uint8Array.from({ length: size }, () => (random(4) ? 255 - random(9) : random(256)))
    const whole = contentSum(bytes)
    assert.equal(sumOf(bytes, 0), whole)
    for (let round = 0; round < 20; round++) {
      const pieces: string[] = []
      for (let at = 0; at < size; ) {
        const length = 1 + random(round < 10 ? 40 : size)
        pieces.push(sumOf(bytes.subarray(at, at + length), at, random(17)))
        at += length
      }
      assert.equal(addChecksums(pieces.reverse()), whole)
    }
  }
})

test('a changed, a moved and a swapped word, turned rows and turned signs change it', () => {
  const bytes = Uint8Array.from({ length: 4096 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24)
  const changed = (change: (words: Uint32Array) => void) => {
    const copy = bytes.slice()
    change(new Uint32Array(copy.buffer))
    return sumOf(copy, 0)
  }
  const own = sumOf(bytes, 0)
  const all = [
    changed((words) => words.fill(words[5]! + 1, 5, 6)),
    changed((words) => (words[5]!--, words[900]!++)),
    changed((words) => ([words[1], words[2]] = [words[2]!, words[1]!])),
    changed((words) => words.copyWithin(0, 1)),
    changed((words) => words.set([...words.subarray(256, 512), ...words.subarray(0, 256)])),
  ]
  assert.equal(new Set([own, ...all]).size, 6)
  const ofFloats = (values: number[]) => sumOf(new Uint8Array(Float32Array.from(values).buffer), 0)
  const identity = Array.from({ length: 64 * 64 }, (_, i) => Number(i % 65 === 0))
  assert.notEqual(
    ofFloats(identity),
    ofFloats(identity.toReversed().map((_, i) => Number(i % 64 === 63 - Math.floor(i / 64)))),
  )
  const signs = Array.from({ length: 160 }, (_, i) => [1, -1, -1, 1][i % 4]!)
  assert.notEqual(ofFloats(signs), ofFloats(signs.map((sign) => -sign)))
})
