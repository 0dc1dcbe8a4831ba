// eval --post and the metric kl of sweeps, as a person calls them: the same numbers held, streamed, kept in a folder and in a sweep;
// a vocabulary with more rows; and models that cannot be compared.

import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openCheckpoint, writeCheckpoint } from '../../src/checkpoint/index.js'
import { loadExperiment } from '../../src/config/index.js'
import { openStates } from '../../src/divergence/index.js'
import { packageRoot } from '../../src/files/index.js'
import { readResults } from '../../src/record/index.js'
import { runSweep } from '../../src/sweep/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { call } from '../cli/call.js'
import { makePair } from './pair.js'

const folder = makePair()
after(() => rmSync(folder, { recursive: true }))

interface Told {
  metric: string
  score: number
  stderr: number | null
  others: Record<string, number>
  notes?: string[]
}

async function evaluate(...words: string[]): Promise<Told> {
  const { status, stdout, stderr } = await call(['eval', ...words, '--backend', BACKEND, '--json'], { cwd: folder })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout) as Told
}

async function refusal(...words: string[]): Promise<string> {
  const { status, stderr } = await call(['eval', ...words, '--backend', BACKEND], { cwd: folder })
  assert.notEqual(status, 0)
  return stderr
}

const near = (found: Readonly<Record<string, number>>, right: Readonly<Record<string, number>>, tolerance: number) => {
  assert.deepEqual(Object.keys(found).sort(), Object.keys(right).sort())
  for (const [name, value] of Object.entries(right))
    assert.ok(Math.abs(found[name]! - value) <= tolerance * Math.max(1e-6, Math.abs(value)), `${name}: ${found[name]}`)
}

const TASK = ['base', '--post', 'post', '--task', 'items.jsonl']
let held: Told

test('eval --post tells the divergence, the same within a bound on memory and from a folder of states', async () => {
  held = await evaluate(...TASK)
  assert.equal(held.metric, 'exact_match')
  assert.ok(held.others.kl! > 0.1 && held.others.kl_se! > 0)
  near((await evaluate(...TASK, '--memory', '2MB')).others, held.others, 1e-4)
  const first = await evaluate(...TASK, '--cache', 'states')
  assert.deepEqual(first.others, held.others)
  assert.match(first.notes!.join(), /^states: 0\.0 kB of the last hidden states of post found, \d\.\d kB added$/)
  const second = await evaluate(...TASK, '--cache', 'states')
  assert.deepEqual(second.others, held.others)
  assert.match(second.notes!.join(), /^states: \d\.\d kB of .* found, 0\.0 kB added$/)
  // A file that is not whole counts as absent, and another model's is not taken.
  const files = readdirSync(join(folder, 'states'))
  truncateSync(join(folder, 'states', files[0]!), 100)
  assert.deepEqual((await evaluate(...TASK, '--cache', 'states')).others, held.others)
  const itself = await evaluate('base', '--post', 'base', '--task', 'items.jsonl', '--cache', 'states')
  assert.deepEqual([itself.others.kl, itself.others.same_top, itself.others.perplexity_ratio], [0, 1, 1])
})

test('two that keep the same states at once', async () => {
  const ids = Int32Array.of(1, 2)
  const batch = { rows: 1, columns: 2, ids, mask: ids, positions: ids, labels: ids, items: Int32Array.of(0) }
  const [one, other] = [await openStates(join(folder, 'both'), ['x']), await openStates(join(folder, 'both'), ['x'])]
  await Promise.all([one.keep(batch, Float32Array.of(5)), other.keep(batch, Float32Array.of(5))])
  assert.deepEqual(await one.recall(batch), Float32Array.of(5))
})

test('in words', async () => {
  const { stdout } = await call(['eval', ...TASK, '--backend', BACKEND], { cwd: folder })
  assert.match(stdout, /\n {2}beside post: KL 0\.\d+ nats \(± 0\.\d+\) a position\n {4}median .*, 90 % .*, largest /)
  assert.match(
    stdout,
    /\n {4}same likeliest token at \d+\.\d % of the positions; .*\n {4}perplexity \d+\.\d+?, that of .*: ratio \d+\.\d{5} \(± /,
  )
})

test('a sweep has the same numbers, whether kl is the first metric or a further one', async () => {
  writeFileSync(
    join(folder, 'kl.yaml'),
    `name: kl
models:
  - { name: m, base: base, post: post, tasks: [{ task: items.jsonl, metric: [exact_match, kl], name: also }, { task: items.jsonl, metric: kl, name: alone }] }
editors: [{ editor: expo, alpha: [0, -1, 0.2] }]
score: { items: 6 }
loss: false
`,
  )
  const backend = { asked: BACKEND, found: await setBackend(BACKEND) } as const
  await runSweep(await loadExperiment(join(folder, 'kl.yaml')), { folder: join(folder, 'kl'), jobs: 1, backend })
  const { rows } = await readResults(join(folder, 'kl'))
  const of = (task: string, alpha: number) => rows.find((row) => row.task === task && row.alpha === alpha)!
  for (const alpha of [0, -1, 0.2]) {
    const [also, alone] = [of('also', alpha), of('alone', alpha)]
    const { kl, ...rest } = also.others_edited!
    assert.deepEqual([alone.metric, alone.score_edited, alone.score_post, alone.others_edited], ['kl', kl, 0, rest])
    assert.equal(also.metric, 'exact_match')
    const { kl: before, ...others } = held.others
    near({ kl: alone.score_pre!, ...alone.others_pre }, { kl: before!, ...others }, 1e-9)
    assert.deepEqual([also.others_post!.kl, also.others_post!.same_top], [0, 1])
  }
  assert.equal(of('alone', 0).score_edited, 0)
  // Extrapolation by −1 is the base.
  near({ kl: of('alone', -1).score_edited! }, { kl: held.others.kl! }, 1e-4)
})

test('a vocabulary with more rows: the shared part, with one line', async () => {
  const base = await openCheckpoint(join(folder, 'base'))
  const grown = (name: string) => /embed_tokens|lm_head/.test(name)
  const plan = [...base.tensors.values()].map(({ name, shape }) => ({
    name,
    shape: grown(name) ? [shape[0]! + 5, ...shape.slice(1)] : shape,
    dtype: 'F32' as const,
  }))
  async function* tensors() {
    for (const { name, shape } of plan) {
      const values = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.3)
      values.set(await base.read(name))
      yield { name, values }
    }
  }
  cpSync(join(folder, 'base'), join(folder, 'grown'), { recursive: true })
  rmSync(join(folder, 'grown', 'model.safetensors'))
  await writeCheckpoint(join(folder, 'weights'), { plan, tensors: tensors() })
  await base.close()
  cpSync(join(folder, 'weights', 'model.safetensors'), join(folder, 'grown', 'model.safetensors'))
  const config = JSON.parse(readFileSync(join(folder, 'base', 'config.json'), 'utf8')) as object
  writeFileSync(join(folder, 'grown', 'config.json'), JSON.stringify({ ...config, vocab_size: 165 }))
  for (const more of [[], ['--memory', '2MB']]) {
    const { others, notes } = await evaluate('grown', '--post', 'post', '--task', 'items.jsonl', ...more)
    near(others, held.others, 1e-4)
    assert.match(
      notes!.join(),
      /^post has 160 tokens and grown 165: compared are the first 160, and both distributions are over them alone$/,
    )
    const { others: turned } = await evaluate('post', '--post', 'grown', '--task', 'items.jsonl', ...more)
    assert.ok(turned.kl! > 0.1 && turned.kl !== held.others.kl)
  }
})

test('windows of a text fit the model of fewer positions, whichever it is', async () => {
  writeFileSync(join(folder, 'long.txt'), 'w5 w6 w7 w8 w9 w10 '.repeat(12))
  for (const name of ['base', 'post']) {
    cpSync(join(folder, name), join(folder, `${name}-short`), { recursive: true })
    const file = join(folder, `${name}-short`, 'config.json')
    const config = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify({ ...config, max_position_embeddings: 16 }))
  }
  const kl = async (edited: string, post: string) =>
    (await evaluate(edited, '--post', post, '--text', 'long.txt')).others.kl
  const short = await kl('base-short', 'post-short')
  assert.equal(await kl('base', 'post-short'), short)
  assert.equal(await kl('base-short', 'post'), short)
  assert.notEqual(await kl('base', 'post'), short)
})

test('what cannot be compared is told in one line', async () => {
  const encoder = (name: string) => `checkpoints/encoder/${name}`
  const of = (model: string, post: string, task: string) =>
    refusal(model, '--post', post, '--task', task, '--items', '2')
  assert.match(await of(encoder('entailment'), encoder('sentiment'), 'sentiment'), /one has 3 classes, the other 2\n$/)
  assert.match(
    await of(encoder('similarity'), encoder('similarity'), 'similarity'),
    /deltalab: kl compares the distributions of two models, and this one gives a value, which is no distribution\n$/,
  )
  for (const [name, labels] of [
    ['told', ['bad', 'good']],
    ['turned', ['good', 'bad']],
  ] as const) {
    cpSync(join(packageRoot, encoder('sentiment')), join(folder, name), { recursive: true })
    const config = JSON.parse(readFileSync(join(folder, name, 'config.json'), 'utf8')) as object
    writeFileSync(join(folder, name, 'config.json'), JSON.stringify({ ...config, id2label: { ...labels } }))
  }
  assert.match(
    await of('told', 'turned', 'sentiment'),
    /class 0 is "bad" in one and "good" in the other \(id2label\)\n$/,
  )
  assert.match(
    await of('checkpoints/roberta/sentiment', encoder('sentiment'), 'sentiment'),
    /one is a roberta, the other a bert\n$/,
  )
  assert.match(
    await refusal('post', '--task', 'items.jsonl', '--cache', 'states'),
    /--cache keeps what is computed of --post: give --post with it\n$/,
  )
  writeFileSync(
    join(folder, 'card.yaml'),
    'name: card\nversion: 1\ndescription: x\nkind: generate\nmax_new_tokens: 4\ndata: items.jsonl\nmetric: [kl]\n',
  )
  assert.match(
    await refusal('post', '--task', 'card.yaml'),
    /metric kl compares a model with the post-trained one, which it was made from: give --post\n$/,
  )
  mkdirSync(join(folder, 'odd'))
  cpSync(join(folder, 'post'), join(folder, 'odd'), { recursive: true })
  const text = readFileSync(join(folder, 'odd', 'tokenizer.json'), 'utf8')
  writeFileSync(join(folder, 'odd', 'tokenizer.json'), text.replace('"w8":8', '"w8":9').replace('"w9":9', '"w9":8'))
  assert.match(
    await of('odd', 'post', 'items.jsonl'),
    /the tokenizers of post and odd split the same texts into different tokens: name the right one with --tokenizer\n$/,
  )
  assert.ok((await evaluate('odd', '--post', 'post', '--task', 'items.jsonl', '--tokenizer', 'post')).others.kl === 0)
  // The windows of a text that stands alone are made once by each tokenizer, and fit the model with fewer positions.
  writeFileSync(join(folder, 'alone.txt'), Array.from({ length: 200 }, (_, i) => `w${3 + ((i * 7) % 150)}`).join(' '))
  assert.match(
    await refusal('odd', '--post', 'post', '--text', 'alone.txt'),
    /the tokenizers of post and odd split the same texts into different tokens/,
  )
  cpSync(join(folder, 'post'), join(folder, 'short'), { recursive: true })
  const config = JSON.parse(readFileSync(join(folder, 'post', 'config.json'), 'utf8')) as object
  writeFileSync(join(folder, 'short', 'config.json'), JSON.stringify({ ...config, max_position_embeddings: 64 }))
  const [long, short] = [
    await evaluate('post', '--post', 'short', '--text', 'alone.txt'),
    await evaluate('short', '--post', 'post', '--text', 'alone.txt'),
  ]
  assert.deepEqual([long.others.kl, long.others.perplexity_post], [0, short.others.perplexity_post])
})
