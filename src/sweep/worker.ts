// A thread of the sweep: takes jobs one after the other, keeps the pair of the last job loaded, answers with plain data.
import { parentPort, workerData } from 'node:worker_threads'
import type { ModelPair } from '../config/index.js'
import { type DataRequest, type MergerData, type PlannedTask, pairKey, type Run } from '../plan/index.js'
import {
  executeRun,
  type LoadedPair,
  loadPair,
  type Measures,
  measureData,
  measureReference,
  type Reference,
} from '../run/index.js'
import { type BackendName, setBackend } from '../tensor/index.js'
import { describe } from './pool.js'

export interface WorkerFacts {
  experiment: string
  backend: BackendName
  measures: Measures
}

export type Message =
  | { kind: 'reference'; pair: ModelPair; task: PlannedTask; needsGradient: boolean; runs: number }
  | { kind: 'data'; pair: ModelPair; request: DataRequest }
  | { kind: 'run'; run: Run; reference: Reference; data?: MergerData[] }

const facts = workerData as WorkerFacts
let backend: Promise<{ name: string }> | undefined
let home: LoadedPair | undefined

async function answer(message: Message): Promise<unknown> {
  backend ??= setBackend(facts.backend)
  const { name } = await backend
  const pair = message.kind === 'run' ? message.run.pair : message.pair
  if (!home || pairKey(home.pair) !== pairKey(pair)) {
    home?.dispose()
    home = undefined
    home = await loadPair(pair)
  }
  if (message.kind === 'reference') return measureReference(home, message.task, facts.measures, message)
  if (message.kind === 'data') return measureData(home, message.request)
  return executeRun(home, message.run, facts.measures, {
    reference: message.reference,
    experiment: facts.experiment,
    backend: name,
    data: message.data,
    clock: () => performance.now() / 1000,
  })
}

parentPort!.on('message', ({ id, message }: { id: string; message: Message }) => {
  answer(message).then(
    (value) => parentPort!.postMessage({ id, value }),
    (error: unknown) => parentPort!.postMessage({ id, error: describe(error) }),
  )
})
