// Threads of an engine: each does one task at a time, files that are hashed among them; and when there are none.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { openStream } from '../../src/stream/index.js'
import { openLanes } from '../../src/stream/lanes.js'

/** Threads that do nothing until they are told to end a task. */
function fakeThreads() {
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  let [started, closed] = [0, 0]
  const start = () => {
    started++
    let isBusy = false
    return {
      async ask(question: object) {
        const name = 'hash' in question ? `hash ${question.hash}` : 'check'
        assert.ok(!isBusy, `${name} given to a thread that works`)
        isBusy = true
        begun.push(name)
        await new Promise<void>((resolve) => ends.set(name, resolve))
        isBusy = false
        return name
      },
      close: async () => void closed++,
    }
  }
  const end = async (name: string): Promise<void> => {
    ends.get(name)!()
    await setImmediate()
  }
  return { begun, start, end, counts: () => [started, closed] }
}

const written = { file: '', begin: 0, bytes: 0, strip: 1 }

test('of several threads one is left to passes while files are hashed', async () => {
  const { begun, start, end, counts } = fakeThreads()
  const lanes = openLanes(3, start)
  const hashes = ['a', 'b', 'c'].map((path) => lanes.hash(path))
  await setImmediate()
  assert.deepEqual(begun, ['hash a', 'hash b'])
  const lane = await lanes.lease()
  void lane.check(written)
  assert.deepEqual(begun, ['hash a', 'hash b', 'check'])
  assert.deepEqual(counts(), [3, 0])
  await end('hash a')
  assert.deepEqual(begun, ['hash a', 'hash b', 'check', 'hash c'])
  await end('hash b')
  await end('hash c')
  assert.deepEqual(await Promise.all(hashes), ['hash a', 'hash b', 'hash c'])
})

test('of one thread, passes and files take turns; a file is hashed once', async () => {
  const { begun, start, end, counts } = fakeThreads()
  const lanes = openLanes(1, start)
  const hashes = ['a', 'b', 'a'].map((path) => lanes.hash(path))
  await setImmediate()
  const lane = lanes.lease()
  assert.deepEqual(begun, ['hash a'])
  await end('hash a')
  const done = (await lane).check(written).finally((await lane).release)
  await setImmediate()
  assert.deepEqual(begun, ['hash a', 'check'])
  await end('check')
  await done
  await setImmediate()
  assert.deepEqual(begun, ['hash a', 'check', 'hash b'])
  const rest = lanes.rest()
  await setImmediate()
  assert.deepEqual(counts(), [1, 0], 'the thread goes on until the file is hashed')
  await end('hash b')
  await rest
  assert.deepEqual(counts(), [1, 1])
  assert.deepEqual(await Promise.all(hashes), ['hash a', 'hash b', 'hash a'])
  const next = await lanes.lease()
  void next.check(written)
  assert.deepEqual(counts(), [2, 1], 'a new one starts when it is needed')
})

test('little work is done in the thread of the program, unless several are asked for', () => {
  const tensors = (rows: number) => [{ shape: [rows, 1024], models: 2, computed: 0 }]
  assert.equal(openStream({}, tensors(4095)).jobs, 1)
  assert.ok(openStream({}, tensors(4095)).bytes < 100e6)
  assert.equal(openStream({ jobs: 2 }, tensors(10)).jobs, 2)
  assert.ok(openStream({ jobs: 1 }, tensors(4096)).bytes > 500e6)
})
