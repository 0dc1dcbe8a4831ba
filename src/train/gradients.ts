// Gradients of a step's micro-batches on worker threads. They are added in the order of the micro-batches, so any number of
// workers gives the same bits.

import { Worker } from 'node:worker_threads'
import type { Batch } from '../models/index.js'
import type { BackendName } from '../tensor/index.js'

/** What a worker starts with; `weights` and `slots` are shared memory. */
export interface WorkerSetup {
  config: Record<string, unknown>
  /** The tensors of the model, which decide where the config leaves it open. */
  shapes: Record<string, number[]>
  backend: BackendName
  weights: SharedArrayBuffer
  slots: SharedArrayBuffer[]
  /** Numbers of the tensors whose gradients are wanted; those of all others stay 0. */
  trained: number[]
}

export interface GradientJob {
  slot: number
  batch: Batch
}

export interface Answer {
  slot: number
  /** Mean loss of the micro-batch in nats per token. */
  loss: number
  tokens: number
}

export interface GradientPool {
  /** The weights that the next step reads; write here. */
  weights: Float32Array
  /** Gradient of the mean loss over all tokens of the batches, into `gradient`; `onShare` is told of each batch as a share of all. */
  compute(
    batches: readonly Batch[],
    gradient: Float32Array,
    onShare: (share: number) => void,
  ): Promise<{ loss: number; tokens: number }>
  close(): Promise<void>
}

export async function startGradients(
  { config, shapes }: Pick<WorkerSetup, 'config' | 'shapes'>,
  length: number,
  options: { workers: number; micro_batches: number; backend: BackendName; trained: number[] },
): Promise<GradientPool> {
  const shared = () => new SharedArrayBuffer(length * 4)
  const setup: WorkerSetup = {
    config,
    shapes,
    backend: options.backend,
    trained: options.trained,
    weights: shared(),
    slots: Array.from({ length: options.micro_batches }, shared),
  }
  const views = setup.slots.map((slot) => new Float32Array(slot))
  const workers = Array.from(
    { length: options.workers },
    () => new Worker(new URL('./worker.js', import.meta.url), { workerData: setup }),
  )

  /** One job on one worker. */
  const ask = (worker: Worker, job: GradientJob) =>
    new Promise<Answer>((resolve, reject) => {
      worker.once('error', reject)
      worker.once('message', (answer: Answer) => {
        worker.off('error', reject)
        resolve(answer)
      })
      worker.postMessage(job)
    })

  return {
    weights: new Float32Array(setup.weights),
    async compute(batches, gradient, onShare) {
      const answers: Answer[] = []
      let next = 0
      await Promise.all(
        workers.map(async (worker) => {
          while (next < batches.length) {
            const slot = next++
            answers[slot] = await ask(worker, { slot, batch: batches[slot]! })
            onShare(1 / batches.length)
          }
        }),
      )
      const tokens = answers.reduce((sum, answer) => sum + answer.tokens, 0)
      gradient.fill(0)
      for (const { slot, tokens: part } of answers) {
        const view = views[slot]!
        const share = part / tokens
        for (let i = 0; i < gradient.length; i++) gradient[i]! += share * view[i]!
      }
      return { loss: answers.reduce((sum, answer) => sum + (answer.tokens / tokens) * answer.loss, 0), tokens }
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}
