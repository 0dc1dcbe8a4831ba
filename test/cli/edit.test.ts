// `deltalab inspect`, `edit` and `models` as a person and as a program call them.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { LLAMA3, temporary } from '../checkpoint/files.js'
import { call } from './call.js'

const root = temporary()
const [base, post] = [`${LLAMA3}/base`, `${LLAMA3}/post`]

const run = (...words: string[]) => call(words)

async function fails(code: number, expected: RegExp, ...words: string[]): Promise<void> {
  const { status, stderr, stdout } = await run(...words)
  assert.equal(status, code, stderr)
  assert.match(stderr, expected)
  assert.equal(stderr.trim().split('\n').length, 1, stderr)
  assert.equal(stdout, '')
}

test('edit writes a folder, says what it did, and refuses to write it twice', async () => {
  const out = join(root, 'edited')
  const words = ['edit', base, post, '--editor', 'dare', '--drop', '0.9', '--seed', '1', '--out', out]
  const { status, stdout, stderr } = await run(...words)
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^30 tensors with 77904 parameters edited: \d+ non-zero entries \(9\.\d\d %\)/)
  assert.deepEqual(readdirSync(out).sort(), [
    '.deltalab.json',
    'README.md',
    'config.json',
    'generation_config.json',
    'model.safetensors',
  ])
  await fails(1, /exists and is not empty; choose another name or give --overwrite/, ...words)
  await fails(1, /exists and is not empty/, 'extract', base, post, '--out', out)
  await fails(1, /is an input; choose another name/, 'extract', base, post, '--out', base)
  assert.equal((await run(...words, '--overwrite')).status, 0)
})

test('a fault of the models is said before a folder that is there', async () => {
  const [out, bad, file] = ['full', 'bad', 'merge.yml'].map((name) => join(root, name)) as [string, string, string]
  for (const folder of [out, bad]) mkdirSync(folder)
  writeFileSync(join(out, 'model.safetensors'), '')
  writeFileSync(join(bad, 'model.safetensors'), 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n')
  writeFileSync(file, `merge_method: linear\nmodels: [{model: ${base}}, {model: ${bad}}]\n`)
  const pointer = /bad.*pointer of Git LFS/
  await fails(1, pointer, 'edit', base, bad, '--editor', 'dare', '--drop', '0.9', '--out', out)
  await fails(1, pointer, 'extract', base, bad, '--out', out)
  await fails(1, pointer, 'merge', file, out)
})

test('a chain with options behind the names, JSON, another format by its short name', async () => {
  const out = join(root, 'chain')
  const { status, stdout, stderr } = await run(
    'edit',
    base,
    post,
    '--include',
    'linear',
    '--editor',
    'magnitude:drop_rate=0.5',
    '--editor',
    'expo:alpha=-0.5',
    '--dtype',
    'BF16',
    '--out',
    out,
    '--json',
  )
  assert.equal(status, 0, stderr)
  const summary = JSON.parse(stdout)
  assert.equal(summary.tensors, 21)
  assert.equal(summary.kept, 31104)
  assert.equal(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).torch_dtype, 'bfloat16')
})

test('bad words of edit: one line each, nothing written', async () => {
  const edit = ['edit', base, post, '--out', join(root, 'never')]
  await fails(1, /unknown editor "dar"; did you mean "dare"/, ...edit, '--editor', 'dar')
  await fails(1, /unknown option of dare "rank"/, ...edit, '--editor', 'dare', '--drop', '.5', '--rank', '3')
  await fails(
    1,
    /drop_rate of dare must be a number from 0 to 1; got 1\.5/,
    ...edit,
    '--editor',
    'dare',
    '--drop',
    '1.5',
  )
  await fails(2, /--alpha must be a number/, ...edit, '--editor', 'expo', '--alpha', 'much')
  await fails(
    2,
    /--drop-rate does not say which of 2 editors/,
    ...edit,
    '--editor',
    'dare',
    '--editor',
    'magnitude',
    '--drop',
    '.5',
  )
  await fails(2, /"drop" is not option=value/, ...edit, '--editor', 'dare:drop')
  await fails(2, /--seed must be a whole number/, ...edit, '--editor', 'dare:drop_rate=.5', '--seed', '-1')
  await fails(2, /unknown option "--droop"; did you mean "--drop"/, ...edit, '--editor', 'dare', '--droop', '.5')
  await fails(1, /needs the gradient/, ...edit, '--editor', 'biased', '--by', 'product', '--k', '0')
  await fails(
    1,
    /matches no tensor; nearest names: model\.norm\.weight/,
    ...edit,
    '--editor',
    'expo',
    '--alpha',
    '1',
    '--include',
    'model.nrm.weight',
  )
  await fails(
    1,
    /no such checkpoint folder/,
    'edit',
    base,
    `${post}-of-tomorrow`,
    '--editor',
    'expo',
    '--alpha',
    '1',
    '--out',
    join(root, 'never'),
  )
  assert.ok(!existsSync(join(root, 'never')))
})

test('inspect: a line per tensor and per role, CSV, JSON', async () => {
  const text = (await run('inspect', base, post)).stdout
  assert.match(text, /^model\.layers\.0\.mlp\.down_proj\.weight +4608 +0\.04433 +0\.3509 /m)
  assert.match(text, /^all +77\.9k +0\.04363 +2\.185 /m)
  const csv = (await run('inspect', base, post, '--csv', '--include', 'role:mlp')).stdout.trim().split('\n')
  assert.equal(csv.length, 10)
  assert.match(csv[0]!, /^name,role,layer,shape,.*,effective_rank$/)
  const json = JSON.parse((await run('inspect', base, `${LLAMA3}/post-bf16`, '--json')).stdout)
  assert.deepEqual([json.tensors.length, json.roles.length, json.dtypes.length], [30, 6, 30])
})

test('inspect of a corrupt file is one line', async () => {
  writeFileSync(join(root, 'model.safetensors'), 'not weights at all')
  await fails(1, /model\.safetensors: is a text that begins with "not weights at all"/, 'inspect', base, root)
})

test('models lists the architectures', async () => {
  assert.match((await run('models')).stdout, /^llama +LlamaForCausalLM/m)
  assert.ok(
    JSON.parse((await run('models', '--json')).stdout).architectures.every(({ cite }: { cite: string }) => cite),
  )
})

test('every --help shows an example', async () => {
  for (const command of ['inspect', 'edit', 'models'])
    assert.match((await run(command, '--help')).stdout, new RegExp(`Examples:\\s+deltalab ${command}`))
})
