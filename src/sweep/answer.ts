// Does the jobs of a sweep one after the other. It keeps the pair of the last job loaded, and answers with plain data.
import type { ModelPair } from '../config/index.js'
import {
  type DataRequest,
  type MergerData,
  type PairContent,
  type PlannedTask,
  pairKey,
  type Run,
} from '../plan/index.js'
import type { Registry } from '../registry/index.js'
import {
  executeRun,
  type KeptIn,
  keptIn,
  type LoadedPair,
  loadPair,
  type Measures,
  measureData,
  measureReference,
  openMeasured,
  type Reference,
} from '../run/index.js'

/** What all jobs of a sweep have in common. */
export interface JobFacts {
  experiment: string
  /** Name of the backend that computes. */
  backend: string
  measures: Measures
  registry: Registry
  kept: KeptFacts
}

/** Where measurements are kept, and what they are of. Plain data. */
export interface KeptFacts extends Pick<KeptIn, 'backend'> {
  /** Without a folder nothing is kept. */
  folder: KeptIn['folder'] | undefined
  /** By the keys of the pairs. */
  contents: Readonly<Record<string, PairContent>>
}

/** What a worker is sent. */
export type WorkerMessage =
  | { kind: 'reference'; pair: ModelPair; task: PlannedTask; needsGradient: boolean; runs: number }
  | { kind: 'data'; pair: ModelPair; request: DataRequest }
  | { kind: 'run'; run: Run; reference: Reference; data?: MergerData[] }

/** Answers messages one at a time; `close` frees the pair that is loaded. */
export function openAnswerer({ experiment, backend, measures, registry, kept }: JobFacts) {
  const values = keptIn(kept.folder)
  let home: LoadedPair | undefined
  const close = () => {
    home?.dispose()
    home = undefined
  }
  async function answer(message: WorkerMessage): Promise<unknown> {
    const pair = message.kind === 'run' ? message.run.pair : message.pair
    if (!home || pairKey(home.pair) !== pairKey(pair)) {
      close()
      home = await loadPair(pair, registry, values)
    }
    if (message.kind === 'reference') {
      const measured = openMeasured(values, kept.backend, kept.contents[pairKey(pair)]!)
      return measureReference(home, message.task, measures, { ...message, measured })
    }
    if (message.kind === 'data') return measureData(home, message.request)
    const { run, reference, data } = message
    const clock = () => performance.now() / 1000
    return executeRun(home, run, measures, { reference, experiment, backend, data, clock })
  }
  return { answer, close }
}
