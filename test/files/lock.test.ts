// Locks over real processes: of all that start in one millisecond exactly one holds, whatever a killed process left.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import os, { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Holder, takeLock } from '../../src/files/lock.js'

const root = mkdtempSync(join(tmpdir(), 'lock-'))
after(() => rmSync(root, { recursive: true }))
const refuse = ({ pid, host }: Holder) => new Error(`held by ${pid} of ${host}`)

/** More by hand: ROUNDS=1500 node --test dist/test/files/lock.test.js. */
const ROUNDS = Number(process.env.ROUNDS ?? 25)
const PROCESSES = 4

function startContender() {
  const child = spawn(process.execPath, [fileURLToPath(new URL('contender.js', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return { child, ask: async (line: string) => (child.stdin.write(`${line}\n`), (await lines.next()).value as string) }
}

/** A process that is over. */
const { pid: gone } = spawnSync(process.execPath, ['-e', ''])
const dead = (token: string) => `${gone} 1 ${os.hostname()} ${token}`

test('of several processes that start at once, one holds: nothing there, or what a killed one left', async () => {
  const contenders = Array.from({ length: PROCESSES }, startContender)
  await Promise.all(contenders.map(({ ask }) => ask('- 0')))
  const lefts: Record<string, (path: string) => void> = {
    nothing: () => {},
    'a stale lock': (path) => writeFileSync(path, dead('a')),
    'the lock of an earlier version': (path) => writeFileSync(path, `${gone} 1`),
    'a stale lock that a process was taking over when it was killed': (path) => {
      writeFileSync(path, dead('b'))
      writeFileSync(`${path}.${createHash('sha256').update(dead('b')).digest('hex').slice(0, 8)}`, dead('c'))
    },
  }
  for (const [name, leave] of Object.entries(lefts)) {
    for (let round = 0; round < ROUNDS; round++) {
      const folder = mkdtempSync(join(root, 'round-'))
      const path = join(folder, 'x.lock')
      leave(path)
      const moment = Date.now() + 3
      const answers = await Promise.all(contenders.map(({ ask }) => ask(`${path} ${moment}`)))
      assert.deepEqual(
        answers.sort(),
        ['held', ...Array<string>(PROCESSES - 1).fill('refused')],
        `${name}, round ${round}`,
      )
      await Promise.all(contenders.map(({ ask }) => ask('- 0')))
      // Whoever holds sweeps up; one that was refused in the same moment may still have had its draft there.
      assert.ok(!readdirSync(folder).includes('x.lock'), name)
      rmSync(folder, { recursive: true })
    }
  }
  for (const { child } of contenders) child.kill('SIGKILL')
})

test('a lock is held by the living, here or elsewhere, and taken from the dead', () => {
  const path = join(mkdtempSync(join(root, 'one-')), 'x.lock')
  const release = takeLock(path, refuse)
  assert.throws(() => takeLock(path, refuse), new RegExp(`held by ${process.pid} of ${os.hostname()}`))
  release()
  assert.deepEqual(readdirSync(join(path, '..')), [])
  writeFileSync(path, '1 1 elsewhere x')
  assert.throws(() => takeLock(path, refuse), /held by 1 of elsewhere/)
  for (const left of [dead('x'), `${process.pid} 1 ${os.hostname()} x`, '', 'words']) {
    writeFileSync(path, left)
    writeFileSync(`${path}.0123abcd`, dead('draft'))
    takeLock(path, refuse)()
    assert.deepEqual(readdirSync(join(path, '..')), [], left)
  }
})

test('an empty draft goes once it is old: its process was killed before it wrote', () => {
  const folder = mkdtempSync(join(root, 'draft-'))
  for (const name of ['x.lock.0123abcd', 'x.lock.4567abcd']) writeFileSync(join(folder, name), '')
  utimesSync(join(folder, 'x.lock.0123abcd'), 1, 1)
  takeLock(join(folder, 'x.lock'), refuse)()
  assert.deepEqual(readdirSync(folder), ['x.lock.4567abcd'])
})

test("a lock that is no longer one's own is left alone", () => {
  const path = join(mkdtempSync(join(root, 'other-')), 'x.lock')
  const release = takeLock(path, refuse)
  writeFileSync(path, '1 1 elsewhere x')
  release()
  assert.equal(readFileSync(path, 'utf8'), '1 1 elsewhere x')
})
