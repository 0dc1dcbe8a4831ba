// Entries around a wanted magnitude, as a pass finds them: how many lie above, and a list of those near it. Magnitudes are the integers
// that their 31 bits spell: those of float32 order like them.
import { joined } from './answer.js'

/** Entries from `low` to `high` are listed, but those that equal one of two marks, first >= second, are only counted: they may be many. */
export interface Bracket {
  /** The least magnitude that is listed, as bits. */
  low: number
  /** The largest magnitude that is listed, as bits. */
  high: number
  /** A magnitude that is only counted, as bits. */
  first: number
  /** Another one, not above the first. */
  second: number
}

/** Entries of the list of one block, and of a sample of it. A longer list is thinned: every second one stays, then every fourth… */
const LISTED = { all: 1 << 17, sample: 1 << 14 }
/** Tensors of more entries are sampled. */
export const SAMPLED = LISTED.all
/** Bytes of the counts before the lists of magnitudes and of their places. */
const HEAD = 40
/** Entries that each list needs room for besides. */
const BESIDES = 1 << 10
/** Counts of each strip: what equals the first mark, and the second. */
const EQUALS = 2

/** A block of a tensor. */
interface Block {
  from: number
  to: number
  strip: number
}

/** Counts and list of a block in the memory of a machine. */
export class BracketTable {
  private readonly room: number
  private readonly strips: number

  constructor(
    private readonly block: Block,
    isSample = false,
  ) {
    const { from, to, strip } = block
    this.room = Math.min(LISTED[isSample ? 'sample' : 'all'], to - from)
    this.strips = Math.ceil((to - from) / strip)
  }

  get bytes(): number {
    return HEAD + 8 * (this.room + BESIDES) + 4 * EQUALS * this.strips
  }

  clear(memory: WebAssembly.Memory, address: number): void {
    new Int32Array(memory.buffer, address, HEAD / 4).set([0, 0, 0, 0, 1, 0, this.room])
    new Int32Array(memory.buffer, this.equalAt(address), EQUALS * this.strips).fill(0)
  }

  /** Where the counts of a strip of the block are. */
  equalAt(address: number, strip = 0): number {
    return address + HEAD + 8 * (this.room + BESIDES) + 4 * EQUALS * strip
  }

  /** The counts and what is needed to read them, the counts of each strip, the listed magnitudes, and their places. */
  answer(memory: WebAssembly.Memory, address: number): Int32Array {
    const { from, strip } = this.block
    const head = new Int32Array(memory.buffer, address, HEAD / 4)
    const equal = new Int32Array(memory.buffer, this.equalAt(address), EQUALS * this.strips)
    const listed = head[5]!
    const list = (from: number) => new Int32Array(memory.buffer, address + HEAD + 4 * from, listed)
    const answer = new Int32Array(head.length + equal.length + 2 * listed)
    answer.set(head)
    answer.set([this.strips, from / strip, strip], 6)
    answer.set(equal, head.length)
    answer.set(list(0), head.length + equal.length)
    answer.set(list(this.room + BESIDES), head.length + equal.length + listed)
    return answer
  }
}

/** Bytes of the table of any block of four million entries. */
export const MOST_BRACKET_BYTES = HEAD + 8 * LISTED.all + (1 << 14)

/** What the blocks of a pass found together. */
export interface Bracketed {
  /** Entries above the bracket. */
  over: number
  /** Of those in it that equal no mark: above the first, between them, below the second. */
  inside: [number, number, number]
  /** For each strip, entries equal to the first mark, and to the second. */
  equal: Int32Array
  /** One of so many entries is listed. */
  every: number
  /** Magnitudes of the listed ones, in the order of their indices. */
  bits: Int32Array
  /** The index in the tensor of number i of the list. */
  indexOf(i: number): number
}

/** @param answer those of the blocks, in their order */
export function readBracket(answer: Int32Array): Bracketed {
  const found = { over: 0, inside: [0, 0, 0] as [number, number, number], every: 1 }
  const equals: Int32Array[] = []
  const lists: { bits: Int32Array; places: Int32Array; begin: number; every: number }[] = []
  for (let at = 0; at < answer.length; ) {
    const head = answer.subarray(at, (at += HEAD / 4)) as unknown as Head
    const [over, above, between, below, every, listed, strips, first, strip] = head
    found.over += over
    for (const [i, size] of [above, between, below].entries()) found.inside[i]! += size
    found.every = Math.max(found.every, every)
    equals.push(answer.subarray(at, (at += EQUALS * strips)))
    const bits = answer.subarray(at, (at += listed))
    lists.push({ bits, places: answer.subarray(at, (at += listed)), begin: first * strip, every })
  }
  // Blocks that were thinned less are thinned like the others.
  const parts = lists.map(({ every, ...list }) => ({ ...list, step: found.every / every }))
  const thinned = parts.map(({ bits, step }) => (step === 1 ? bits : bits.filter((_, i) => i % step === 0)))
  return {
    ...found,
    equal: joined(equals) as Int32Array,
    bits: joined(thinned) as Int32Array,
    indexOf(i) {
      let n = i
      for (const [k, { places, begin, step }] of parts.entries()) {
        if (n < thinned[k]!.length) return begin + places[n * step]!
        n -= thinned[k]!.length
      }
      throw new RangeError(`no number ${i} in the list`)
    },
  }
}

type Head = [
  over: number,
  above: number,
  between: number,
  below: number,
  every: number,
  listed: number,
  strips: number,
  first: number,
  strip: number,
]
