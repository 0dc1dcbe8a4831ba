// A merge of a sweep has the weights that `deltalab merge` writes for the same posts, editors, merger, seed and convention; its row says where it degenerated.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parse } from 'csv-parse/sync'
import { openCheckpoint, writeCheckpoint } from '../../src/checkpoint/index.js'
import { loadExperiment, type MergeEdit } from '../../src/config/index.js'
import { packageRoot } from '../../src/files/index.js'
import { readResults } from '../../src/record/index.js'
import { type LoadedPair, loadPair } from '../../src/run/loaded-pair.js'
import { applyMerge } from '../../src/run/merge.js'
import { runSweep } from '../../src/sweep/index.js'
import { type BackendInfo, setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { makePosts } from './posts.js'

const MODELS = `models:
  - { name: own, base: base, post: post, tasks: [a.jsonl] }
  - { name: own, base: base, post: mirror, tasks: [b.jsonl] }
  - { name: other, base: base, post: half, tasks: [b.jsonl] }
`
const DARE = '{ editor: dare, drop_rate: 0.5 }'

/** A merge entry, and the same as a merge file. */
interface Case {
  entry: string
  file: string
}
const CASES: (Case & { name: string })[] = [
  {
    name: 'task arithmetic with a weight of each post',
    entry: 'merger: task_arithmetic, posts: [post, mirror], weight: { mirror: 0.25 }, lambda: 0.7',
    file: 'merger: task_arithmetic\nbase_model: base\nmodels: [{ model: post }, { model: mirror, parameters: { weight: 0.25 } }]\nparameters: { lambda: 0.7 }',
  },
  {
    name: 'DARE and TIES over the whole model',
    entry: `merger: ties, posts: [half, post, mirror], drop_rate: 0.4, edit: ${DARE}`,
    file: `merger: ties\nbase_model: base\nmodels: [${['half', 'post', 'mirror'].map((model) => `{ model: ${model}, editors: [${DARE}] }`).join(', ')}]\nparameters: { drop_rate: 0.4 }`,
  },
  {
    name: 'magnitude over the whole model, and TIES as mergekit has it',
    entry:
      'merger: ties, convention: mergekit, posts: [post, half], drop_rate: 0.4, edit: { editor: magnitude, granularity: model, drop_rate: 0.3 }',
    file: `merger: ties\nconvention: mergekit\nbase_model: base\nmodels: [${['post', 'half'].map((model) => `{ model: ${model}, editors: [{ editor: magnitude, convention: paper, granularity: model, drop_rate: 0.3 }] }`).join(', ')}]\nparameters: { drop_rate: 0.4 }`,
  },
  {
    name: 'DARE and WIDEN',
    entry: `merger: widen, posts: [post, mirror], edit: ${DARE}`,
    file: `merger: widen\nbase_model: base\nmodels: [{ model: post, editors: [${DARE}] }, { model: mirror, editors: [${DARE}] }]`,
  },
  {
    name: 'SLERP, of weights',
    entry: 'merger: slerp, posts: [post, mirror], t: 0.3',
    file: 'merger: slerp\nmodels: [{ model: post }, { model: mirror }]\nparameters: { t: 0.3 }',
  },
  {
    name: 'NuSLERP, of weights or deltas',
    entry: 'merger: nuslerp, posts: [post, mirror], weight: { mirror: 3 }',
    file: 'merger: nuslerp\nbase_model: base\nmodels: [{ model: post }, { model: mirror, parameters: { weight: 3 } }]',
  },
  {
    name: 'DARE and the average, of weights',
    entry: `merger: average, posts: [mirror, post], edit: ${DARE}`,
    file: `merger: average\nbase_model: base\nmodels: [{ model: mirror, editors: [${DARE}] }, { model: post, editors: [${DARE}] }]`,
  },
]

let folder: string
let home: LoadedPair
let found: BackendInfo
const load = (merges: readonly string[], at = folder) => {
  const entries = merges.map((entry) => `  - { ${entry} }\n`).join('')
  writeFileSync(
    join(at, 'x.yaml'),
    `name: x\n${MODELS}merges:\n${entries}seeds: [3]\nscore: false\nloss: { items: 2, riemann: false }\n`,
  )
  return loadExperiment(join(at, 'x.yaml'))
}
before(async () => {
  folder = await makePosts()
  found = await setBackend(BACKEND)
  home = await loadPair((await load([CASES[0]!.entry])).models[0]!)
})
after(() => {
  home.dispose()
  rmSync(folder, { recursive: true })
})

/** Merges in a sweep and by `deltalab merge`, and compares the weights. */
async function compare(folder: string, home: LoadedPair, { entry, file }: Case): Promise<void> {
  const [edit] = (await load([entry], folder)).merges as [MergeEdit]
  const said: string[] = []
  const applied = await applyMerge(home, edit, {
    seed: edit.stochastic ? 3 : null,
    data: [],
    warn: (text) => said.push(text),
  })
  writeFileSync(join(folder, 'merge.yaml'), `${file}\nseed: 3\ndtype: float32\n`)
  const words = [
    join(packageRoot, 'dist', 'bundle', 'cli', 'main.js'),
    'merge',
    'merge.yaml',
    'out',
    '--overwrite',
    '--json',
    '--backend',
    'wasm',
  ]
  const { status, stderr, stdout } = spawnSync(process.execPath, words, { cwd: folder, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  const written = await openCheckpoint(join(folder, 'out'))
  let moved = 0
  for (const tensor of home.select({ include: [], exclude: [] })) {
    const [values, ours] = [await written.read(tensor), await applied.weights[tensor]!.data()]
    const [post, base] = [await home.post[tensor]!.data(), home.tensor(tensor).base]
    for (let i = 0; i < values.length; i++) {
      if (values[i] !== base[i]) moved++
      // What does not change from the post-trained model is its own value in a sweep; base + (post − base) is one rounding off.
      if (values[i] !== ours[i])
        assert.ok(
          ours[i] === post[i] &&
            Math.abs(values[i]! - ours[i]!) <= 2 ** -24 * (2 * Math.abs(post[i]!) + Math.abs(base[i]!)),
          `${tensor}[${i}]: ${values[i]} and ${ours[i]}`,
        )
    }
  }
  assert.ok(moved > 1000, `${moved} entries differ from the base`)
  assert.deepEqual([...new Set(said)].sort(), (JSON.parse(stdout) as { warnings: string[] }).warnings.sort())
  await written.close()
  applied.dispose()
}

for (const { name, ...own } of CASES)
  test(`${name}: the sweep measures what merge writes`, () => compare(folder, home, own))

/** Experts one by one become the matrices of one tensor, as transformers 5 has them in memory. */
async function fuseExperts(folder: string): Promise<void> {
  const opened = await openCheckpoint(folder)
  const tensors = new Map<string, { shape: readonly number[]; values: Float32Array }>()
  for (const { name, shape } of opened.tensors.values()) {
    const [, layer, expert] = /^(.+)block_sparse_moe\.experts\.(\d)\.w2\.weight$/.exec(name) ?? []
    const values = await opened.read(name)
    const fused = `${layer}mlp.experts.down_proj`
    const before = tensors.get(fused)?.values ?? []
    if (layer)
      tensors.set(fused, { shape: [Number(expert) + 1, ...shape], values: Float32Array.of(...before, ...values) })
    else tensors.set(name, { shape, values })
  }
  await writeCheckpoint(`${folder}-fused`, {
    plan: [...tensors].map(([name, { shape }]) => ({ name, shape, dtype: 'F32' })),
    tensors: (async function* () {
      for (const [name, { values }] of tensors) yield { name, values }
    })(),
    copyFrom: folder,
  })
  await opened.close()
  rmSync(folder, { recursive: true })
  renameSync(`${folder}-fused`, folder)
}

test('fused experts are merged and edited matrix by matrix in a sweep too', async () => {
  const experts = await makePosts('mixtral')
  try {
    for (const side of ['base', 'post', 'mirror', 'half']) await fuseExperts(join(experts, side))
    const pair = await loadPair((await load([CASES[0]!.entry], experts)).models[0]!)
    const posts = (editor: string) =>
      ['post', 'half'].map((model) => `{ model: ${model}, editors: [${editor}] }`).join(', ')
    for (const [merger, editor] of [
      ['tsv_merge', '{ editor: lowrank, rank: 3 }'],
      ['task_arithmetic', '{ editor: ultradelta, drop_rate: 0.5, step: 0.1 }'],
    ] as const)
      await compare(experts, pair, {
        entry: `merger: ${merger}, posts: [post, half], edit: ${editor}`,
        file: `merger: ${merger}\nbase_model: base\nmodels: [${posts(editor)}]`,
      })
    pair.dispose()
  } finally {
    rmSync(experts, { recursive: true })
  }
})

test('rows say once for every kind where the edit or the merge degenerated, and old rows without the column are read and gone on with', async () => {
  const experiment = await load([
    'merger: slerp, posts: [post, half], t: 0.5, tasks: [a.jsonl]',
    'merger: average, posts: [post, half], tasks: [a.jsonl]',
    'merger: ties, posts: [post, half], drop_rate: 0.999, granularity: tensor, convention: peft, tasks: [a.jsonl]',
  ])
  const out = join(folder, 'results')
  const run = () => runSweep(experiment, { folder: out, jobs: 1, backend: { asked: BACKEND, found } })
  const { warnings, done } = await run()
  assert.deepEqual([done, warnings.map(({ label }) => label)], [3, ['slerp', 'ties']])
  const { rows } = await readResults(out)
  assert.match(
    rows[0]!.warnings!,
    /^linear branch: the cosine of the models is 0?1?\.\d+, beyond 0\.9995 \([^ ;]+ and \d+ more\)$/,
  )
  assert.equal(rows[1]!.warnings, null)
  assert.match(
    rows[2]!.warnings!,
    /^trim of model 1: \d+ entries: the number of kept ones rounds to 0 \([^ ;]+norm.weight and 6 more\)$/,
  )

  // As a version before this column wrote it.
  const records = parse(readFileSync(join(out, 'runs.csv'))) as string[][]
  const column = records[0]!.indexOf('warnings')
  const quote = (cell: string) => (/[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)
  writeFileSync(
    join(out, 'runs.csv'),
    records.map((cells) => `${cells.toSpliced(column, 1).map(quote).join(',')}\n`).join(''),
  )
  assert.deepEqual(
    (await readResults(out)).rows.map((row) => row.warnings),
    [null, null, null],
  )
  assert.deepEqual(await run(), { planned: 3, done: 3, failed: 0, warnings: [], finished: true })
})
