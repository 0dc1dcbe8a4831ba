// Edits and merges begin in the main thread. One that computes for long itself begins again in a thread, and says nothing twice.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'
import { folder, temporary } from '../checkpoint/files.js'
import { call } from './call.js'

const root = temporary()
const main = join(packageRoot, 'dist', 'bundle', 'cli', 'main.js')
/** The thread of a command says that it has begun. */
const REPORT = `data:text/javascript,${encodeURIComponent(
  `import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
if (workerData?.stdout) writeSync(2, 'in its own thread\\n')`,
)}`

/** Two models of one matrix with so many rows. */
const models = (rows: number): string[] =>
  [1, 2].map((factor) =>
    folder(join(root, `${rows}-${factor}`), {
      w: [[rows, 512], Array.from({ length: rows * 512 }, (_, i) => factor * Math.sin(i))],
    }),
  )
const [small, large] = [models(2), models(513)]

/** A merge file with a key that is passed over, of which a note is said. */
function mergeFile(name: string, [base, model]: string[], more: object): string {
  const path = join(root, `${name}.json`)
  const content = { base_model: base, models: [{ model, unheard: 1 }], dtype: 'float32', ...more }
  writeFileSync(path, JSON.stringify(content))
  return path
}

const plugin = join(root, 'plugin.js')
writeFileSync(
  plugin,
  `import { defineMerger, z } from 'deltalab/plugin'
const options = z.strictObject({})
export default defineMerger({
  name: 'first', title: 'The first.', cite: '', options, modelOptions: options, reads: 'entries', input: 'weights',
  merge: ({ models: [first] }) => first.clone(),
})
`,
)

const nearswap = { merge_method: 'nearswap', parameters: { t: 0.01 } }
const edit = (pair: readonly string[], ...editors: string[]) => [
  'edit',
  ...pair,
  ...editors.flatMap((each) => ['--editor', each]),
]
const cases: [name: string, words: string[], ownThread: boolean][] = [
  [
    'merge on kernels',
    ['merge', mergeFile('kernels', large, { merge_method: 'task_arithmetic', parameters: { weight: 1 } })],
    false,
  ],
  ['little merge', ['merge', mergeFile('little', small, nearswap)], false],
  ['large merge', ['merge', mergeFile('large', large, nearswap)], true],
  [
    'merge by a plugin',
    [
      'merge',
      mergeFile('plugin', small, {
        merger: 'first',
        plugins: [plugin],
        models: [{ model: small[1] }],
        dtype: undefined,
      }),
    ],
    true,
  ],
  ['edit on kernels', edit(large, 'dare:drop_rate=0.5'), false],
  ['edit by definitions', edit(small, 'dare:drop_rate=0.5', 'lowrank:rank=1'), true],
  ['edit with a plugin', [...edit(small, 'dare:drop_rate=0.5'), '--plugin', plugin], true],
]

for (const [name, words, ownThread] of cases)
  test(`${name}: runs in ${ownThread ? 'a thread' : 'the main thread'}, with the result and the words of one thread`, async () => {
    const [one, two] = [join(root, `${name} one`), join(root, `${name} two`)]
    // What other programs left among temporary folders is none of ours.
    const alone = await call([...words, '--out', one], { env: { TMPDIR: root } })
    assert.equal(alone.status, 0, alone.stderr)
    if (words[0] === 'merge' && !name.includes('plugin')) assert.match(alone.stderr, /^warning: .*unheard/m)
    const env = { ...process.env, TMPDIR: root, NODE_OPTIONS: `--import=${REPORT}` }
    const { status, stderr } = spawnSync(process.execPath, [main, ...words, '--out', two], { env, encoding: 'utf8' })
    assert.deepEqual([status, stderr], [0, `${ownThread ? 'in its own thread\n' : ''}${alone.stderr}`])
    const weights = (out: string) => readFileSync(join(out, 'model.safetensors'))
    assert.ok(weights(one).equals(weights(two)))
  })

test('a signal while a merge changes to its thread stops it as ever', () => {
  const stopThen = `data:text/javascript,${encodeURIComponent(`const { off } = process
process.off = function (...args) {
  off.apply(this, args)
  if (args[0] === 'SIGHUP') process.kill(process.pid, 'SIGTERM')
  return this
}`)}`
  const env = { ...process.env, TMPDIR: root, NODE_OPTIONS: `--import=${stopThen}` }
  const [, words] = cases.find(([name]) => name === 'large merge')!
  const { status, stderr } = spawnSync(process.execPath, [main, ...words, '--out', join(root, 'stopped')], {
    env,
    encoding: 'utf8',
  })
  assert.equal(status, 143)
  assert.match(stderr, /^deltalab: stopped/m)
})
