// `--plugin` as a person calls it: lists, help and flags know the editor of a plugin; shipped experiments are found by name.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'
import { call } from './call.js'

const folder = mkdtempSync(join(tmpdir(), 'plugins-'))
after(() => rmSync(folder, { recursive: true }))
const plugin = join(folder, 'shrink.ts')
writeFileSync(
  plugin,
  `import { defineEditor, tf, z } from 'deltalab/plugin'
export default defineEditor({
  name: 'shrink',
  title: 'Multiplies the delta by a factor',
  options: z.strictObject({ left_over: z.number().min(0).max(1).describe('What is left of every entry.') }),
  edit: (delta, { options }) => tf.mul(delta, options.left_over),
})
`,
)
const models = ['base', 'math'].map((name) => join(packageRoot, 'checkpoints/small', name))

test('editors, help and errors know the editor of a plugin', async () => {
  const list = await call(['editors', '--plugin', plugin, '--json'])
  assert.deepEqual(JSON.parse(list.stdout).at(-1).name, 'shrink')
  assert.match(
    (await call(['edit', '--help', '--plugin', plugin])).stdout,
    /--left-over +shrink: What is left of every/,
  )
  const wrong = await call(['edit', ...models, '--plugin', plugin, '--editor', 'shrank', '--out', join(folder, 'out')])
  assert.equal(wrong.status, 1)
  assert.match(wrong.stderr, /unknown editor "shrank"; did you mean "shrink"\?/)
  const broken = await call(['editors', '--plugin', join(folder, 'none.ts')])
  assert.match(broken.stderr, /none\.ts: no such file/)
})

test('an editor of a plugin edits a checkpoint, by its own flag', async () => {
  const out = join(folder, 'edited')
  const flags = ['--plugin', plugin, '--editor', 'shrink', '--left-over', '0.5', '--out', out, '--json']
  const { stdout, stderr } = await call(['edit', ...models, ...flags])
  const { delta_norm, edit_norm } = JSON.parse(stdout || stderr)
  assert.ok(Math.abs(edit_norm - delta_norm / 2) < 1e-5 * delta_norm, `${edit_norm} is not half of ${delta_norm}`)
})

test('shipped experiments are found by name, and a misspelt one gets the nearest', async () => {
  const planned = await call(['plan', 'quickstart', '--json'])
  assert.equal(JSON.parse(planned.stdout).experiment, 'quickstart')
  const { status, stderr } = await call(['sweep', 'quickstrat'])
  assert.equal(status, 1)
  assert.match(stderr, /unknown experiment .*"quickstrat"; did you mean "quickstart"\?/)
})
