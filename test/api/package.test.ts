// The package as npm packs it, in an empty folder: `deltalab init` there writes a project whose tests pass and whose sweep runs.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'packed-')))
after(() => rmSync(folder, { recursive: true }))
const installed = join(folder, 'node_modules/deltalab')

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
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], npm),
  )
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', installed, '--strip-components', '1'])
  // What the package depends on at run time, and nothing else.
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    mkdirSync(join(folder, 'node_modules', name, '..'), { recursive: true })
    symlinkSync(join(packageRoot, 'node_modules', name), join(folder, 'node_modules', name))
  }
})

test('a project of `deltalab init` passes its test and runs its sweep', () => {
  const main = join(installed, 'dist/bundle/cli/main.js')
  assert.match(run([main, 'init', 'my-study']), /my-study has .*my-editor\.ts.*\nnext: cd my-study && npm test/)
  assert.throws(() => run([main, 'init', 'my-study']), /is there already; nothing is overwritten/)
  const project = join(folder, 'my-study')
  assert.match(run(['--test'], project), /# pass 1\n/)
  const { done, failed } = JSON.parse(run([main, 'sweep', 'experiment.yaml', '--json', '--jobs', '2'], project))
  assert.deepEqual({ done, failed }, { done: 7, failed: 0 })
  assert.ok(existsSync(join(project, 'results/my-study/figure.svg')))
  assert.deepEqual(
    readdirSync(join(installed)).filter((name) => name === 'results'),
    [],
    'nothing is written into the package',
  )
  assert.match(run([main, 'plan', 'quickstart'], project), /45 runs/)
})
