// plan, sweep, eval and attribute as a person calls them, on their own pair of folders and their own task file.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'
import type { Row, Term } from '../../src/record/index.js'
import { assertClose } from '../close.js'
import { withoutSeconds } from '../plan/plans.js'
import { makePair } from '../run/pair.js'
import { call } from './call.js'

const main = join(packageRoot, 'dist', 'bundle', 'cli', 'main.js')
const folder = makePair()
const config = join(folder, 'x.yaml')
writeFileSync(
  config,
  `name: own
models: [{ name: llama3, base: base, post: post, tasks: [items.jsonl] }]
editors: [{ editor: dare, drop_rate: [0.5, 0.9] }, { editor: magnitude, drop_rate: 0.5 }]
seeds: 2
score: { items: 6 }
loss: { items: 6 }
`,
)
after(() => rmSync(folder, { recursive: true }))

async function run(...words: string[]): Promise<{ status: number; out: string; err: string }> {
  const { status, stdout, stderr } = await call(words, { cwd: folder })
  return { status, out: stdout, err: stderr }
}

test('plan lists every run and reads no weights', async () => {
  rmSync(join(folder, 'results'), { recursive: true, force: true })
  const { status, out } = await run('plan', 'x.yaml')
  assert.equal(status, 0)
  assert.equal(out.split('\n').filter((line) => /^[0-9a-f]{12} {2}llama3 {2}items {2}/.test(line)).length, 5)
  assert.match(out, /\n5 runs, [\d,]+ tokens, /)
  const { runs, cost } = JSON.parse((await run('plan', 'x.yaml', '--json')).out) as {
    runs: { id: string; seed: number | null }[]
    cost: { runs: number }
  }
  assert.deepEqual([runs.map((run) => run.seed), cost.runs], [[1, 2, 1, 2, null], 5])
  assert.ok(!existsSync(join(folder, 'results')))
})

test('Ctrl-C stops with exit code 130 and says how to go on; the same command finishes with table, paths and figure', async () => {
  const running = spawn(process.execPath, [main, 'sweep', 'x.yaml', '--jobs', '1', '--verbose'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let err = ''
  running.stderr.on('data', (text: Buffer) => {
    if (!err.includes('run 1 of 5') && String(text).includes('run 1 of 5')) running.kill('SIGINT')
    err += String(text)
  })
  const status = await new Promise((resolve) => running.on('exit', resolve))
  assert.equal(status, 130, err)
  assert.match(err, /deltalab: stopped; \d of 5 runs are done; run the same command again to resume\n$/)

  const finished = await run('sweep', 'x.yaml', '--jobs', '2')
  assert.equal(finished.status, 0, finished.err)
  assert.match(finished.out, /\| dare +\| +0\.9 \|/)
  const paths = finished.out.trim().split('\n').slice(-4)
  assert.deepEqual(
    paths,
    ['runs.csv', 'table.md', 'figure.svg', 'figure.png'].map((file) => join('results', 'own', file)),
  )
  for (const path of paths) assert.ok(existsSync(join(folder, path)), path)
  assert.equal(readFileSync(join(folder, 'results', 'own', 'config.yaml'), 'utf8'), readFileSync(config, 'utf8'))
})

test('a config that asks for other drop rates runs the new ones alone; the files are those of a new folder', async () => {
  const results = (out: string) => join(folder, 'results', out)
  const csv = (out: string) => withoutSeconds(readFileSync(join(results(out), 'runs.csv'), 'utf8'))
  writeFileSync(join(folder, 'y.yaml'), readFileSync(config, 'utf8').replace('[0.5, 0.9]', '[0.5, 0.7]'))
  const [grown, fresh] = [await run('sweep', 'y.yaml'), await run('sweep', 'y.yaml', '--out', 'results/fresh')]
  assert.deepEqual([grown.status, fresh.status], [0, 0], grown.err)
  assert.match(
    grown.err,
    /^note: \S+own: 3 of 5 runs have their row from an earlier start, 2 to do\nnote: \S+own: 2 rows are not asked for any more\nnote: rows that are not used are kept in \S+unused; --prune deletes them\n/,
  )
  assert.equal(csv('own'), csv('fresh'))
  for (const name of ['terms.csv', 'table.md', 'table.csv', 'figure.svg', 'figure.png', 'config.yaml'])
    assert.ok(readFileSync(join(results('own'), name)).equals(readFileSync(join(results('fresh'), name))), name)
  const [apart] = readdirSync(join(results('own'), 'unused'))
  assert.match((await run('table', join(results('own'), 'unused', apart!))).out, /\n\| dare /)

  writeFileSync(
    join(folder, 'y.yaml'),
    readFileSync(join(folder, 'y.yaml'), 'utf8').replace('score: { items: 6 }', 'score: { items: 5 }'),
  )
  const other = await run('sweep', 'y.yaml', '--prune')
  assert.match(other.err, /note: \S+own: 5 rows cannot be reused: score\.items was 6, is 5\n/)
  assert.match(other.err, /note: \S+own: 7 rows that no config asks for deleted\n/)
  assert.ok(!existsSync(join(results('own'), 'unused')))
  writeFileSync(join(folder, 'y.yaml'), readFileSync(config, 'utf8').replace('name: own', 'name: mine'))
  const refused = await run('sweep', 'y.yaml', '--out', 'results/own')
  assert.deepEqual(
    [refused.status, refused.err],
    [
      1,
      `deltalab: ${join('results', 'own')} holds the experiment own, and this one is mine: give another folder with --out, or delete this one\n`,
    ],
  )
})

test('runs whose editor degenerates are said once at the end, and again when the folder is opened again', async () => {
  const yaml = readFileSync(config, 'utf8')
    .replace('name: own', 'name: warn')
    .replace(/editors: .*/, 'editors: [{ editor: magnitude, drop_rate: [0.5, 0.999] }]')
  writeFileSync(join(folder, 'warn.yaml'), yaml)
  const { status, err } = await run('sweep', 'warn.yaml', '--jobs', '1')
  assert.equal(status, 0, err)
  // A norm of 48 entries keeps int(0.048) of them.
  assert.match(
    err,
    /deltalab: 1 of 2 runs warn \(see the column warnings\), the first: magnitude: magnitude keeps none of 48 entries \(\S+norm\.weight and 6 more\)\n$/,
  )
  const { warnings } = JSON.parse((await run('sweep', 'warn.yaml', '--jobs', '1', '--json')).out) as {
    warnings: { label: string; warnings: string }[]
  }
  assert.deepEqual(
    warnings.map(({ label }) => label),
    ['magnitude'],
  )
})

test('an experiment with failed runs ends with exit code 3 and says why', async () => {
  writeFileSync(
    join(folder, 'bad.yaml'),
    readFileSync(config, 'utf8').replace('name: own', 'name: bad').replace('post: post', 'post: nan'),
  )
  spawnSync('cp', ['-r', join(folder, 'post'), join(folder, 'nan')])
  const bytes = readFileSync(join(folder, 'post', 'model.safetensors'))
  bytes.writeFloatLE(NaN, bytes.length - 4)
  writeFileSync(join(folder, 'nan', 'model.safetensors'), bytes)
  const { status, err } = await run('sweep', 'bad.yaml', '--jobs', '1')
  assert.equal(status, 3)
  assert.match(err, /deltalab: 5 of 5 runs failed/)
  assert.match(
    readFileSync(join(folder, 'results', 'bad', 'runs.csv'), 'utf8'),
    /nan\/model\.safetensors: tensor .* holds 1 NaN or Inf/,
  )
})

test('eval says loss and score', async () => {
  assert.match(
    (await run('eval', 'post', '--task', 'items.jsonl')).out,
    /^post on items: exact_match 0\.0 % \(± 0\.0\) on 6 items, loss 5\.\d{4} nats per token over the 17 tokens of the answers\n$/,
  )
  const measured = JSON.parse((await run('eval', 'post', '--task', 'items.jsonl', '--items', '2', '--json')).out) as {
    items: number
    tokens: number
  }
  assert.deepEqual([measured.items, measured.tokens], [2, 5])
})

test('eval in a results folder counts what a sweep measured; another folder is refused', async () => {
  const words = ['eval', 'post', '--task', 'items.jsonl', '--json']
  const results = join('results', 'own')
  const known = readdirSync(join(folder, results, 'measured'))
  const kept = await run(...words, '--results', results)
  assert.equal(kept.status, 0, kept.err)
  assert.deepEqual(JSON.parse(kept.out), JSON.parse((await run(...words)).out))
  assert.deepEqual(readdirSync(join(folder, results, 'measured')), known, 'the sweep measured it')
  const { status, err } = await run(...words, '--results', 'post')
  assert.deepEqual(
    [status, err],
    [2, 'deltalab: --results must be the results folder of a sweep; post has no meta.json\n'],
  )
})

test('attribute lists the largest terms first, sums by role, and draws them', async () => {
  const words = [
    'attribute',
    'base',
    'post',
    '--task',
    'items.jsonl',
    '--editor',
    'dare',
    '--drop',
    '0.5',
    '--seed',
    '1',
    '--include',
    'linear',
  ]
  const { row, terms } = JSON.parse((await run(...words, '--json')).out) as { row: Row; terms: Term[] }
  assert.equal(terms.length, 21)
  assert.deepEqual(
    terms.map(({ term }) => Math.abs(term)),
    terms.map(({ term }) => Math.abs(term)).sort((a, b) => b - a),
  )
  assertClose(
    terms.reduce((sum, { term }) => sum + term, 0),
    row.riemann_sum!,
    { tolerance: 1e-9 },
  )
  const { out, err } = await run(...words, '--out', 'chart')
  assert.ok(out.indexOf(terms[0]!.tensor) < out.indexOf(terms[1]!.tensor))
  assert.match(out, /tensors +parameters +role\n(.*(attention|mlp)\n){2}/)
  assert.match(
    out,
    /exact loss change [+-]\S+ ± \S+ \(.*6 items of items\): (competitive|decreased|improved)\nTerm: .*above 0 is worse.*\nClass: decreased \(worse\).*\n$/,
  )
  const left = 'note: linear leaves out 2 tensors of two or more dimensions: 1 embedding, 1 head'
  const doubt = 'warning: the class is undecided: within one standard error of the border to another; more items decide'
  assert.deepEqual(err.trim().split('\n'), [left, doubt, join('chart', 'terms.svg'), join('chart', 'terms.png')])
  assert.match((await run(...words, '--out', 'post')).err, /post is the folder of a model \(it holds config\.json\)/)
})
