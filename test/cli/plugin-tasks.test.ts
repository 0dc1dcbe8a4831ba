// A task of a plugin in the commands that name a task; a merger of a plugin in a merge and in a sweep; plugins in provenance.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readResults } from '../../src/record/index.js'
import { call } from './call.js'

const folder = mkdtempSync(join(tmpdir(), 'plugin-tasks-'))
after(() => rmSync(folder, { recursive: true }))
const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
write(
  'mine.ts',
  `import { defineEditor, defineMerger, defineTask, tf, z } from 'deltalab/plugin'
export default [
  defineTask({
    name: 'counting',
    data: [2, 3, 4, 5].map((n) => ({ n, next: n + 1 })),
    prompt: 'after {{ n }} comes',
    target: ' {{ next }}',
    metric: 'exact_match',
    max_new_tokens: 2,
  }),
  defineMerger({ name: 'sum', options: z.strictObject({}), merge: ({ models }) => tf.addN(models) }),
  defineEditor({ name: 'halve', options: z.strictObject({}), edit: (delta) => tf.mul(delta, 0.5) }),
]
`,
)
const [base, math, code] = ['base', 'math', 'code'].map((name) => `checkpoints/small/${name}`)
const run = async (...words: (string | undefined)[]) => {
  const called = await call(
    words.filter((word) => word !== undefined),
    { cwd: folder },
  )
  assert.equal(called.status, 0, called.stderr)
  return called.stdout
}
const counted = ['--task', 'counting', '--items', '2', '--plugin', 'mine.ts', '--json']

test('soup, calibrate and information take a task of a plugin', async () => {
  assert.equal(JSON.parse(await run('soup', math, code, ...counted)).singles.length, 2)
  assert.ok(JSON.parse(await run('calibrate', 'darex', base, math, ...counted)))
  assert.equal(JSON.parse(await run('information', math, 'fisher', '--kind', 'fisher', ...counted)).task, 'counting')
})

test('zeroth trains and measures on a task of a plugin that its recipe names', async () => {
  const recipe = `name: tiny
plugins: [mine.ts]
from: checkpoints/small/base
items: counting
training_items: 4
batch: 2
task: counting
held_out: 2
runs: [{ name: one, method: mezo, learning_rate: 1e-6, steps: 1 }]
`
  write('tiny.yaml', recipe)
  const identity = async () => JSON.parse(await run('zeroth', 'tiny.yaml', '--json')).results[0].identity
  const first = await identity()
  assert.equal(await identity(), first)
  write('mine.ts', `${readFileSync(join(folder, 'mine.ts'), 'utf8')}// changed\n`)
  assert.notEqual(await identity(), first, 'the hash of the plugin identifies the run')
})

test('a merger of a plugin merges, and the card names the plugin', async () => {
  const merge = `plugins: [mine.ts]
merger: sum
base_model: checkpoints/small/base
models: [{ model: checkpoints/small/math }, { model: checkpoints/small/code }]
`
  write('sum.yaml', merge)
  write('linear.yaml', merge.replace('merger: sum', 'merger: task_arithmetic').replace('plugins: [mine.ts]\n', ''))
  await run('merge', 'sum.yaml', 'sum')
  await run('merge', 'linear.yaml', 'linear')
  const tensors = (name: string) => {
    const bytes = readFileSync(join(folder, name, 'model.safetensors'))
    return bytes.subarray(8 + Number(bytes.readBigUInt64LE(0)))
  }
  assert.ok(tensors('sum').equals(tensors('linear')), 'the sum is task arithmetic of weight 1')
  const card = (name: string) => readFileSync(join(folder, name, 'README.md'), 'utf8')
  assert.match(card('sum'), /\| plugins \| \[\{"name":"mine\.ts","sha256":"[0-9a-f]{64}"\}\] \|/)
  assert.doesNotMatch(card('linear'), /plugins/)
})

test('an edit names the plugin of its editor, and no other', async () => {
  await run('edit', base, math, '--plugin', 'mine.ts', '--editor', 'halve', '--out', 'half')
  await run('edit', base, math, '--plugin', 'mine.ts', '--editor', 'bitdelta', '--out', 'plain')
  const card = (name: string) => readFileSync(join(folder, name, 'README.md'), 'utf8')
  assert.match(card('half'), /\| plugins \| .*mine\.ts/)
  assert.doesNotMatch(card('plain'), /mine\.ts/)
})

test('a merger of a plugin runs in a sweep', async () => {
  const experiment = `name: summed
plugins: [mine.ts]
models:
  - { name: small, base: checkpoints/small/base, post: checkpoints/small/math, tasks: [counting] }
  - { name: small, base: checkpoints/small/base, post: checkpoints/small/code, tasks: [code] }
merges: [{ merger: sum, posts: [math, code] }]
score: false
loss: { items: 2, steps: 1 }
`
  write('summed.yaml', experiment)
  await run('sweep', 'summed.yaml', '--jobs', '1', '--json')
  const { rows, meta } = await readResults(join(folder, 'results/summed'))
  assert.deepEqual(
    rows.map(({ status, merger }) => [status, merger]),
    [
      ['ok', 'sum'],
      ['ok', 'sum'],
    ],
  )
  assert.deepEqual(meta.plugins?.[0]?.mergers, ['sum'])
})
