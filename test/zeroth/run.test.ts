// The whole way on the miniature base: a recipe, its files, and the checkpoint that `deltalab rebuild` makes of one of them.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { compress } from '../../src/api/index.js'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { openDelta, reportDelta } from '../../src/delta/index.js'
import { openModel } from '../../src/sources/index.js'
import { readPoint, readSeeds, rebuild, runZeroth, zerothSchema } from '../../src/zeroth/index.js'
import { BACKEND } from '../backend.js'

const folder = mkdtempSync(join(tmpdir(), 'zeroth-run-'))
after(() => rmSync(folder, { recursive: true }))

const base = fileURLToPath(new URL('../../../checkpoints/small/base', import.meta.url))
const main = fileURLToPath(new URL('../../bundle/cli/main.js', import.meta.url))
const deltalab = (...words: string[]) => promisify(execFile)(process.execPath, [main, ...words], { cwd: folder })

const recipe = (base: string) => `name: tiny
from: ${base}
items: ${fileURLToPath(new URL('../../../checkpoints/tasks/code.train.jsonl', import.meta.url))}
training_items: 8
batch: 2
task: math
held_out: 2
runs:
  - { name: mezo, method: mezo, steps: 2, learning_rate: 1.0e-4 }
  - { name: fedkseed, method: fedkseed, pool: 16, clients: 2, participants: 1, rounds: 1, local_steps: 2, learning_rate: 1.0e-4 }
`

test('zeroth writes losses, a summary and deltas; rebuild makes the weights of the trainer, of that base only', async () => {
  writeFileSync(join(folder, 'tiny.yaml'), recipe(base))
  const { stdout, stderr } = await deltalab('zeroth', 'tiny.yaml', '--out', 'out', '--backend', BACKEND, '--json')
  assert.doesNotMatch(stderr, /warning/)
  const { results } = JSON.parse(stdout)
  assert.deepEqual(
    results.map(({ name, scalars, rebuilt_exactly: exact }: any) => [name, scalars, exact]),
    [
      ['mezo', 2, true],
      ['fedkseed', 16, true],
    ],
  )
  assert.deepEqual(readdirSync(join(folder, 'out')).sort(), [
    'config.yaml',
    'fedkseed.safetensors',
    'losses.csv',
    'mezo.safetensors',
    'summary.json',
  ])
  assert.deepEqual(
    readFileSync(join(folder, 'out/losses.csv'), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(',').slice(0, 2).join()),
    ['run,step', 'mezo,1', 'mezo,2', 'fedkseed,2'],
  )

  const files = ['losses.csv', 'summary.json', 'mezo.safetensors'].map((file) =>
    readFileSync(join(folder, 'out', file)),
  )
  writeFileSync(join(folder, 'longer.yaml'), recipe(base).replace('rounds: 1', 'rounds: 2'))
  const more = await deltalab('zeroth', 'longer.yaml', '--out', 'out', '--backend', BACKEND, '--json')
  assert.deepEqual(JSON.parse(more.stdout).results[0], results[0], 'a run of the same settings is not made again')
  await deltalab('zeroth', 'tiny.yaml', '--out', 'fresh', '--backend', BACKEND)
  assert.deepEqual(readFileSync(join(folder, 'fresh/losses.csv')), files[0])
  assert.deepEqual(readFileSync(join(folder, 'out/mezo.safetensors')), files[2])

  await deltalab('rebuild', base, 'out/mezo.safetensors', '--out', 'tuned')
  const tuned = await openCheckpoint(join(folder, 'tuned'))
  const { point } = await readPoint(base)
  for (const [name, values] of await rebuild(point, await readSeeds(join(folder, 'out/mezo.safetensors'))))
    assert.deepEqual(await tuned.read(name), values)
  await tuned.close()

  const weights = readFileSync(join(folder, 'tuned/model.safetensors'))
  await deltalab('compress', base, 'out/mezo.safetensors', '--codec', 'seeds', '--out', 'tuned.delta')
  assert.ok(statSync(join(folder, 'tuned.delta')).size < 0.01 * weights.length)
  const { tensors } = reportDelta(await openDelta(join(folder, 'tuned.delta')))
  assert.deepEqual(
    tensors.map(({ codec, stored, error }) => [codec, stored, error]),
    tensors.map((_, i) => ['seeds', i ? 0 : 8, 0]),
    'two scalars, once',
  )
  await deltalab('apply', base, 'tuned.delta', '--out', 'applied')
  assert.ok(readFileSync(join(folder, 'applied/model.safetensors')).equals(weights))
  const opened = await openModel(`${base}+${join(folder, 'tuned.delta')}`)
  const [name, values] = [...point].at(-1)!
  assert.deepEqual(await opened.read(name), values)
  await opened.close()
  await assert.rejects(
    deltalab('compress', base, 'tuned', '--codec', 'seeds', '--out', 'no.delta'),
    /no such file|is a folder|is not a delta of seeds/,
  )
  await assert.rejects(
    deltalab('compress', base, 'out/mezo.safetensors', '--codec', 'seeds', '--include', 'linear', '--out', 'no.delta'),
    /--codec seeds takes no --include; leave it out/,
  )
  await assert.rejects(
    compress(base, join(folder, 'out/mezo.safetensors'), {
      out: join(folder, 'no.delta'),
      codec: { codec: 'seeds' },
      include: ['linear'],
    }),
    /codec seeds stores all tensors.*leave out `include`/,
  )
  await assert.rejects(
    deltalab('compress', 'tuned', 'out/mezo.safetensors', '--codec', 'seeds', '--out', 'no.delta'),
    /belongs to another base/,
  )

  await assert.rejects(
    deltalab('rebuild', 'tuned', 'out/mezo.safetensors', '--out', 'other'),
    /belongs to another base/,
  )
  cpSync(base, join(folder, 'copy'), { recursive: true })
  writeFileSync(
    join(folder, 'copy/config.json'),
    JSON.stringify(JSON.parse(readFileSync(join(base, 'config.json'), 'utf8'))),
  )
  await deltalab('rebuild', 'copy', 'out/mezo.safetensors', '--out', 'again')
})

test('a recipe is refused with its line before anything is read', async () => {
  writeFileSync(join(folder, 'bad.yaml'), recipe(base).replace('steps: 2', 'step: 2'))
  await assert.rejects(deltalab('zeroth', 'bad.yaml'), /bad\.yaml:\d+:\d+/)
  writeFileSync(join(folder, 'eight.jsonl'), '{"prompt":"1+1=","target":"2"}\n'.repeat(8))
  const few = recipe(base)
    .replace(/items: .*jsonl/, 'items: eight.jsonl')
    .replace('training_items: 8', 'training_items: 9')
  writeFileSync(
    join(folder, 'bad.yaml'),
    few.replace('clients: 2', 'clients: 9').replace('held_out: 2', 'held_out: 9000'),
  )
  await assert.rejects(deltalab('zeroth', 'bad.yaml', '--out', 'none'), ({ stderr }) => {
    assert.match(stderr, /warning: training_items is 9, and eight\.jsonl has 8 items: all of them are used/)
    assert.match(stderr, /warning: held_out is 9000, and math has 512 items: all of them are used/)
    assert.match(stderr, /bad\.yaml:\d+:\d+: runs\[1\]\.clients: each client needs an item, and there are 8; got 9/)
    return true
  })
  cpSync(base, join(folder, 'model'), { recursive: true })
  writeFileSync(join(folder, 'model.yaml'), recipe('model'))
  await assert.rejects(deltalab('zeroth', 'model.yaml', '--out', 'model'), /: model is the folder of a model/)
  await assert.rejects(deltalab('zeroth', 'zeroth-ordr'), /no recipe of that name ships; did you mean "zeroth-order"\?/)
})

test('a run that cannot be made leaves no folder, nor steps that stand in the way of the next', async () => {
  const [out, given] = [join(folder, 'left'), parse(recipe(base)) as object]
  const start = (changes: object) =>
    runZeroth(zerothSchema.parse({ ...given, ...changes }), { root: folder, out, backend: BACKEND })
  await assert.rejects(start({ task: 'digit' }), {
    message: /task digit needs a model that classifies/,
    path: ['task'],
  })
  const [run] = zerothSchema.parse(given).runs
  await assert.rejects(start({ runs: [{ ...run, learning_rate: 1e9 }] }), /mezo: the loss is NaN or infinite/)
  assert.ok(!existsSync(out))
})
