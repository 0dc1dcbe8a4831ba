// Tensors that are computed when they are read: a large one some lines at a time, so that the thread hears signals in between.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCheckpoint, withComputed, writeCheckpoint } from '../../src/checkpoint/index.js'
import { temporary } from './files.js'

test('the bytes of a computed tensor are made of several runs of lines, which need not end where a line ends', async () => {
  const folder = join(temporary(), 'model')
  const plan = [
    { name: 'w', dtype: 'BF16' as const, shape: [1, 1] },
    { name: 'none', dtype: 'F32' as const, shape: [0, 3] },
  ]
  const tensors = plan.map(({ name, shape }) => ({ name, values: new Float32Array(shape[0]! * shape[1]!) }))
  await writeCheckpoint(folder, { plan, tensors })
  const stored = await openCheckpoint(folder)
  const [rows, columns] = [1101, 1001]
  const lines: { from: number; to: number }[] = []
  const shapes = new Map([
    ['w', [rows, columns]],
    ['none', [0, 3]],
  ])
  const computed = withComputed(stored, shapes, async (_, { from, to }) => {
    lines.push({ from, to })
    // Integers below 256 are the same in bfloat16: their upper half as float32.
    return Float32Array.from({ length: (to - from) * columns }, (_, i) => (from * columns + i) % 251)
  })
  const halves = new Uint16Array((await computed.readBytes('w')).buffer)
  const upper = new Uint32Array(Float32Array.from({ length: rows * columns }, (_, i) => i % 251).buffer)
  assert.ok(halves.every((half, i) => half === upper[i]! >>> 16) && halves.length === rows * columns)
  // 2²⁰ entries are 1047 lines and a part of one.
  assert.deepEqual(lines, [
    { from: 0, to: 1048 },
    { from: 1047, to: 1101 },
  ])
  assert.equal((await computed.readBytes('none')).length, 0)
  await stored.close()
})
