// Keyed normals. Value i depends only on (key, offset + i): not on the order of calls, the block size or the number of threads.
import type { Key } from './key.js'
import { instantiate } from './module.js'

/** Word 2 of the counter: no other draws share bits with these under one key. */
const STREAM = 1
/** Values that are drawn at a time. */
const BLOCK = 1 << 14

interface Words {
  /** `count` blocks of four words, from the block of the counter `first` on. */
  words(to: number, count: number, key0: number, key1: number, first: number, stream: number): void
}

function openWords() {
  const memory = new WebAssembly.Memory({ initial: 2 })
  return { ...instantiate<Words>('random', memory), block: new Float32Array(memory.buffer, 1 << 16, BLOCK) }
}
let source: ReturnType<typeof openWords> | undefined

/** Standard normal float32 by Box and Muller in float64; |z| < 6.67. */
export function normals(size: number, key: Key, offset = 0): Float32Array {
  const { words, block } = (source ??= openWords())
  const drawn = new Uint32Array(block.buffer, block.byteOffset, BLOCK)
  const values = new Float32Array(size)
  // Four values come of one counter: what is drawn starts at a multiple of four, `early` values before the first.
  const early = offset % 4
  for (let i = -early; i < size; i += BLOCK) {
    const count = Math.min(BLOCK, Math.ceil((size - i) / 4) * 4)
    words(drawn.byteOffset, count / 4, key[0], key[1], (offset + i) / 4, STREAM)
    boxMuller(drawn, count)
    values.set(block.subarray(i < 0 ? early : 0, Math.min(count, size - i)), Math.max(0, i))
  }
  return values
}

/** Pairs of words → pairs of float32 normals, in place. */
function boxMuller(words: Uint32Array, count: number): void {
  const values = new Float32Array(words.buffer, words.byteOffset, count)
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log((words[i]! + 1) * 2 ** -32))
    const angle = 2 * Math.PI * words[i + 1]! * 2 ** -32
    values[i] = radius * Math.cos(angle)
    values[i + 1] = radius * Math.sin(angle)
  }
}
