// Twenty kills at random moments, then to the end: the rows are those of an undisturbed sweep.
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

test('killed twenty times, a sweep ends with the rows of an undisturbed one', async () => {
  const root = temporary()
  const [calm, killed] = [join(root, 'calm'), join(root, 'killed')]
  await start(calm, 0)
  let [kills, partial] = [0, 0]
  for (let i = 0; i < 20; i++) {
    if ((await start(killed, 20, Math.random() * 60)) === 'SIGKILL') kills++
    const rows = readFileSync(join(killed, 'runs.csv'), 'utf8').split('\n').length - 2
    if (rows > 0 && rows < 240) partial++
  }
  await start(killed, 0)
  const [one, two] = [calm, killed].map((folder) => readFileSync(join(folder, 'runs.csv'), 'utf8'))
  assert.equal(one!.split('\n').length, 242)
  assert.equal(withoutSeconds(two!), withoutSeconds(one!))
  assert.equal(readFileSync(join(killed, 'terms.csv'), 'utf8'), readFileSync(join(calm, 'terms.csv'), 'utf8'))
  assert.ok(kills >= 10 && partial >= 10, `${kills} kills, ${partial} of them in mid-sweep`)
})
