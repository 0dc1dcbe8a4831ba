// Models that ship with deltalab are found by their names in every folder, and are never taken for names on the hub.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadExperiment } from '../../src/config/index.js'
import { packageRoot } from '../../src/files/index.js'
import { modelFolder, remoteModel, resolveModel } from '../../src/hub/index.js'
import { call } from '../cli/call.js'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'shipped-')))
after(() => rmSync(folder, { recursive: true }))
const shipped = join(packageRoot, 'checkpoints/small/base')

test('a shipped model is found by its name; a folder of that name comes first', async () => {
  assert.equal(await resolveModel('checkpoints/small/base', { root: folder }), shipped)
  assert.equal(modelFolder('checkpoints/small/none', folder), join(folder, 'checkpoints/small/none'))
  assert.equal(modelFolder('checkpoints/../templates/project', folder), join(folder, 'templates/project'))
  const own = join(folder, 'own')
  mkdirSync(join(own, 'checkpoints/small/base'), { recursive: true })
  assert.equal(await resolveModel('checkpoints/small/base', { root: own }), join(own, 'checkpoints/small/base'))
  assert.equal(await resolveModel('checkpoints/small/math', { root: own }), join(packageRoot, 'checkpoints/small/math'))
})

test('a name that does not ship stays one of the hub', () => {
  assert.equal(remoteModel('checkpoints/small', folder)?.name, 'checkpoints/small')
  assert.equal(remoteModel('small/base', folder)?.name, 'small/base')
})

test('commands and YAML files of an empty folder find them', async () => {
  const { stdout, stderr } = await call(['inspect', 'checkpoints/small/base', 'checkpoints/small/math', '--json'], {
    cwd: folder,
  })
  assert.ok(JSON.parse(stdout || stderr))
  const text = `name: mine
models: [{ name: small, base: checkpoints/small/base, post: checkpoints/small/math, tasks: [math] }]
editors: [{ editor: dare, drop_rate: 0.9 }]
`
  writeFileSync(join(folder, 'mine.yaml'), text)
  const [pair] = (await loadExperiment(join(folder, 'mine.yaml'))).models
  assert.equal(pair?.baseFolder, shipped)
  const merge = 'merger: average\nmodels: [{ model: checkpoints/small/math }, { model: checkpoints/small/code }]\n'
  writeFileSync(join(folder, 'merge.yaml'), merge)
  const merged = await call(['merge', 'merge.yaml', 'out', '--dry-run'], { cwd: folder })
  assert.equal(merged.status, 0, merged.stderr)
})
