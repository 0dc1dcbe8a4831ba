// The command line as a person meets it: overview, usage errors, exit codes, and help of every command.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { COMMANDS } from '../../src/cli/overview.js'
import { packageRoot, packageVersion } from '../../src/files/index.js'
import { call } from './call.js'

const main = join(packageRoot, 'dist', 'bundle', 'cli', 'main.js')

async function run(...words: string[]): Promise<{ status: number; out: string; err: string }> {
  const { status, stdout, stderr } = await call(words)
  return { status, out: stdout, err: stderr }
}

test('--help lists every command without importing any; --version is that of the package', async () => {
  const { status, out } = await run('--help')
  assert.equal(status, 0)
  for (const [name] of COMMANDS) assert.match(out, new RegExp(`deltalab ${name} `))
  assert.deepEqual(await run('--version'), { status: 0, out: `${packageVersion()}\n`, err: '' })
})

test('the overview and the command files agree', async () => {
  const files = readdirSync(join(packageRoot, 'src', 'cli', 'commands'))
  assert.deepEqual(files.map((file) => file.replace('.ts', '')).sort(), COMMANDS.map(([name]) => name).sort())
  for (const [name] of COMMANDS) {
    const module = (await import(`../../src/cli/commands/${name}.js`)) as { command: string }
    assert.equal(module.command.split(' ')[0], name)
  }
})

test('every command has help with an example', async () => {
  for (const [name] of COMMANDS) {
    const { status, out } = await run(name, '--help')
    assert.equal(status, 0, name)
    assert.match(out, /Examples?:\s+deltalab /, name)
    assert.match(out, /--quiet .*--verbose .*--debug /s, name)
  }
})

test('help and errors are in English wherever the system speaks another language', async () => {
  const before = process.env.LC_ALL
  process.env.LC_ALL = 'de_DE.UTF-8'
  try {
    assert.match((await run('table', '--help')).out, /\[boolean\]\n\nExamples:\n/)
    assert.match((await run('sweep', 'x.yaml', '--backend', 'gpu')).err, /--backend must be one of auto, /)
  } finally {
    if (before === undefined) delete process.env.LC_ALL
    else process.env.LC_ALL = before
  }
})

test('wrong usage is one line with the nearest name and exit code 2', async () => {
  const cases: [words: string[], message: RegExp][] = [
    [['swep'], /^deltalab: unknown command "swep"; did you mean "sweep"\?[^\n]*\n$/],
    [['doctor', '--jsn'], /^deltalab: unknown option "--jsn"; did you mean "--json"\?[^\n]*\n$/],
    [['doctor', 'now'], /^deltalab: doctor does not take the argument "now"; usage: deltalab doctor\n$/],
    [['sweep'], /^deltalab: <config> is missing; usage: deltalab sweep <config>\n$/],
    [['sweep', 'x.yaml', '--backend', 'gpu'], /^deltalab: --backend must be one of auto, [^\n]*; got "gpu"\n$/],
    [
      ['edit', 'a', 'b', '--out', 'c', '--editor', 'dare', '--drop', ''],
      /^deltalab: --drop is empty; it must be a number\n$/,
    ],
    [['table', ''], /^deltalab: <results> is empty\n$/],
    [['inspect', 'a', ''], /^deltalab: <post> is empty\n$/],
    [['merge', '-', '--out', 'x'], /^deltalab: - stands for no file here: [^\n]*\n$/],
    [['sweep', 'x.yaml', '--jobs='], /^deltalab: --jobs is empty; it must be a number\n$/],
    [['random', 'y', '--out', 'x', '--seed', 'abc'], /^deltalab: --seed must be a number; got "abc"\n$/],
    [['inspect', 'a', 'b', '--rank-limit=much'], /^deltalab: --rank-limit must be a number; got "much"\n$/],
    [['random', 'y', '--out', 'x', '--seed', '-1'], /^deltalab: --seed must be a whole number ≥ 0; got -1\n$/],
    [['--quiet', 'doctor', 'now'], /^deltalab: doctor does not take the argument "now"; usage: deltalab doctor\n$/],
    [
      ['--jsn', 'doctor'],
      /^deltalab: unknown option "--jsn"; did you mean "--json"\? deltalab doctor --help [^\n]*\n$/,
    ],
    [['--editor', 'dare', 'edit', 'a', 'b'], /^deltalab: options go after the command: deltalab edit --editor …\n$/],
    [
      ['calibrate', 'darex', 'a', 'b', '--task', 'math', '--out', 'c'],
      /^deltalab: calibrate darex takes no --out; leave it out\n$/,
    ],
    [
      ['calibrate', 'bitdelta', 'a', 'b', '--task', 'math', '--drop', '0.5'],
      /^deltalab: calibrate bitdelta takes no --drop-rate; leave it out\n$/,
    ],
    [['sweep', 'x.yaml', '--jobs', '0'], /^deltalab: --jobs must be a positive integer; got 0\n$/],
  ]
  for (const [words, message] of cases) {
    const { status, err } = await run(...words)
    assert.match(err, message)
    assert.equal(status, 2, words.join(' '))
  }
})

test('no command at all is the overview and exit code 2; a wrong file is one line and exit code 1', async () => {
  const bare = await run()
  assert.equal(bare.status, 2)
  assert.match(bare.err, /deltalab sweep/)
  assert.deepEqual(await run('plan', 'none.yaml'), { status: 1, out: '', err: 'deltalab: none.yaml: no such file\n' })
})

test('flags may stand before the command', async () => {
  const behind = await run('editors', 'dare', '--quiet')
  assert.equal(behind.status, 0)
  for (const flags of [['--quiet'], ['--quiet=true', '--debug=false'], ['--no-verbose']])
    assert.deepEqual(await run(...flags, 'editors', 'dare'), behind)
})

test('a full disk behind stdout is one line', { skip: !existsSync('/dev/full') }, () => {
  const full = openSync('/dev/full', 'w')
  const { status, stderr } = spawnSync(process.execPath, [main, 'tasks'], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  })
  closeSync(full)
  assert.match(stderr, /^deltalab: stdout cannot be written: ENOSPC: [^\n]*\n$/)
  assert.equal(status, 1)
})

test('what was printed before an error reaches a slow reader whole', { skip: process.platform === 'win32' }, () => {
  const config = join(packageRoot, 'configs', 'paper', 'merge.yaml')
  const env = { ...process.env, HF_ENDPOINT: 'http://127.0.0.1:1', HF_HUB_CACHE: '/nonexistent' }
  const { stdout, stderr } = spawnSync(
    'sh',
    ['-c', '"$0" "$1" plan "$2" | (sleep 2; cat)', process.execPath, main, config],
    { encoding: 'utf8', env },
  )
  assert.match(stderr, /cannot be reached/)
  assert.match(stdout, /\n\d+ runs\n$/)
})
