// --quiet, --verbose and --debug: what each adds to stderr or takes from it, and that the result on stdout stays the same.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { LLAMA3, temporary } from '../checkpoint/files.js'
import { call } from './call.js'

const root = temporary()
const words = ['edit', `${LLAMA3}/base`, `${LLAMA3}/post`, '--editor', 'lowrank', '--rank', '2', '--out']
const edit = (name: string, ...flags: string[]) => call([...words, join(root, name), '--overwrite', ...flags])

test('a note is on stderr, not with --quiet; the result stays', async () => {
  const plain = await edit('edited')
  assert.match(plain.stderr, /^note: /m)
  const quiet = await edit('edited', '--quiet')
  assert.deepEqual(quiet, { status: 0, stdout: plain.stdout, stderr: '' })
})

test('--verbose names each phase, the backend and each tensor', async () => {
  const { stderr } = await edit('edited', '--verbose')
  for (const line of [
    / s {2}read the headers$/m,
    / s {2}backend \w+ \(/m,
    / s {2}model\.layers\.0\.self_attn\.q_proj\.weight$/m,
  ])
    assert.match(stderr, line)
})

test('warnings of one kind are one line with their number; --verbose shows each', async () => {
  const [base, post] = ['base', 'math'].map((name) => `checkpoints/small/${name}`)
  const prune = [
    'edit',
    base!,
    post!,
    '--editor',
    'magnitude',
    '--drop',
    '0.9',
    '--overwrite',
    '--out',
    join(root, 'tied'),
  ]
  const warnings = async (...flags: string[]) => (await call([...prune, ...flags])).stderr.match(/^warning: .*$/gm)!
  const one = await warnings()
  assert.equal(one.length, 1)
  const [, more] = /tied at the threshold: .* \(model\.layers\.0\.\S+ and (\d+) more\); --verbose shows each$/.exec(
    one[0]!,
  )!
  assert.equal((await warnings('--verbose')).length, 1 + Number(more))
})

test('a base that is the post is a warning', async () => {
  const { stderr } = await call(['edit', `${LLAMA3}/base`, `${LLAMA3}/base`, ...words.slice(3), join(root, 'equal')])
  assert.match(stderr, /^warning: base and post are equal in the edited tensors: nothing was changed$/m)
})

test('--debug ends with the time of each phase of this call, and shows the stack of an error', async () => {
  const { stderr } = await edit('edited', '--debug')
  assert.match(
    stderr,
    /start the program +[\d.]+ s\nread the headers +[\d.]+ s\n(.*\n)*total +[\d.]+ s\npeak memory +\d+ MB\n$/,
  )
  assert.equal(stderr.match(/^read the headers/gm)!.length, 1)
  const wrong = await call(['inspect', join(root, 'none'), join(root, 'none'), '--debug'])
  assert.equal(wrong.status, 1)
  assert.match(wrong.stderr, /^deltalab: [^\n]*no such checkpoint folder[^\n]*\nUserError: [^\n]*\n {4}at /)
})

test('an error without --debug is one line', async () => {
  const { stderr, stdout } = await call(['inspect', join(root, 'none'), join(root, 'none')])
  assert.equal(stdout, '')
  assert.match(stderr, /^deltalab: [^\n]*\n$/)
})

test('--quiet and --verbose cannot be given together', async () => {
  const { status, stderr } = await edit('edited', '--quiet', '--verbose')
  assert.deepEqual([status, stderr], [2, 'deltalab: --quiet and --verbose cannot be given together\n'])
})
