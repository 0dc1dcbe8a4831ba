// The options of mergekit-yaml: what they come to in `deltalab merge`, and the files beside the weights.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { folder } from '../checkpoint/files.js'
import { call } from '../cli/call.js'
import { readWords, root, scratch, yaml } from './fixtures.js'

const TEXT =
  '# soup\nmerge_method: linear\nname: soup\nparameters: {weight: yes}\nmodels: [{model: models/ft1}, {model: models/ft2}]\n'
let count = 0

async function run(text: string, ...flags: string[]) {
  const out = join(scratch, `flags-${++count}`)
  const { status, stderr } = await call(['merge', yaml(text), out, ...flags], { cwd: root })
  return { status, out, lines: stderr.split('\n').filter((line) => /^(warning|note|deltalab):/.test(line)) }
}

test('the recipe lies beside the weights as it was written, and one line says what was passed over', async () => {
  const { status, out, lines } = await run(TEXT)
  assert.deepEqual([status, lines], [0, ['warning: name: mergekit has no such key here, and it has no effect']])
  assert.equal(readFileSync(join(out, 'mergekit_config.yml'), 'utf8'), TEXT)
  assert.ok(readFileSync(join(out, 'README.md'), 'utf8').includes(TEXT))
  const own = await run('merger: average\nmodels: [{model: models/ft1}, {model: models/ft2}]\n')
  assert.ok(!readdirSync(own.out).includes('mergekit_config.yml'))
})

test('options that are obeyed', async () => {
  const { out, lines } = await run(
    TEXT,
    '--no-write-model-card',
    '--no-copy-tokenizer',
    '--out-shard-size',
    '30K',
    '-j',
    '1',
  )
  assert.equal(lines.length, 1)
  assert.deepEqual(
    readdirSync(out).filter((name) => !name.startsWith('.')),
    ['config.json', ...[1, 2, 3].map((n) => `model-0000${n}-of-00003.safetensors`), 'model.safetensors.index.json'],
  )
  const random = TEXT.replace('linear', 'dare_linear')
    .replace('\n', '\nbase_model: models/base\nparameters: {density: 0.5, weight: 1}\n')
    .replace('parameters: {weight: yes}\n', '')
  const weights = async (...flags: string[]) =>
    [...readWords(join((await run(random, ...flags)).out, 'model.safetensors')).values()][0]!.words
  assert.deepEqual(await weights('--random-seed', '7'), await weights('--seed', '7'))
})

test('a chat template without a tokenizer is not written, and that is said', async () => {
  const { out, lines } = await run(`${TEXT}chat_template: chatml\n`, '--no-copy-tokenizer')
  assert.deepEqual(
    readdirSync(out).filter((name) => /token|template/.test(name)),
    [],
  )
  assert.ok(lines.some((line) => /chat_template is not written: --no-copy-tokenizer/.test(line)))
})

test('options that are answered, each with a line', async () => {
  const { status, lines } = await run(
    TEXT,
    '--cuda',
    '--lora-merge-cache',
    'x',
    '--clone-tensors',
    '--no-safe-serialization',
    '--no-multi-gpu',
    '--write-threads',
    '2',
  )
  assert.equal(status, 0)
  assert.deepEqual(
    lines.filter((line) => line.startsWith('note: --')),
    [
      'note: --no-safe-serialization has no effect: weights are always written as safetensors',
      'note: --lora-merge-cache has no effect: adapters are added to their base while weights are read, and nothing is kept',
      'note: --cuda has no effect: --backend chooses what computes losses (webgpu, or tensorflow after deltalab native install); edits and merges use the cores alone',
      'note: --clone-tensors has no effect: a layer may stand several times in slices without it',
      'note: --write-threads has no effect: --jobs is the number of threads',
    ],
  )
})

test('embeddings of other sizes are cut, and architectures mixed, only where asked', async () => {
  const make = (name: string, rows: number, architecture: string): string =>
    folder(
      join(scratch, name),
      { 'model.embed_tokens.weight': [[rows, 2], [...Array(2 * rows).keys()].map((i) => i * rows)] },
      { architectures: [architecture], vocab_size: rows },
    )
  const text = (first: string, second: string): string =>
    `merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: ${first}}, {model: ${second}}]\n`
  const [three, two, other] = [make('three', 3, 'A'), make('two', 2, 'A'), make('other', 3, 'B')]
  assert.match((await run(text(three, two))).lines[0]!, /do not fit together: .*\[2, 2\] in two/)
  const { out, lines } = await run(text(three, two), '--unsafe-truncate-embeddings')
  assert.deepEqual(lines, [
    "warning: three: the embeddings are cut to 2 rows of 3; the result is right only if the models' first 2 tokens are the same",
  ])
  assert.deepEqual(
    [...readWords(join(out, 'model.safetensors')).get('model.embed_tokens.weight')!.values],
    [0, 2.5, 5, 7.5],
  )
  assert.equal(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).vocab_size, 2)
  assert.match(
    (await run(text(three, other))).lines[0]!,
    /different architectures: A \(three\), B \(other\); --allow-crimes/,
  )
  assert.equal((await run(text(three, other), '--allow-crimes')).status, 0)
})

test('norm and head are merged of all models of the last slice, and a line says that mergekit merges fewer', async () => {
  const source = (model: string) => `{model: models/${model}, layer_range: [0, 1]}`
  const { lines } = await run(
    `merge_method: linear\nparameters: {weight: 1}\nslices:\n- sources: [${source('ft1')}]\n- sources: [${source('ft1')}, ${source('ft2')}]\n`,
  )
  assert.deepEqual(lines, [
    'warning: slices[1]: what stands behind the layers is merged of its 2 models; mergekit 0.1.5 takes only the first 1, as many as the first slice has',
  ])
})
