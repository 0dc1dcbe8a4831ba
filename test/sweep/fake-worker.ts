// A thread that answers like the real one after FAKE_DELAY milliseconds, with numbers made from the run's id. Labels tell it to fail.
import { setTimeout } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { failedRow } from '../../src/run/row.js'
import type { WorkerMessage } from '../../src/sweep/answer.js'
import type { WorkerFacts } from '../../src/sweep/worker.js'

parentPort!.on('message', async ({ id, message }: { id: string; message: WorkerMessage }) => {
  await setTimeout(Number(process.env.FAKE_DELAY ?? 0) * (0.5 + Math.random()))
  if (message.kind === 'reference') {
    if (message.task.name === 'broken') parentPort!.postMessage({ id, error: 'no such item' })
    else parentPort!.postMessage({ id, value: { score: message.task.name.length } })
    return
  }
  if (message.kind === 'data') {
    const { post } = message.pair
    return parentPort!.postMessage(
      post.startsWith('b') ? { id, error: 'no such tensor' } : { id, value: new Map([[post, new Float32Array(1)]]) },
    )
  }
  const { run, reference } = message
  if (run.edit.label === 'throws') return parentPort!.postMessage({ id, error: 'out of range' })
  if (run.edit.label === 'exits') process.exit(3)
  if (run.edit.label === 'crashes')
    setImmediate(() => {
      throw new Error('heap\nis gone')
    })
  else {
    const change = parseInt(run.id.slice(0, 8), 16) / 2 ** 32
    const row = {
      ...failedRow((workerData as WorkerFacts).experiment, run, ''),
      loss_change: change,
      score_pre: (reference as unknown as { score: number }).score,
      seconds: Math.random(),
      status: 'ok',
      error: null,
    }
    if (message.data?.some((data, i) => !data.has(run.edit.merge!.posts[i]!.post)))
      throw new Error('the data is not that of the post')
    const terms = ['one', 'two'].map((tensor) => ({
      run: run.id,
      tensor,
      role: 'mlp',
      parameters: 4,
      edit_norm: 1,
      delta_norm: 2,
      term: change / 2,
    }))
    parentPort!.postMessage({ id, value: { row, terms } })
  }
})
