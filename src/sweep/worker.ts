// The program of a worker thread.
import { parentPort, workerData } from 'node:worker_threads'
import { hear } from '../progress/index.js'
import { type PluginModule, reopenRegistry } from '../registry/index.js'
import type { Measures } from '../run/index.js'
import { type BackendName, setBackend } from '../tensor/index.js'
import { type KeptFacts, openAnswerer, type WorkerMessage } from './answer.js'
import { describe } from './pool.js'

export interface WorkerFacts {
  experiment: string
  backend: BackendName
  measures: Measures
  plugins: readonly PluginModule[]
  kept: KeptFacts
  /** Threads that compute in each worker. */
  threads: number
}

/** Starts the backend and loads the plugins, before the first job. */
async function open({ backend, plugins, threads, ...facts }: WorkerFacts) {
  const { name } = await setBackend(backend, { threads })
  return openAnswerer({ ...facts, backend: name, registry: await reopenRegistry(plugins) })
}

let opened: ReturnType<typeof open> | undefined

async function answer(message: WorkerMessage): Promise<unknown> {
  opened ??= open(workerData as WorkerFacts)
  return (await opened).answer(message)
}

hear((progress) => parentPort!.postMessage({ progress }))

parentPort!.on('message', ({ id, message }: { id: string; message: WorkerMessage }) => {
  answer(message).then(
    (value) => parentPort!.postMessage({ id, value }),
    (error: unknown) => parentPort!.postMessage({ id, error: describe(error) }),
  )
})
