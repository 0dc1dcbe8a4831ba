// What a command loads: TensorFlow.js only where something is computed with it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'
import '../backend.js'
import { temporary } from '../checkpoint/files.js'

const root = temporary()
const small = join(packageRoot, 'checkpoints', 'small')

/** Tells at the end of each thread whether TensorFlow.js is there. */
const WATCH = `import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
const tell = () => require('node:fs').writeSync(2, 'loaded: ' + Object.keys(require.cache).some((path) => path.includes('tfjs-core')) + '\\n')
process.on('exit', tell)
`

/** Whether a call of the command line loads TensorFlow.js, and what it prints. */
function watch(...words: string[]): { loaded: boolean; out: string } {
  const watcher = write('watch.mjs', WATCH)
  const main = join(packageRoot, 'dist', 'bundle', 'cli', 'main.js')
  const call = ['--import', watcher, main, ...words]
  const { status, stdout, stderr } = spawnSync(process.execPath, call, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return { loaded: stderr.includes('loaded: true\n'), out: stdout }
}

/** A file in a folder of its own. */
function write(name: string, ...lines: string[]): string {
  writeFileSync(join(root, name), `${lines.join('\n')}\n`)
  return join(root, name)
}

const inputs = [
  `base_model: ${small}/base`,
  'models:',
  ...['math', 'code'].map((name) => `  - {model: ${small}/${name}, parameters: {weight: 1}}`),
]

test('help and a merge on kernels start without TensorFlow.js', () => {
  assert.equal(watch('merge', '--help').loaded, false)
  assert.equal(watch('edit', '--help').loaded, false)
  const { loaded, out } = watch(
    'merge',
    write('ties.yml', 'merge_method: ties', ...inputs),
    join(root, 'ties'),
    '--json',
  )
  assert.deepEqual([loaded, JSON.parse(out).backend], [false, 'kernels'])
})

test('a method without kernels starts the backend', () => {
  const plugin = write(
    'first.js',
    "import { defineMerger, z } from 'deltalab/plugin'",
    "export default defineMerger({ name: 'first', options: z.strictObject({}), modelOptions: z.strictObject({ weight: z.number() }), merge: ({ models }) => models[0].clone() })",
  )
  const file = write('first.yml', 'merger: first', `plugins: [${plugin}]`, ...inputs)
  const { loaded, out } = watch('merge', file, join(root, 'first'), '--backend', 'cpu', '--json')
  assert.deepEqual([loaded, JSON.parse(out).backend], [true, 'cpu'])
})
