// Kills at several moments, then to the end: the rows are those of an undisturbed sweep. `test/record/reuse.test.ts` has every moment.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { temporary } from '../checkpoint/files.js'
import { withoutSeconds } from '../plan/plans.js'
import '../backend.js'

const child = fileURLToPath(new URL('./child.js', import.meta.url))
const SEEDS = '30'
const ROWS = 240
/** Milliseconds from the first row of a start to its kill. */
const MOMENTS = [0, 3, 8, 15, 24, 35, 48, 60]

/** Runs the child; kills it `after` milliseconds from its first row. Resolves with the signal that ended it. */
function start(folder: string, delay: number, after?: number): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const running = spawn(process.execPath, [child, folder, SEEDS], {
      env: { ...process.env, FAKE_DELAY: String(delay) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.stdout.once('data', () => after !== undefined && setTimeout(() => running.kill('SIGKILL'), after))
    running.on('exit', (code, signal) => (code ? reject(new Error(`exit ${code}`)) : resolve(signal)))
  })
}

test('killed again and again, a sweep ends with the rows of an undisturbed one', async () => {
  const root = temporary()
  const [calm, killed] = [join(root, 'calm'), join(root, 'killed')]
  await start(calm, 0)
  for (const moment of MOMENTS) {
    assert.equal(await start(killed, 20, moment), 'SIGKILL')
    const rows = readFileSync(join(killed, 'runs.csv'), 'utf8').split('\n').length - 2
    assert.ok(rows > 0 && rows < ROWS, `${rows} rows after ${moment} ms`)
  }
  await start(killed, 0)
  const [one, two] = [calm, killed].map((folder) => readFileSync(join(folder, 'runs.csv'), 'utf8'))
  assert.equal(one!.split('\n').length, ROWS + 2)
  assert.equal(withoutSeconds(two!), withoutSeconds(one!))
  assert.equal(readFileSync(join(killed, 'terms.csv'), 'utf8'), readFileSync(join(calm, 'terms.csv'), 'utf8'))
})
