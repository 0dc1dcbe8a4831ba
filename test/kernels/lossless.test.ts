// Pieces as records and back: every format over all kinds of bit patterns, against the entropy, by hand, and with changed records.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frequenciesOf, RecordReader, writeFrequencies } from '../../src/kernels/frequencies.js'
import { baseBytes, makePieceMachine, pieceBytes, type StoredPiece } from '../../src/kernels/index.js'
import { normals } from '../../src/tensor/index.js'
import { contentSum } from './content.js'

const WIDTHS: Record<string, number> = {
  ...{ F64: 8, I64: 8, U64: 8, F32: 4, C64: 4, I32: 4, U32: 4, BF16: 2, F16: 2, I16: 2, U16: 2 },
  ...{ I8: 1, U8: 1, BOOL: 1, F8_E4M3: 1, F8_E5M2: 1, F8_E8M0: 1, F8_E4M3FNUZ: 1, F8_E5M2FNUZ: 1, F4: 1, F6_E2M3: 1 },
}

const files = new Map<string, Uint8Array>()
const machine = makePieceMachine({
  read: (file, target, position) => target.set(files.get(file)!.subarray(position, position + target.length)),
  write: (file, part, position) => files.get(file)!.set(part, position),
})

interface Given {
  codec?: 'packed' | undefined
  dtype: string | null
  post: Uint8Array
  base?: Uint8Array | undefined
  from?: string
}

const pieceOf = ({ codec, dtype, post, base, from = dtype ?? '' }: Given) => ({
  codec,
  dtype,
  bytes: post.length,
  base: base ? { file: 'base', begin: 0, bytes: base.length, dtype: from } : null,
})

function compress(given: Given): StoredPiece {
  files.set('post', given.post)
  if (given.base) files.set('base', given.base)
  return machine.compress({ ...pieceOf(given), post: { file: 'post', begin: 0, bytes: given.post.length } })
}

function restore(given: Given, { record, ...sums }: StoredPiece) {
  files.set('record', record)
  files.set('out', new Uint8Array(given.post.length))
  const stored = { file: 'record', begin: 0, bytes: record.length }
  return machine.restore({ ...pieceOf(given), record: stored, sums, to: [{ file: 'out', begin: 0 }] })
}

/** @returns the length of the record: of the shortest one, or of a packed one where that is asked for */
function checkRound(given: Given, what: string): number {
  const [length] = ([given.codec, 'packed'] as const).map((codec) => {
    const stored = compress({ ...given, codec })
    assert.equal(restore(given, stored), null, what)
    assert.deepEqual(files.get('out'), given.post, what)
    assert.ok(stored.record.length <= given.post.length + 1, what)
    return stored.record.length
  })
  return length!
}

let state = 1
const random = (most: number): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return Math.floor((state / 2 ** 32) * most)
}
const noise = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, () => random(256))

/** Zeros of both signs, the least and the largest subnormals, ones, infinities and NaNs of several payloads: all byte patterns at the ends. */
function ends(width: number): Uint8Array {
  const tops = [0, 0x80, 0x7f, 0xff, 0x7c, 0xfc, 0x3f, 0xbf, 1]
  const lows = [0, 1, 0x80, 0xff, 0x7f]
  return Uint8Array.from(
    tops.flatMap((top) => lows.flatMap((low) => [...Array(width - 1).fill(low), top].slice(0, width))),
  )
}

test('every format: noise, ends of the range, no base, the same, and any number of entries', () => {
  for (const [dtype, width] of Object.entries(WIDTHS)) {
    for (const size of [1, 2, 3, 4, 5, 7, 64, 1001]) {
      const [post, base] = [noise(size * width), noise(size * width)]
      checkRound({ dtype, post }, `${dtype} ${size} alone`)
      checkRound({ dtype, post, base }, `${dtype} ${size} against noise`)
      assert.equal(checkRound({ dtype, post, base: post }, `${dtype} the same`), 0)
      const near = base.slice()
      for (let i = 0; i < near.length; i += width) near[i]! += random(3) - 1
      checkRound({ dtype, post: near, base }, `${dtype} ${size} near`)
    }
    const all = ends(width)
    const turned = Uint8Array.from([...all.subarray(5 * width), ...all.subarray(0, 5 * width)])
    checkRound({ dtype, post: all, base: turned }, `${dtype} ends`)
    checkRound({ dtype, post: turned, base: all }, `${dtype} ends, the other way`)
  }
})

test('bytes that are no tensor are deflated, and stay as they are where that does not help', () => {
  assert.ok(checkRound({ dtype: null, post: new TextEncoder().encode('weight '.repeat(1000)) }, 'text') < 100)
  assert.equal(checkRound({ dtype: null, post: noise(500) }, 'noise'), 501)
})

/** Of float32 values the bytes in a format, cut off. */
function bytesOf(values: Float32Array, dtype: 'F32' | 'BF16'): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.buffer.slice(0))
  const words = new Uint32Array(values.buffer)
  return new Uint8Array(Uint16Array.from(words, (word) => word >>> 16).buffer)
}

/** Bits of the differences of bf16 values in the order of numbers, away from zero, given the exponent of the base. */
function entropyOf(post: Uint16Array, base: Uint16Array): number {
  const counts = new Map<number, Map<number, number>>()
  for (const [i, b] of base.entries()) {
    const away = (b & 0x8000 ? -1 : 1) * ((post[i]! ^ b) & 0x8000 ? -(post[i]! & 0x7fff) - 1 : post[i]! & 0x7fff)
    const difference = away - (b & 0x8000 ? -1 : 1) * (b & 0x7fff)
    const own = counts.get((b >> 7) & 255) ?? new Map<number, number>()
    counts.set((b >> 7) & 255, own.set(difference, (own.get(difference) ?? 0) + 1))
  }
  let bits = 0
  for (const own of counts.values()) {
    const sum = [...own.values()].reduce((one, two) => one + two, 0)
    for (const count of own.values()) bits -= count * Math.log2(count / sum)
  }
  return bits
}

test('weights that moved a little take hardly more than the entropy of the difference; a base of another format serves too', () => {
  const size = 1 << 17
  const base = normals(size, [1, 2]).map((x) => 0.05 * x)
  const moves = normals(size, [3, 4])
  // The tables of so few entries take more than one in a hundred. No sign changes: those are rare, and the oracle would count them otherwise.
  const post = base.map((x, i) => (Math.sign(x + 0.001 * moves[i]!) === Math.sign(x) ? x + 0.001 * moves[i]! : x))
  const half = { dtype: 'BF16', post: bytesOf(post, 'BF16'), base: bytesOf(base, 'BF16') }
  const bits = entropyOf(new Uint16Array(half.post.buffer), new Uint16Array(half.base.buffer))
  const ratio = (8 * checkRound(half, 'BF16')) / bits
  assert.ok(ratio > 1 && ratio < 1.02, `${ratio}`)
  const packed = (8 * checkRound({ ...half, codec: 'packed' }, 'packed')) / bits
  assert.ok(packed > 1.05 && packed < 1.25, `${packed}`)
  // The lower 16 bits are noise of which nothing is saved.
  const whole = { dtype: 'F32', post: bytesOf(post, 'F32'), base: bytesOf(base, 'F32') }
  const full = (8 * checkRound(whole, 'F32')) / (bits + 16 * size)
  assert.ok(full > 0.97 && full < 1.01, `${full}`)
  for (const [given, most] of [
    [half, 0.7],
    [whole, 0.85],
  ] as const)
    assert.ok(checkRound({ dtype: given.dtype, post: given.post }, 'alone') < most * given.post.length)
  const cast = checkRound(
    { dtype: 'BF16', post: bytesOf(post, 'BF16'), base: bytesOf(base, 'F32'), from: 'F32' },
    'cast',
  )
  assert.ok(cast / (2 * size) < 0.37)
  for (const [from, to] of [
    ['F32', 'F16'],
    ['F16', 'F32'],
    ['BF16', 'F32'],
    ['BF16', 'F16'],
    ['F16', 'BF16'],
  ] as const)
    for (const make of [noise, (bytes: number) => ends(4).subarray(0, bytes)]) {
      const post = make(176)
      checkRound({ dtype: to, post, base: make(baseBytes(post.length, from, to)), from }, `${from} → ${to}`)
    }
})

test('a whole piece of each width, the record of one at the end of the memory', () => {
  for (const dtype of ['F64', 'F32', 'BF16', 'U8']) {
    const base = noise(1000)
    const fill = (change: number) => {
      const all = new Uint8Array(pieceBytes(dtype))
      for (let at = 0; at < all.length; at += 1000) all.set(base.subarray(0, Math.min(1000, all.length - at)), at)
      for (let at = 0; at < all.length; at += 97) all[at]! ^= change
      return all
    }
    checkRound({ dtype, post: fill(77), base: fill(0) }, dtype)
    checkRound({ dtype, post: fill(77) }, dtype)
  }
  // Every seventh entry, of which widths are chosen, is the base's; the others are noise beside infinities and NaNs: nearly all are patches.
  const base = new Uint16Array(pieceBytes('BF16') / 2).map((_, i) => 0x7f80 | (i & 127))
  const post = base.map((old, i) => (i % 7 ? random(1 << 16) : old))
  const [after, before] = [new Uint8Array(post.buffer), new Uint8Array(base.buffer)]
  checkRound({ dtype: 'BF16', post: after, base: before }, 'patches')
})

test('by hand: one bf16 that moved up by three places, one below zero that moved away from it by one', () => {
  const post = new Uint8Array(Uint16Array.of(0x3f83, 0xbf81).buffer)
  const base = new Uint8Array(Uint16Array.of(0x3f80, 0xbf80).buffer)
  const shared = { dtype: 'BF16', post, base }
  const { resultSum, baseSum } = compress(shared)
  // The difference with one table for all classes: symbols 6 (+3) and 2 (+1), each half of the time.
  const state = (x: number, start: number) => (Math.floor(x / 2048) << 12) + (x % 2048) + start
  // Written from the last to the first: symbol 2 through state 1, symbol 6 through state 0.
  const words = new Uint8Array(Uint32Array.of(state(1 << 15, 2048), state(1 << 15, 0), 1 << 15, 1 << 15).buffer)
  const table = [0, 1, 128 + 8, 0, 0, 2, 128 + 8, 0, 0, 248]
  const record = Uint8Array.from([3, 1, ...table, 16, 0, 0, 0, ...words])
  files.set('record', record)
  const sum = contentSum(record)
  assert.equal(restore(shared, { record, sum, resultSum, baseSum }), null)
  assert.deepEqual(files.get('out'), post)
})

test('by hand: the same packed in 3 bits, and in 2 bits with a patch for the third', () => {
  const [post, base] = [Uint16Array.of(0x3f83, 0xbf81), Uint16Array.of(0x3f80, 0xbf80)].map(
    ({ buffer }) => new Uint8Array(buffer),
  ) as [Uint8Array, Uint8Array]
  const shared = { dtype: 'BF16', post, base }
  const { resultSum, baseSum } = compress(shared)
  // Zigzag: +3 is 6, +1 is 2. The class of both is 127, one width.
  for (const [width, bits] of [
    [3, [0b10_110]],
    // The first entry, none before it, and the bits above the lowest two.
    [2, [0b10_10, 0, 0b1]],
  ] as const) {
    const record = Uint8Array.of(5, 127, 0, width, ...bits)
    files.set('record', record)
    assert.equal(restore(shared, { record, sum: contentSum(record), resultSum, baseSum }), null, `${width} bits`)
    assert.deepEqual(files.get('out'), post)
  }
})

test('frequencies: the sum is 4096, nothing that occurs is lost, and they are read as they are written', () => {
  for (const counts of [
    [5],
    [1, 1, 1],
    [1e9, 1],
    Array.from({ length: 256 }, (_, i) => i ** 3),
    [0, 3, 0, 0, 0, 900],
  ]) {
    const all = new Float64Array(256)
    all.set(counts)
    const frequencies = frequenciesOf(all)
    assert.equal(
      frequencies.reduce((sum, each) => sum + each, 0),
      4096,
    )
    assert.ok(all.every((count, s) => count > 0 === frequencies[s]! > 0))
    assert.deepEqual(new RecordReader(Uint8Array.from(writeFrequencies(frequencies))).frequencies(), frequencies)
  }
})

test('another base, another record, and records that only claim to be whole are told apart, and none is more than refused', () => {
  const [base, moved] = [noise(4000), random(100)]
  const post = base.map((byte, i) => (i % 8 ? byte : byte ^ moved))
  for (const [dtype, codec] of [
    ...['F32', 'BF16', 'U8', 'F64'].map((dtype) => [dtype] as const),
    ...['F32', 'BF16', 'F64'].map((dtype) => [dtype, 'packed'] as const),
  ]) {
    const given = { dtype, post, base, ...(codec && { codec }) }
    const stored = compress(given)
    const other = base.slice()
    other[17]! ^= 1
    files.set('base', other)
    assert.equal(restore(given, stored), 'base')
    files.set('base', base)
    for (let i = 0; i < 150; i++) {
      const record = stored.record.slice(0, random(4) ? undefined : random(stored.record.length))
      for (let k = random(4); k >= 0; k--) record[random(Math.min(record.length, k ? 60 : 4000))]! ^= 1 << random(8)
      files.set('record', record)
      const fault = restore(given, { ...stored, record, ...(i % 2 && { sum: contentSum(record) }) })
      if (fault === null) assert.deepEqual(files.get('out'), post)
      else assert.equal(fault, 'record')
    }
    checkRound(given, 'the machine works on')
  }
})
