// Which worker thread gets which job.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Job, runJobs } from '../../src/sweep/pool.js'

/** A thread that answers at once. */
const worker = new URL(
  `data:text/javascript,${encodeURIComponent(
    `import { parentPort } from 'node:worker_threads'
parentPort.on('message', ({ id }) => parentPort.postMessage({ id, value: id }))`,
  )}`,
)

test('a thread goes on with jobs of its affinity, in their order; jobs wait for those before them', async () => {
  const job = (id: string, after: string[] = []): Job => ({ id, affinity: id[0]!, after, share: 1, message: () => id })
  const jobs = [job('a1', ['b2']), job('b1'), job('c1'), job('b2'), job('a2'), job('c2', ['a1'])]
  const ended: string[] = []
  await runJobs(jobs, { jobs: 1, worker, work: { relay: () => undefined } }, async ({ id }) => void ended.push(id))
  assert.deepEqual(ended, ['b1', 'b2', 'a1', 'a2', 'c1', 'c2'])
})
