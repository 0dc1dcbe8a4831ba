// Where parts of tensors are worked on: in threads only where one fits beside the program.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROGRAM_BYTES, runParts } from '../../src/stream/index.js'

/** What a thread takes that runs TensorFlow.js. */
const THREAD = 100e6

test('a thread begins where its task and its program fit into the bound, and not below it', async () => {
  const task = { name: 'w', message: { tensor: 0, rows: null }, bytes: 50e6 }
  const least = PROGRAM_BYTES + THREAD + task.bytes
  const answers: unknown[] = []
  const run = (memory: number) =>
    runParts([task, { ...task, message: { tensor: 1, rows: null } }], {
      ...{ jobs: 2, memory, data: {}, entries: 1e9 },
      script: new URL('data:text/javascript,throw new Error("a thread began")'),
      here: async ({ tensor }) => tensor,
      done: async (tensor, found: readonly number[]) => void answers.push([tensor, ...found]),
    })
  await assert.rejects(run(least), { message: /a thread began/ })
  assert.deepEqual(answers, [])
  await run(least - 1)
  assert.deepEqual(answers, [
    [0, 0],
    [1, 1],
  ])
})
