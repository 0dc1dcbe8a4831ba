// Records of the entries that are kept, byte by byte, and of entries that are all put right.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LossyForm, makeLossyMachine, type StoredLossy } from '../../src/kernels/index.js'
import { BadLossy, encodeSparse, readSparse } from '../../src/kernels/sparse.js'
import { Workspace } from '../../src/kernels/workspace.js'

const INDEX = { form: 'index', values: 'BF16' } as const
const space = new Workspace()

const contentOf = (edited: Float32Array) => ({ edited, base: new Uint16Array(edited.length), weights: null })

function decode(record: Uint8Array, size: number): Float32Array {
  space.clear()
  const placed = { at: space.put(record), bytes: record.length }
  const found = readSparse(INDEX, { from: 0, size, dtype: 'BF16' }, placed, space)
  const to = space.take(4 * size)
  if ('fill' in found) found.fill(0, size, to)
  return space.floats(to, size).slice()
}

test('a position takes the bits of the last one: of 4 entries 2, of 5 and 8 entries 3, of one entry 1', () => {
  // The number of entries, their positions from the lowest bit on, and 1 and -2 as bfloat16.
  const [one, minusTwo] = [
    [0x80, 0x3f],
    [0x00, 0xc0],
  ] as const
  for (const [size, last, positions] of [
    [4, 3, 1 + 4 * 3],
    [5, 4, 1 + 8 * 4],
    [8, 7, 1 + 8 * 7],
  ] as const) {
    const edited = new Float32Array(size)
    edited.set([1], 1)
    edited.set([-2], last)
    const record = encodeSparse(INDEX, { from: 0, size }, contentOf(edited))
    assert.deepEqual([...record], [2, 0, 0, 0, positions, ...one, ...minusTwo], `${size} entries`)
    assert.deepEqual(decode(record, size), edited)
  }
  const alone = encodeSparse(INDEX, { from: 0, size: 1 }, contentOf(Float32Array.of(1)))
  assert.deepEqual([...alone], [1, 0, 0, 0, 0, ...one])
  assert.deepEqual([...decode(alone, 1)], [1])
})

test('more positions than entries are refused before memory is taken for them', () => {
  const small = new Workspace()
  const record = new Uint8Array(4 + 10_000)
  new DataView(record.buffer).setUint32(0, 80_000, true)
  const placed = { at: small.put(record), bytes: record.length }
  const before = small.memory.buffer.byteLength
  assert.throws(() => readSparse(INDEX, { from: 0, size: 2, dtype: 'BF16' }, placed, small), BadLossy)
  assert.equal(small.memory.buffer.byteLength, before)
})

test('a record may put every entry right, a position and a float32 each', () => {
  const size = 16
  const files = new Map(
    Object.entries({
      base: new Float32Array(size),
      post: new Float32Array(size).fill(1),
      edited: Float32Array.from({ length: size }, (_, i) => i + 2),
      out: new Float32Array(size),
      record: new Float32Array(0),
    }).map(([file, values]) => [file, new Uint8Array(values.buffer)]),
  )
  const machine = makeLossyMachine({
    read: (file, target, position) => target.set(files.get(file)!.subarray(position, position + target.length)),
    write: (file, part, position) => files.get(file)!.set(part, position),
  })
  const whole = (file: string) => ({ file, begin: 0, bytes: files.get(file)!.length })
  const form: LossyForm = { form: 'sign' }
  const place = { from: 0, size, columns: size, matrix: size, all: size, dtype: 'F32' } as const
  const piece = { lossy: { form, place, restores: false }, bytes: 4 * size, base: { ...whole('base'), dtype: 'F32' } }
  const { record, ...sums } = machine.compress({
    ...piece,
    post: whole('post'),
    edited: { ...whole('edited'), of: 'weights' },
    scales: Float32Array.of(1),
    given: null,
  }) as StoredLossy
  // One magnitude and 16 signs give 1 everywhere.
  assert.equal(record.length, 4 + 2 + 8 * size)
  files.set('record', record.slice())
  const restored = { ...piece, dtype: 'F32', record: whole('record'), sums, to: [{ file: 'out', begin: 0 }] }
  assert.equal(machine.restore({ ...restored, first: { file: 'record', begin: 0 } }), null)
  assert.deepEqual(files.get('out'), files.get('edited'))
})
