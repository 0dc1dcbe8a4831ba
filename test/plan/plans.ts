// Experiments without weights, for tests of planning, the pool and resumption.
import type { DeltaEdit, Experiment, ModelPair } from '../../src/config/index.js'
import { hashPlan, planRuns, type Run } from '../../src/plan/plan.js'
import { BUILT_IN } from '../../src/registry/index.js'
import type { Origins } from '../../src/sweep/execute.js'
import { meta } from '../record/example.js'

export const pair = (name: string): ModelPair => ({
  name,
  base: `${name}/base`,
  post: `${name}/post`,
  baseFolder: `/${name}/base`,
  postFolder: `/${name}/post`,
  tasks: [],
})

export const edit = (label: string, drop_rate: number, stochastic = true): DeltaEdit => ({
  editor: 'dare',
  label,
  on: 'delta',
  tensors: { include: ['linear'], exclude: [] },
  steps: [{ editor: 'dare', options: { drop_rate } }],
  stochastic,
  needsGradient: false,
  entryBits: null,
})

export function experiment(edits: DeltaEdit[], seeds: number[]): Experiment {
  return {
    name: 'fake',
    file: 'fake.yaml',
    text: 'name: fake\n',
    models: [pair('a'), pair('b')],
    edits,
    merges: [],
    data: { items: 2 },
    seeds,
    score: { items: 4 },
    loss: false,
    views: [],
    registry: BUILT_IN,
  }
}

export function planned(given: Experiment, tasks = ['math', 'code']): { runs: Run[]; from: Origins } {
  const runs = planRuns(
    given,
    given.models.map(() => tasks.map((name) => ({ name, version: 1, source: name }))),
  )
  const inputs = Object.fromEntries(given.models.map(({ post }) => [`${post}/model.safetensors`, 'aa']))
  return {
    runs,
    from: {
      meta: { ...meta, experiment: given.name, config_hash: hashPlan(runs), runs: runs.length, inputs },
      dependencies: ({ pair }) => ({ inputs: [`${pair.post}/model.safetensors`], folders: [pair.post] }),
      contents: {},
    },
  }
}

export const fakeWorker = new URL('../sweep/fake-worker.js', import.meta.url)
export const backend = { asked: 'wasm', found: { name: 'wasm', package: 'p 1' } } as const

/** Text of runs.csv without the column `seconds`. */
export function withoutSeconds(csv: string): string {
  const column = csv.split('\n', 1)[0]!.split(',').indexOf('seconds')
  const fromEnd = csv.split('\n', 1)[0]!.split(',').length - column
  return csv
    .split('\n')
    .map((line) => line.split(',').toSpliced(-fromEnd, 1, '').join(','))
    .join('\n')
}
