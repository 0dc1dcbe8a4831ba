// What is put right when the program stops: each kind of thing, in an order in which nothing is lost; and what a thread tells.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { BroadcastChannel, Worker } from 'node:worker_threads'
import { type Hold, putRight, type ToldHold } from '../../src/files/holds.js'
import { makeTemporary } from '../../src/files/index.js'
import { JOURNAL } from '../../src/files/journal.js'
import { temporary } from '../checkpoint/files.js'

const root = temporary()
const at = (...names: string[]) => join(root, ...names)
/** A folder with these files. */
function folder(name: string, files: Record<string, string> = {}): string {
  mkdirSync(at(name), { recursive: true })
  for (const [file, text] of Object.entries(files)) writeFileSync(at(name, file), text)
  return at(name)
}
const unfinished = { '.deltalab.json': '{"deltalab":1}', text: 'half' }
const block = '["work","w"]\n["block","0","1"]\n'

test('a half-written folder goes, one with a finished block or with all of them stays, and each is named', () => {
  const names = ['none', 'some', 'all', 'gone']
  folder('none', unfinished)
  folder('some', { ...unfinished, [JOURNAL]: block })
  folder('all', { '.deltalab.json': '{"deltalab":1,"files":{}}', text: 'whole' })
  const said = putRight(names.map((name): Hold => ({ kind: 'partial', path: at(name), name })))
  assert.deepEqual(said, [
    'none: nothing was written',
    'some: what is finished is kept; the same command goes on with it, --discard drops it',
    'all: is finished; the next run of the command puts it in its place',
  ])
  assert.deepEqual(
    names.map((name) => existsSync(at(name))),
    [false, true, true, false],
  )
})

test('a lock goes where it is still that of this program; a folder of its own only where it is empty then', () => {
  folder('own', { lock: 'a' })
  folder('other', { lock: 'b' })
  const holds = ['own', 'other'].flatMap((name): Hold[] => [
    { kind: 'folder', path: at(name) },
    { kind: 'lock', path: at(name, 'lock'), content: 'a' },
  ])
  assert.deepEqual(putRight(holds), [])
  assert.deepEqual([existsSync(at('own')), readdirSync(at('other'))], [false, ['lock']])
})

test('output in a temporary folder goes with it, without a word; what is kept is said', () => {
  const partial = join(folder('scratch'), 'out.partial-abc123')
  folder('scratch/out.partial-abc123', unfinished)
  const said = putRight([
    { kind: 'kept', text: '3 of 5 runs' },
    { kind: 'partial', path: partial, name: 'out' },
    { kind: 'temporary', path: at('scratch') },
  ])
  assert.deepEqual([said, existsSync(at('scratch'))], [['3 of 5 runs'], false])
})

test('a thread of a thread tells what it holds before it is stopped in an endless loop, and what it let go', async () => {
  const index = JSON.stringify(new URL('../../src/files/index.js', import.meta.url).href)
  const inner = `const { hold } = await import(${index})
    hold({ kind: 'temporary', path: 'gone' })()
    hold({ kind: 'temporary', path: 'here' })
    ;(await import('node:worker_threads')).parentPort.postMessage('held')
    for (;;);`
  const outer = `const { Worker, parentPort } = require('node:worker_threads')
    const url = new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(inner)}))
    new Worker(url).on('message', (text) => { parentPort.postMessage(text); for (;;); })`
  const held = new Map<string, Hold>()
  const holds = new BroadcastChannel('deltalab holds')
  holds.onmessage = (event) => {
    const { id, thing } = (event as { data: ToldHold }).data
    if (thing) held.set(id, thing)
    else held.delete(id)
  }
  const thread = new Worker(outer, { eval: true })
  await new Promise((done) => thread.once('message', done))
  await thread.terminate()
  holds.close()
  assert.deepEqual([...held.values()], [{ kind: 'temporary', path: 'here' }])
})

test('a folder for temporary files that is not there is named, with what to set', () => {
  const { TMPDIR } = process.env
  process.env.TMPDIR = join(tmpdir(), 'no-such-folder')
  try {
    assert.throws(
      () => makeTemporary('test'),
      /no-such-folder: no temporary folder can be made there \(ENOENT\); set TMPDIR/,
    )
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  }
})
