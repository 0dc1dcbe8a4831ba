// The state of an interrupted training run: what was saved is loaded; another recipe's, a cut and a foreign file are refused.
import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { UserError } from '../../src/errors/index.js'
import { startAdamW } from '../../src/train/adamw.js'
import { loadState, saveState } from '../../src/train/state.js'

test('a state comes back; one of another recipe, a part of one and any other file are refused in one line', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'deltalab-state-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'state')
  assert.equal(await loadState(file, 'a'), null)
  const state = { step: 3, weights: Float32Array.of(1, 2), optimiser: startAdamW(2), log: ['0,1'] }
  await saveState(file, 'a', state)
  assert.deepEqual((await loadState(file, 'a'))!.weights, state.weights)
  await assert.rejects(loadState(file, 'b'), /belongs to an interrupted run of another recipe/)
  const whole = readFileSync(file)
  for (const bytes of [
    ...Array.from({ length: 9 }, (_, i) => whole.subarray(0, Math.floor((i * whole.length) / 9))),
    Buffer.from('not a state at all'),
    Buffer.concat([whole, Buffer.of(0)]),
  ]) {
    writeFileSync(file, bytes)
    await assert.rejects(
      loadState(file, 'a'),
      (error) => error instanceof UserError && /is not the state of an interrupted run/.test(error.message),
    )
  }
})

test('a state that cannot be written leaves no draft, and the one before', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'deltalab-state-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const state = { step: 3, weights: Float32Array.of(1, 2), optimiser: startAdamW(2), log: ['0,1'] }
  mkdirSync(join(folder, 'taken'))
  await assert.rejects(saveState(join(folder, 'taken'), 'a', state), /EISDIR|EEXIST|EPERM/)
  assert.deepEqual(readdirSync(folder), ['taken'])
  if (!existsSync('/dev/full')) return
  const file = join(folder, 'state')
  await saveState(file, 'a', state)
  symlinkSync('/dev/full', `${file}.part`)
  await assert.rejects(
    saveState(file, 'a', { ...state, step: 4 }),
    (error) => error instanceof UserError && /the disk is full/.test(error.message),
  )
  assert.deepEqual(readdirSync(folder).sort(), ['state', 'taken'])
  assert.equal((await loadState(file, 'a'))!.step, 3)
})
