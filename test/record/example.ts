// A row and a provenance to vary in tests.
import { packageVersion } from '../../src/files/index.js'
import type { Meta, Row, StorePlan, Term } from '../../src/record/index.js'

export const row: Row = {
  id: 'a1',
  experiment: 'e',
  model: 'small',
  task: 'math',
  editor: 'dare',
  merger: null,
  merged: null,
  label: 'DARE, "rescaled"',
  on: 'delta',
  options: { drop_rate: 0.1, rescale: true },
  drop_rate: 0.1,
  rank: null,
  bits: null,
  alpha: null,
  k: 0,
  seed: 1,
  selection: 'linear',
  tensors: 28,
  parameters: 100,
  kept: 90,
  bits_per_parameter: 28.8,
  delta_norm: 1.5,
  edit_norm: 0.5,
  dominant: { 'model.embed_tokens.weight': 0.4 },
  delta_norm_rest: 0.7,
  edit_norm_rest: 0.3,
  loss_kind: null,
  loss_pre: 3,
  loss_post: 0.1,
  loss_edited: 0.30000000000000004,
  loss_change: 0.2,
  loss_change_se: 1e-7,
  loss_items: 16,
  loss_tokens: 99,
  riemann_rule: 'left',
  riemann_steps: 5,
  riemann_sum: -2.5e-300,
  taylor1: null,
  taylor2: null,
  class: 'decreased',
  metric: 'number',
  score_pre: 0,
  score_post: 1,
  score_edited: 0.5,
  score_validation: null,
  others_pre: { first: 0 },
  others_post: { first: 1, 'acc,strict': 0.5 },
  others_edited: null,
  n: 16,
  router_accuracy: null,
  warnings: null,
  seconds: 1.25,
  backend: 'wasm',
  status: 'ok',
  error: null,
}

export const term: Term = {
  run: 'a1',
  tensor: 'model.layers.0.mlp.up_proj.weight',
  role: 'up',
  parameters: 12,
  edit_norm: 0.1,
  delta_norm: 0.2,
  term: 1 / 3,
}

export const meta: Meta = {
  experiment: 'e',
  config_hash: 'c0ffee00',
  inputs: { 'base/model.safetensors': 'aa' },
  tasks: { math: { version: 1, items: 16 } },
  backend: { name: 'wasm', package: 'p 1' },
  jobs: 1,
  runs: 2,
  failed: 0,
  started: '2024-01-01T00:00:00.000Z',
  finished: null,
  environment: {
    deltalab: packageVersion(),
    commit: null,
    node: 'v20',
    tfjs: '4',
    platform: 'linux x64',
    cpu: 'c',
    cores: 2,
  },
}

/** A plan of these runs, which all depend on the one input of `meta`. */
export const planOf = (ids: readonly string[], changed: Partial<Meta> = {}, config = ''): StorePlan => ({
  meta: { ...meta, ...changed },
  config,
  runs: ids.map((id) => ({
    id,
    inputs: ['base/model.safetensors'],
    folders: ['base'],
    methods: ['editor dare'],
    objects: [],
  })),
})

/** The plan of `meta`, with two runs. */
export const plan: StorePlan = planOf(['a1', 'b2'])
