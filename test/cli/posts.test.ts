// What may stand for a post-trained model in a sweep besides a folder: names on the hub (of a hub in this process) and adapters; edited and merged as folders are.

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'
import { type Row, readResults } from '../../src/record/index.js'
import { assertClose } from '../close.js'
import { type Loopback, startHub } from '../hub/loopback.js'
import { call } from './call.js'

const root = mkdtempSync(join(tmpdir(), 'posts-'))
const small = join(packageRoot, 'checkpoints', 'small')
const filesOf = (name: string) =>
  Object.fromEntries(readdirSync(join(small, name)).map((file) => [file, readFileSync(join(small, name, file))]))
let hub: Loopback
before(async () => {
  hub = await startHub(
    Object.fromEntries(['base', 'math', 'code'].map((name) => [`models/tiny/${name}`, filesOf(name)])),
  )
})
after(async () => {
  await hub.close()
  rmSync(root, { recursive: true })
})

const deltalab = async (words: string[], more: Record<string, string> = {}) => {
  const env = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: join(root, 'cache'), HF_TOKEN: '', ...more }
  const { status, stdout, stderr } = await call(words, { cwd: root, env })
  assert.equal(status, 0, stderr)
  return stdout
}

/** Rows of one edit of each post on math, and of merges of the two. */
async function sweepOf(
  name: string,
  base: string,
  posts: [string, string],
  names: [string, string],
  editor = 'editor: dare, drop_rate: 0.5',
): Promise<Row[]> {
  const yaml = `name: ${name}
models:
  - { name: one, base: ${base}, post: ${posts[0]}, tasks: [math] }
  - { name: two, base: ${base}, post: ${posts[1]}, tasks: [math] }
editors: [{ ${editor} }]
merges:
  - { merger: task_arithmetic, posts: [${names.join(', ')}], weight: { ${names[1]}: 0.5 }, edit: { editor: dare, drop_rate: 0.5 } }
  - { merger: ties, posts: [${names.join(', ')}], drop_rate: 0.5 }
score: false
loss: { items: 4, riemann: false }
`
  writeFileSync(join(root, `${name}.yaml`), yaml)
  await deltalab(['sweep', `${name}.yaml`, '--jobs', '1'])
  const { rows } = await readResults(join(root, 'results', name))
  assert.deepEqual(rows.map(({ error }) => error).filter(Boolean), [])
  return rows
}
const measured = (rows: readonly Row[]) =>
  rows.map(({ model, label, merged, loss_pre, loss_post, loss_edited, edit_norm }) => ({
    model,
    label,
    merged,
    loss_pre,
    loss_post,
    loss_edited,
    edit_norm,
  }))
const near = (a: number, b: number, most = 1e-5) => assertClose(a, b, { tolerance: most * Math.max(1, Math.abs(b)) })

test('a pair of the hub has the rows of the same folders: masks, merges and the names of posts', async () => {
  const remote = await sweepOf('remote', 'tiny/base', ['tiny/math', 'tiny/code@main'], ['math', 'code'])
  const local = await sweepOf(
    'local',
    join(small, 'base'),
    [join(small, 'math'), join(small, 'code')],
    ['math', 'code'],
  )
  assert.equal(remote.length, 2 + 4)
  assert.deepEqual(measured(remote), measured(local))
  assert.deepEqual([...new Set(remote.map(({ merged }) => merged))], [null, 'math+code'])

  const asked = hub.requests.length
  const again = JSON.parse(await deltalab(['sweep', 'remote.yaml', '--json'], { HF_HUB_OFFLINE: '1' })) as {
    done: number
  }
  assert.deepEqual(
    [again.done, hub.requests.length],
    [remote.length, asked],
    'what is here is gone on with, offline too',
  )
  const { runs } = JSON.parse(await deltalab(['plan', 'remote.yaml', '--json'])) as {
    runs: { id: string; merged?: string[] }[]
  }
  assert.deepEqual(
    runs.map(({ id, merged }) => [id, merged ? merged.join('+') : null]),
    remote.map(({ id, merged }) => [id, merged]),
  )
})

test('merge draws the masks of a model on the hub by its name, as a sweep does', async () => {
  const models = (name: (short: string) => string) =>
    ['math', 'code'].map((short) => `{ model: ${name(short)}, editors: [{ editor: dare, drop_rate: 0.5 }] }`).join(', ')
  for (const [out, name] of [
    ['far', (short: string) => `tiny/${short}`],
    ['near', (short: string) => join(small, short)],
  ] as const) {
    writeFileSync(
      join(root, `${out}.yaml`),
      `merger: task_arithmetic\nbase_model: ${name('base')}\nmodels: [${models(name)}]\n`,
    )
    await deltalab(['merge', `${out}.yaml`, out])
  }
  const [far, near] = ['far', 'near'].map((out) => readFileSync(join(root, out, 'model.safetensors')))
  // Behind the headers, which name the inputs.
  const weights = (file: Buffer) => file.subarray(8 + Number(file.readBigUInt64LE(0)))
  assert.ok(weights(far!).equals(weights(near!)))
})

test('an adapter is edited, merged and swept as the model that it stands for, and the edited one is extracted again', async () => {
  const base = join(small, 'base')
  await deltalab(['extract', base, join(small, 'math'), '--rank', '12', '--vectors', '--out', 'adapter'])
  // Rank 6 of an adapter of rank 12 changes it; what is written is an adapter of rank 6 again.
  const lowrank = ['--editor', 'lowrank', '--rank', '6']
  const rows = await sweepOf(
    'adapted',
    base,
    ['./adapter', join(small, 'code')],
    ['adapter', 'code'],
    'editor: lowrank, rank: 6',
  )
  assert.equal(rows.length, 2 + 4)
  const [edited] = rows
  assert.deepEqual([edited!.model, edited!.label, edited!.merged], ['one', 'lowrank', null])
  assert.ok(edited!.edit_norm! > 0.01 * edited!.delta_norm!)
  const lossOf = async (model: string) =>
    (JSON.parse(await deltalab(['eval', model, '--task', 'math', '--items', '4', '--json'])) as { loss: number }).loss
  const within = [
    'attribute',
    'tiny/base',
    'adapter',
    '--task',
    'math',
    '--items',
    '4',
    '--memory',
    '60MB',
    '--steps',
    '1',
    '--json',
  ]
  const { row } = JSON.parse(await deltalab([...within, ...lowrank])) as { row: Row }
  near(row.loss_post!, edited!.loss_post!)
  near(row.loss_edited!, edited!.loss_edited!)
  await deltalab(['edit', base, 'adapter', ...lowrank, '--out', 'edited'])
  near(await lossOf('edited'), edited!.loss_edited!)
  await deltalab(['extract', base, 'edited', '--rank', '6', '--vectors', '--out', 'again'])
  near(await lossOf('again'), edited!.loss_edited!, 1e-4)

  // A merge of the adapter is that of the folder it stands for.
  writeFileSync(
    join(root, 'ties.yaml'),
    `merger: ties\nbase_model: ${base}\nmodels: [{ model: adapter }, { model: ${small}/code }]\nparameters: { drop_rate: 0.5 }\n`,
  )
  await deltalab(['merge', 'ties.yaml', 'merged'])
  near(await lossOf('merged'), rows.find(({ label }) => label === 'ties')!.loss_edited!)
})
