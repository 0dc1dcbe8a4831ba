// One shape of arguments: inputs by place or by name, the output as --out, several tasks, help, completion, and lists of one name.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'
import { temporary } from '../checkpoint/files.js'
import { call } from './call.js'
import { inTerminal, noTerminal } from './terminal.js'

const root = temporary()
const small = join(packageRoot, 'checkpoints', 'small')
const [base, math] = [join(small, 'base'), join(small, 'math')]
writeFileSync(
  join(root, 'linear.yml'),
  `merge_method: linear\nmodels: [{ model: $DELTALAB_SMALL/math, parameters: { weight: 1 } }]\n`,
)

async function run(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await call(words, { cwd: root, env: { DELTALAB_SMALL: small } })
  assert.equal(status, 0, `${words.join(' ')}: ${stderr}`)
  return stdout
}

/** What all of these calls print, without the measured time. */
async function same(...calls: string[][]): Promise<void> {
  const printed: unknown[] = []
  for (const words of calls) printed.push({ ...JSON.parse(await run(...words)), seconds: null })
  for (const other of printed) assert.deepEqual(other, printed[0])
}

test('inputs are given by place or by name, in any mixture', async () => {
  const rest = ['--editor', 'expo', '--alpha', '0', '--out', 'edited', '--dry-run', '--json']
  await same(
    ['edit', base, math, ...rest],
    ['edit', '--base', base, '--post', math, ...rest],
    ['edit', '--base', base, math, ...rest],
    ['edit', base, `--post=${math}`, ...rest],
    ['edit', ...rest, base, math],
  )
  const results = ['rank', 'expo'].map((name) => join(packageRoot, 'results', name))
  await same(
    ['table', ...results, '--json'],
    ['table', '--results', ...results, '--json'],
    ['table', ...results.flatMap((folder) => ['--results', folder]), '--json'],
  )
})

test('the output of a merge is --out, -o, or, as in mergekit, the second argument', async () => {
  const rest = ['--dry-run', '--json']
  await same(
    ['merge', 'linear.yml', '--out', 'merged', ...rest],
    ['merge', 'linear.yml', '-o', 'merged', ...rest],
    ['merge', 'linear.yml', 'merged', ...rest],
    ['merge', '--config', 'linear.yml', 'merged', ...rest],
  )
})

test('init and random take their output in the same way', async () => {
  await run('init', 'one')
  assert.match(await run('init', '--out', 'two'), /\nnext: cd two && npm install && npm test && npm run sweep\n$/)
  assert.ok(existsSync(join(root, 'one', 'experiment.yaml')) && existsSync(join(root, 'two', 'experiment.yaml')))
  // Of a clone, what npm installs is the clone.
  const { dependencies } = JSON.parse(readFileSync(join(root, 'two', 'package.json'), 'utf8'))
  assert.equal(resolve(root, 'two', dependencies.deltalab.replace(/^file:/, '')), resolve(packageRoot))
})

test('several tasks, with a comma or repeated, give a line each; a slip in the last is found first', async () => {
  const few = ['--items', '4', '--json']
  const lines = async (...words: string[]) =>
    (await run('eval', math, ...words, ...few))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { task: string })
  const both = await lines('--task', 'math,code')
  assert.deepEqual(
    both.map(({ task }) => task),
    ['math', 'code'],
  )
  assert.deepEqual(await lines('--tasks', 'math', '--task=code'), both)
  const { stderr, stdout } = await call(['eval', math, '--task', 'math,cod', ...few])
  assert.deepEqual([stdout, /^deltalab: unknown task "cod"; did you mean "code"\?/.test(stderr)], ['', true])
})

test('help of a command is that of --help; without a command it is the overview', async () => {
  assert.equal(await run('help', 'merge'), await run('merge', '--help'))
  assert.equal(await run('help'), await run('--help'))
  assert.match(await run('merge', '--help'), /^deltalab merge <config> --out <folder>\n/)
  assert.match(await run('plot', '--help'), /Results folder of a sweep.* \[array\] \[required\]\n/)
  assert.match(await run('editors', '--help'), /^deltalab editors \[name\]\n/)
})

test('lists show one name alone', async () => {
  for (const [command, name] of [
    ['editors', 'dare'],
    ['mergers', 'ties'],
  ] as const) {
    const whole = await run(command)
    const one = await run(command, name)
    assert.ok(whole.includes(one) && one.startsWith(`${name}: `) && one.length < whole.length / 3, command)
    assert.deepEqual(
      JSON.parse(await run(command, name, '--json')).map((each: { name: string }) => each.name),
      [name],
    )
  }
  assert.match(await run('tasks', 'math'), /^task +math\n[\s\S]*items +512\n\nfinal_number: /)
  const llama = await run('models', 'llama')
  assert.match(llama, /^llama +LlamaForCausalLM, [\s\S]*checkpoints\/small\/base +llama/)
  assert.doesNotMatch(llama, /bert/)
})

test('doctor tells of the backend that is asked for', async () => {
  assert.equal(JSON.parse(await run('doctor', '--backend', 'cpu', '--json')).backend, 'cpu')
})

test('DELTALAB_BACKEND names the backend where the command does not', async () => {
  const doctor = (name: string, ...words: string[]) =>
    call(['doctor', '--json', ...words], { env: { DELTALAB_BACKEND: name } })
  assert.equal(JSON.parse((await doctor('cpu')).stdout).backend, 'cpu')
  assert.equal(JSON.parse((await doctor('cpu', '--backend', 'wasm')).stdout).backend, 'wasm')
  const wrong = await doctor('gpu')
  assert.equal(wrong.status, 1)
  assert.match(wrong.stderr, /^deltalab: the variable DELTALAB_BACKEND must be one of auto, [^\n]*; got "gpu"\n$/)
})

test('a shell completes commands, options, choices and names', async () => {
  const complete = async (...words: string[]) =>
    (await run('--get-yargs-completions', 'deltalab', ...words)).split('\n')
  const cases: [words: string[], found: string[]][] = [
    [['ed'], ['edit', 'editors']],
    [['edit', '--ed'], ['--editor']],
    [
      ['edit', 'a', 'b', '--editor', 'dare'],
      ['dare', 'darex'],
    ],
    [
      ['edit', 'a', 'b', '--on', ''],
      ['delta', 'weights'],
    ],
    [
      ['eval', 'a', '--task', 'math_'],
      ['math_choices', 'math_filtered'],
    ],
    [['sweep', 'quick'], ['quickstart']],
    [
      ['editors', 'mag'],
      ['magnitude', 'magprune'],
    ],
    [['edit', 'mod'], []],
    [['rows', 'results/riemann', '--where', 'drop_rate'], ['drop_rate']],
    [
      ['table', 'results/riemann', '--by', 'model,score_p'],
      ['model,score_pre', 'model,score_post'],
    ],
    [['compare', 'a', join(packageRoot, 'results/ra')], [join(packageRoot, 'results/rank')]],
    [['schema', 'z'], ['zeroth']],
    // As zsh and fish give the words, and as bash does: parted at `=`, with the quote that is open.
    [['rows', 'a', '--where', 'task=math,drop_r'], ['task=math,drop_rate']],
    [['rows', 'a', '--where', 'task', '=', 'math,drop_r'], ['math,drop_rate']],
    [['rows', 'a', '--where', "'task=math,drop_r"], ['task=math,drop_rate']],
    [['edit', 'a', '--editor=magn'], ['--editor=magnitude']],
    [['edit', 'a', '--editor', '=', 'magn'], ['magnitude']],
  ]
  for (const [words, found] of cases) assert.deepEqual((await complete(...words)).slice(0, -1), found, words.join(' '))
  // The person types on the line of the cursor: no progress is drawn there.
  if (!noTerminal)
    assert.equal((await inTerminal(['--get-yargs-completions', 'deltalab', 'edit', '--ed'])).screen, '--editor\r\n')
  const environment = { ...process.env }
  for (const [shell, sign] of [
    ['bash', /^complete -o .* deltalab$/m],
    ['zsh', /^#compdef deltalab$/m],
    ['fish', /^complete -f -c deltalab /m],
  ] as const)
    assert.match(await run('completion', shell), sign)
  Object.assign(process.env, environment)
})
