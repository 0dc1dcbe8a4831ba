// `deltalab plan` with models of a hub in this process: sizes are told, weights stay there, and without a hub it is one line.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Cost, Download } from '../../src/plan/index.js'
import { type Files, type Loopback, startHub } from '../hub/loopback.js'
import { call } from './call.js'

const root = mkdtempSync(join(tmpdir(), 'plan-cli-'))
const cache = join(root, 'cache')
const folderOf = (name: string): Files =>
  Object.fromEntries(
    readdirSync(join('checkpoints/small', name)).map((file) => [
      file,
      readFileSync(join('checkpoints/small', name, file)),
    ]),
  )
const { 'model.safetensors': weights, ...rest } = folderOf('math')
let hub: Loopback
before(async () => {
  hub = await startHub({
    'models/tiny/base': folderOf('base'),
    'models/tiny/math': { ...rest, 'model.safetensors': weights! },
    'models/tiny/old': { ...rest, 'flax_model.msgpack': 'x' },
  })
})
after(async () => {
  await hub.close()
  rmSync(root, { recursive: true })
})

const write = (name: string, post: string, task = 'math') => {
  const file = join(root, `${name}.yaml`)
  const [base, edits] = ['tiny/base', [{ editor: 'dare', drop_rate: [0.5, 0.9] }]]
  writeFileSync(
    file,
    JSON.stringify({
      name,
      models: [{ name, base, post, tasks: [task] }],
      editors: edits,
      seeds: 2,
      score: { items: 8 },
      loss: { items: 8 },
    }),
  )
  return file
}
const plan = async (file: string, environment: NodeJS.ProcessEnv = {}) => {
  const env = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache, HF_TOKEN: '', ...environment }
  const { status, stdout, stderr } = await call(['plan', ...file.split(' ')], { env })
  return { status, out: stdout, err: stderr }
}
/** Requests of weights, by what was asked of them. */
const ofWeights = () => hub.requests.filter((request) => request.includes('safetensors'))

test('sizes come from the hub, cost from configuration, tokenizer and tasks; no byte of a weight is asked for', async () => {
  const file = write('tiny', 'tiny/math')
  const { runs, downloads, obstacles, cost } = JSON.parse((await plan(`${file} --json`)).out) as {
    runs: object[]
    downloads: Download[]
    obstacles: string[]
    cost: Cost
  }
  assert.equal(runs.length, 4)
  assert.deepEqual(obstacles, [])
  const own = (files: Files) =>
    Object.entries(files).filter(([name]) => !['loss.csv', '.deltalab.json'].includes(name) && name !== 'README.md')
  const bytesOf = (files: Files) => own(files).reduce((sum, [, content]) => sum + content.length, 0)
  assert.deepEqual(
    downloads.map(({ model, bytes }) => [model, bytes]),
    [
      ['tiny/base', bytesOf(folderOf('base'))],
      ['tiny/math', bytesOf(folderOf('math'))],
    ],
  )
  assert.equal(cost.bytes, folderOf('base')['model.safetensors']!.length + weights!.length)
  assert.deepEqual(ofWeights(), [])

  // The same experiment on folders costs the same.
  const local = join(root, 'local.yaml')
  const [base, post] = ['base', 'math'].map((name) => join(process.cwd(), 'checkpoints/small', name))
  writeFileSync(
    local,
    JSON.stringify({
      ...(JSON.parse(readFileSync(file, 'utf8')) as object),
      models: [{ name: 'tiny', base, post, tasks: ['math'] }],
    }),
  )
  const { cost: here } = JSON.parse((await plan(`${local} --json`)).out) as { cost: Cost }
  assert.deepEqual([cost.runs, cost.tokens, cost.flops], [here.runs, here.tokens, here.flops])
})

test('in words: what is downloaded of each model, and all of it', async () => {
  const { status, out } = await plan(write('tiny', 'tiny/math'))
  assert.equal(status, 0)
  assert.equal(out.split('\n').filter((line) => /^[0-9a-f]{12} {2}tiny {2}math {2}dare: /.test(line)).length, 4)
  assert.match(
    out,
    /\ndownload tiny\/base: \d files, 1\.7 MB\ndownload tiny\/math: 1 files, 1\.7 MB\n\n3\.4 MB to download\n4 runs, [\d,]+ tokens, /,
  )
  assert.match(out, /; 3\.4 MB of weights to read\n$/)
  assert.deepEqual(ofWeights(), [])
})

test('what a sweep would refuse is told beside the plan', async () => {
  const { status, out } = await plan(write('old', 'tiny/old'))
  assert.equal(status, 0)
  assert.match(
    out,
    /\nproblem: tiny\/old holds neither model\.safetensors nor pytorch_model\.bin: convert its weights, and give the folder\n/,
  )
  const classes = await plan(write('classes', 'tiny/math', 'sentiment'))
  assert.match(
    classes.out,
    /\nproblem: classes, tiny\/math: task sentiment needs a model that classifies, and this one generates text\n/,
  )
})

test('the eight vision sets of configs/paper are planned without an image: 8 sets × (45 edits + base + post) × 30,000 images × 50 patches', async () => {
  const tower = {
    architectures: ['CLIPVisionModel'],
    model_type: 'clip_vision_model',
    hidden_size: 768,
    intermediate_size: 3072,
    num_hidden_layers: 12,
    num_attention_heads: 12,
  }
  const post = {
    'config.json': JSON.stringify({ ...tower, image_size: 224, patch_size: 32 }),
    'model.safetensors': Buffer.alloc(3000),
  }
  const base = {
    ...rest,
    'config.json': '{"model_type": "clip", "architectures": ["CLIPModel"]}',
    'preprocessor_config.json': '{"do_center_crop": true}',
    'model.safetensors': Buffer.alloc(5000),
  }
  const sets = ['sun397', 'stanford-cars', 'resisc45', 'eurosat', 'svhn', 'gtsrb', 'mnist', 'dtd']
  const clip = await startHub({
    'models/openai/clip-vit-base-patch32': base,
    ...Object.fromEntries(sets.map((set) => [`models/tanganke/clip-vit-base-patch32_${set}`, post])),
  })
  const { out } = await plan('configs/paper/extended-dare-vision.yaml --json', { HF_ENDPOINT: clip.endpoint })
  await clip.close()
  const { obstacles, cost } = JSON.parse(out) as { obstacles: string[]; cost: Cost }
  assert.deepEqual([cost.runs, cost.tokens, cost.bytes], [360, 8 * 47 * 30_000 * 50, 8 * (3000 + 5000)])
  assert.deepEqual(obstacles, [])
})

test('without the hub: the runs, their number, and one line that says so', async () => {
  const { status, out, err } = await plan(write('tiny', 'tiny/math'), {
    HF_ENDPOINT: 'http://127.0.0.1:9',
    HF_HUB_CACHE: join(root, 'none'),
  })
  assert.equal(status, 1)
  assert.match(out, /\n4 runs\n$/)
  assert.match(err, /^deltalab: model tiny\/base: the hub at http:\/\/127\.0\.0\.1:9 cannot be reached \(.*\n$/)
  assert.ok(!existsSync(join(root, 'none')))
})
