// What a killed run left beside the folder that it was writing: the next command that writes the name says what it found, and
// removes it or goes on; temporary folders of killed programs go with the next one.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTemporary, packageRoot } from '../../src/files/index.js'
import { temporary } from '../checkpoint/files.js'
import { call } from './call.js'

const root = temporary()
const [base, math] = ['base', 'math'].map((name) => join(packageRoot, 'checkpoints', 'small', name)) as [string, string]
const merge = join(root, 'merge.yml')
writeFileSync(merge, JSON.stringify({ merge_method: 'linear', models: [{ model: math, parameters: { weight: 1 } }] }))

const COMMANDS: Record<string, string[]> = {
  extract: ['extract', base, math, '--rank', '2'],
  edit: ['edit', base, math, '--editor', 'dare', '--drop', '0.5'],
  merge: ['merge', merge],
  random: ['random', join(base, 'config.json')],
}

for (const [name, words] of Object.entries(COMMANDS))
  test(`${name} names what a killed run left unfinished, and removes it`, async () => {
    const out = join(root, name, 'out')
    const left = `${out}.partial-abc123`
    mkdirSync(left, { recursive: true })
    writeFileSync(join(left, '.deltalab.json'), '{"deltalab":1}')
    writeFileSync(join(left, 'model.safetensors'), Buffer.alloc(1 << 20, 1))
    const { status, stderr } = await call([...words, '--out', out])
    assert.equal(status, 0, stderr)
    assert.match(stderr, /^note: .*out: what an interrupted run left unfinished \(1\.1 MB\) is removed$/m)
    assert.equal(stderr.split('is removed').length, 2)
    assert.deepEqual(readdirSync(join(root, name)), ['out'])
  })

test('a temporary folder of a killed process goes when the next is made; those of living ones and of others stay', () => {
  const parent = join(root, 'scratch')
  mkdirSync(parent)
  const index = new URL('../../src/files/index.js', import.meta.url).href
  const killed = `import { makeTemporary } from ${JSON.stringify(index)}
    makeTemporary('change', ${JSON.stringify(parent)})
    process.kill(process.pid, 'SIGKILL')`
  spawnSync(process.execPath, ['--input-type=module', '-e', killed])
  const [dead] = readdirSync(parent)
  assert.match(dead!, /^deltalab-change-[0-9a-f]{8}-\d+-\w*-[0-9a-f]{6}$/)
  // Of another host, and of another program.
  const others = [dead!.replace(/change-\w{8}/, 'change-00000000'), 'deltalab-change-mine']
  for (const other of others) mkdirSync(join(parent, other))
  const [one, two] = [makeTemporary('change', parent), makeTemporary('change', parent)]
  const now = () =>
    readdirSync(parent)
      .map((name) => join(parent, name))
      .sort()
  const kept = others.map((name) => join(parent, name))
  assert.deepEqual(now(), [...kept, one.path, two.path].sort())
  one.remove()
  two.remove()
  assert.deepEqual(now(), kept.sort())
})
