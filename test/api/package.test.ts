// The package as npm packs it, in an empty folder: what is in it, and that its program, its doors and plugins work there.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { after, before, test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'
import '../backend.js'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'packed-')))
after(() => rmSync(folder, { recursive: true }))
const installed = join(folder, 'node_modules/deltalab')
const main = join(installed, 'dist/bundle/cli/main.js')
/** What npm says of the tarball: sizes in bytes. */
let tarball: { filename: string; size: number; files: { path: string }[] }

/** What a command prints, in the folder; its environment has nothing of the test runner. */
function run(words: string[], cwd = folder): string {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return execFileSync(process.execPath, words, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

before(() => {
  const npm = {
    cwd: packageRoot,
    encoding: 'utf8' as const,
    stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'],
  }
  const words = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
  tarball = JSON.parse(execFileSync('npm', words, npm))[0]
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, tarball.filename), '-C', installed, '--strip-components', '1'])
  // What the package depends on at run time, and nothing else.
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    mkdirSync(join(folder, 'node_modules', name, '..'), { recursive: true })
    symlinkSync(join(packageRoot, 'node_modules', name), join(folder, 'node_modules', name))
  }
})

test('the tarball has at most 25 MB, and the licences of what is bundled', () => {
  assert.ok(tarball.size <= 25e6, `${tarball.size} bytes`)
  const licences = readFileSync(join(installed, 'dist/bundle/THIRD-PARTY.txt'), 'utf8')
  for (const name of ['zod', 'yargs', 'vega', 'dejavu-fonts-ttf'])
    assert.match(licences, new RegExp(`^${name} \\d`, 'm'))
})

test('the links of the README lead to files of the package', () => {
  const places = new Set(tarball.files.flatMap(({ path }) => [path, ...foldersOf(path)]))
  const links = [...readFileSync(join(installed, 'README.md'), 'utf8').matchAll(/\]\(([^)#\s]+)/g)].map(([, to]) => to!)
  const local = links.filter((link) => !link.includes('://')).map((link) => normalize(link))
  assert.ok(local.length > 20)
  assert.deepEqual(
    local.filter((link) => !places.has(link)),
    [],
  )
})

const foldersOf = (path: string): string[] =>
  dirname(path) === '.' ? [] : [dirname(path), ...foldersOf(dirname(path))]

test('shipped models are merged; one that the package leaves out is named with the reason', () => {
  const file = join(folder, 'merge.yml')
  const models = (size: string) =>
    `merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: checkpoints/${size}/math}, {model: checkpoints/${size}/code}]\n`
  writeFileSync(file, models('small'))
  assert.match(run([main, 'merge', file, 'merged']), /39 tensors with 843136 parameters merged by linear/)
  assert.ok(existsSync(join(folder, 'merged/model.safetensors')))
  writeFileSync(file, models('large'))
  assert.throws(
    () => run([main, 'merge', file, 'none']),
    /large\/math: no such checkpoint folder: the npm package leaves it/,
  )
})

test('the program, the library and a plugin share one UserError, one zod and one TensorFlow.js', () => {
  const edit = `(delta, { options }) => {
    if (options.limit > 1) throw new UserError('the limit is ' + options.limit)
    return tf.clipByValue(delta, -options.limit, options.limit)
  }`
  writeFileSync(
    join(folder, 'clip.ts'),
    `import { defineEditor, tf, UserError } from 'deltalab/plugin'
    import * as z from 'zod'
    export default defineEditor({ name: 'clip', options: z.strictObject({ limit: z.number() }), edit: ${edit} })`,
  )
  const [base, post] = ['checkpoints/small/base', 'checkpoints/small/math']
  const words = ['edit', base, post, '--plugin', 'clip.ts', '--editor', 'clip', '--out', 'clipped', '--limit']
  const { status, stderr } = spawnSync(process.execPath, [main, ...words, '2'], { cwd: folder, encoding: 'utf8' })
  assert.deepEqual([status, stderr.split('\n').slice(-2)], [1, ['deltalab: the limit is 2', '']])
  const program = `
    import { editDelta, tf, UserError } from 'deltalab'
    import { tf as pluginTf, UserError as PluginError } from 'deltalab/plugin'
    const delta = Float32Array.of(3, -3)
    const edited = await editDelta(delta, [2], { editor: 'clip', limit: 0.5 }, { plugins: ['./clip.ts'] })
    const error = await editDelta(delta, [2], { editor: 'clip', limit: 2 }, { plugins: ['./clip.ts'] }).catch((error) => error)
    console.log(tf === pluginTf, UserError === PluginError, error instanceof UserError, String(edited))`
  assert.equal(run(['--input-type=module', '-e', program]), 'true true true 0.5,-0.5\n')
})

test('a project of `deltalab init` passes its test and runs its sweep', () => {
  assert.match(
    run([main, 'init', 'my-study']),
    /my-study has .* \.gitignore, .*my-editor\.ts.*\nnext: cd my-study && npm test/,
  )
  assert.throws(() => run([main, 'init', 'my-study']), /is there already; nothing is overwritten/)
  const project = join(folder, 'my-study')
  assert.match(run(['--test'], project), /(?:#|ℹ) pass 1\n/)
  const { done, failed } = JSON.parse(run([main, 'sweep', 'experiment.yaml', '--json', '--jobs', '2'], project))
  assert.deepEqual({ done, failed }, { done: 7, failed: 0 })
  assert.ok(existsSync(join(project, 'results/my-study/figure.svg')))
  const files = readdirSync(installed, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  assert.equal(files.length, tarball.files.length, 'nothing is written into the package')
  assert.match(run([main, 'plan', 'quickstart'], project), /45 runs/)
})
