// Threads of an engine: each does one task at a time, the first that waits first; and when there are none.
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
        const name = (question as { check: { file: string } }).check.file
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

test('tasks wait in turn for a thread that is free; closed threads start again when they are needed', async () => {
  const { begun, start, end, counts } = fakeThreads()
  const lanes = openLanes(2, start)
  const check = async (file: string) => {
    const lane = await lanes.lease()
    const sum = await lane.check({ file, begin: 0, bytes: 0 })
    lane.release()
    return sum
  }
  const all = ['a', 'b', 'c', 'd'].map(check)
  await setImmediate()
  assert.deepEqual(begun, ['a', 'b'])
  assert.deepEqual(counts(), [2, 0])
  await end('b')
  assert.deepEqual(begun, ['a', 'b', 'c'])
  await end('a')
  await end('c')
  await end('d')
  assert.deepEqual(await Promise.all(all), ['a', 'b', 'c', 'd'])
  await lanes.close()
  assert.deepEqual(counts(), [2, 2])
  void check('e')
  await setImmediate()
  assert.deepEqual(counts(), [3, 2])
})

test('little work is done in the thread of the program, unless several are asked for', () => {
  const tensors = (rows: number) => [{ shape: [rows, 1024], models: 2, computed: 0 }]
  assert.equal(openStream({}, tensors(4095)).jobs, 1)
  assert.ok(openStream({}, tensors(4095)).bytes < 100e6)
  assert.equal(openStream({ jobs: 2 }, tensors(10)).jobs, 2)
  assert.ok(openStream({ jobs: 1 }, tensors(4096)).bytes > 500e6)
})

test('a thread that is held by two tasks is asked by the second before it has answered the first; not where inputs are computed', async () => {
  const asked: string[] = []
  const answer = async (question: object) => {
    asked.push((question as { check: { file: string } }).check.file)
    return new Promise<string>(() => undefined)
  }
  const lanes = openLanes(1, () => ({ ask: answer, close: async () => undefined }), 2)
  for (const file of ['a', 'b', 'c']) void lanes.lease().then((lane) => lane.check({ file, begin: 0, bytes: 0 }))
  await setImmediate()
  assert.deepEqual(asked, ['a', 'b'])
  const placesOf = (computed: number) =>
    openStream({ jobs: 3 }, [{ shape: [4096, 1024], models: 1, computed }], 2).places
  assert.deepEqual([placesOf(0), placesOf(1)], [6, 3])
})
