// Commands that are stopped in a terminal: they end although they compute, say what is kept, give the terminal back, and leave no
// lock, no half-written and no temporary folder. `scripts/interrupt-test.mjs` tries every command at ten moments.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'
import { temporary } from '../checkpoint/files.js'
import { makePair } from '../run/pair.js'
import { call } from './call.js'
import { faultsOf, inTerminal, noTerminal, type Session } from './terminal.js'

const root = temporary()
const tiny = makePair()
after(() => rmSync(tiny, { recursive: true }))
const pair = ['base', 'math'].map((name) => join(packageRoot, 'checkpoints', 'small', name))

/** A command in an empty folder, with an empty folder for what is temporary, and what is left in both. */
async function stopped(
  name: string,
  words: string[],
  stop: NonNullable<Session['stop']>,
  others: NodeJS.ProcessEnv = {},
) {
  const [cwd, scratch] = [join(root, name), join(root, `${name}-scratch`)]
  for (const folder of [cwd, scratch]) mkdirSync(folder)
  const { code, screen } = await inTerminal(words, { cwd, env: { ...others, TMPDIR: scratch }, stop })
  const left = (readdirSync(cwd, { recursive: true }) as string[]).sort()
  return { code, screen, left, scratch: readdirSync(scratch), said: screen.trimEnd().split('\r\n').at(-1), cwd }
}

test('attribute, in the middle of its computing, ends with 143 at SIGTERM', { skip: noTerminal }, async () => {
  const words = ['attribute', ...pair, '--task', 'math', '--editor', 'dare', '--drop', '0.5', '--memory', '1GB']
  const endless = [...words, '--items', '4', '--steps', '10000']
  const at = (shown: string) => (/loss change [█░]+ 0 %/.test(shown) ? (['SIGTERM'] as const) : undefined)
  const { code, screen, left, scratch, said } = await stopped('attribute', endless, at)
  assert.deepEqual([code, said, faultsOf(screen), left, scratch], [143, 'deltalab: stopped', [], [], []])
})

test('apply and inspect, which the main thread runs, end where they wait for a download, and leave no lock', {
  skip: noTerminal,
}, async () => {
  let asked = false
  const silent = createServer(() => (asked = true)).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const delta = join(root, 'm.delta')
  assert.equal((await call(['compress', ...pair, '--lossless', '--out', delta])).status, 0)
  const at = () => (asked ? (['Ctrl-C'] as const) : undefined)
  for (const [command, ...words] of [
    ['apply', 'tiny/base', delta, '--out', 'out'],
    ['inspect', 'tiny/base', pair[1]!],
  ] as const) {
    asked = false
    const env = {
      ...{ HF_ENDPOINT: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`, HF_TOKEN: '' },
      HF_HUB_CACHE: join(root, `${command}-cache`),
    }
    const { code, screen, left, scratch, said } = await stopped(command, [command, ...words], at, env)
    assert.deepEqual([code, said, faultsOf(screen), left, scratch], [130, 'deltalab: stopped', [], [], []])
    const locks = (readdirSync(root, { recursive: true }) as string[]).filter((file) => file.endsWith('.lock'))
    assert.deepEqual(locks, [])
  }
  silent.closeAllConnections()
  silent.close()
})

test('a sweep ends with 130 at Ctrl-C, keeps its rows and says how many', { skip: noTerminal }, async () => {
  const config = join(tiny, 'many.yaml')
  writeFileSync(
    config,
    'name: many\nmodels: [{ name: tiny, base: base, post: post, tasks: [items.jsonl] }]\n' +
      'editors: [{ editor: dare, drop_rate: 0.5 }]\nseeds: 500\nscore: { items: 6 }\nloss: { items: 6 }\n',
  )
  const rows = join(root, 'sweep', 'out', 'runs.csv')
  const hasRow = () => existsSync(rows) && readFileSync(rows, 'utf8').split('\n').length > 3
  const at = () => (hasRow() ? (['Ctrl-C'] as const) : undefined)
  const { code, screen, left, scratch, said } = await stopped('sweep', ['sweep', config, '--out', 'out'], at)
  assert.deepEqual([code, faultsOf(screen), scratch], [130, [], []])
  assert.match(said!, /^deltalab: stopped; [1-9]\d* of 500 runs are done; run the same command again to resume$/)
  // What was measured of base and post is kept whole, under the hash of what it was computed from.
  assert.deepEqual(
    left.filter((file) => !/^out\/measured\/[0-9a-f]{32}\.json$/.test(file)),
    ['', '/config.yaml', '/measured', '/meta.json', '/runs.csv', '/terms.csv'].map((file) => `out${file}`),
  )
})

/**
 * An edit that makes no end: its thread waits for another program, and cannot be stopped meanwhile. That program sends these signals, for
 * the thread may be stopped between two of its own statements.
 */
const stuck = (signals: readonly NodeJS.Signals[]) => `import { execFileSync } from 'node:child_process'
import { defineEditor, z } from 'deltalab/plugin'
const kills = ${JSON.stringify(signals)}.map((signal) => 'kill -' + signal.slice(3) + ' ' + process.pid)
const edit = (delta) => {
  execFileSync('sh', ['-c', [...kills, 'sleep 3'].join('; ')])
  return delta.clone()
}
export default defineEditor({ name: 'stuck', options: z.strictObject({}), edit })
`

test('a thread that cannot be stopped holds nothing up: an edit leaves nothing, also where a second signal comes with the first', {
  skip: noTerminal,
}, async () => {
  const edit = (name: string, ...signals: NodeJS.Signals[]) => {
    const plugin = join(root, `${name}.js`)
    writeFileSync(plugin, stuck(signals))
    const words = ['edit', ...pair, '--plugin', plugin, '--editor', 'stuck', '--out', 'out']
    return stopped(name, words, () => undefined)
  }
  const { code, screen, left, scratch, said } = await edit('once', 'SIGTERM')
  const nothing = 'deltalab: stopped; out: nothing was written'
  assert.deepEqual([code, said, faultsOf(screen), left, scratch], [143, nothing, [], [], []])
  const again = await edit('twice', 'SIGTERM', 'SIGINT')
  // The system may deliver them in either order.
  assert.ok([130, 143].includes(again.code), String(again.code))
  assert.deepEqual([again.said, again.left, again.scratch], [nothing, [], []])
})
