// A delta file in a repository of the hub, beside its base or in one of its own, in place of a model.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { apply, attribute, compress, inspect, merge } from '../../src/api/index.js'
import { loadExperiment } from '../../src/config/index.js'
import { UserError } from '../../src/errors/index.js'
import { remoteFile } from '../../src/hub/index.js'
import { forecastInputs, listDownloads, openInputs } from '../../src/plan/index.js'
import { temporary } from '../checkpoint/files.js'
import { type Files, startHub } from '../hub/loopback.js'

const root = temporary()
const at = (name: string): string => join(root, name)
const [base, post] = ['checkpoints/small/base', 'checkpoints/small/math']

await compress(base, post, { out: at('math.delta'), jobs: 1 })
const delta = readFileSync(at('math.delta'))
const files: Files = Object.fromEntries(readdirSync(base).map((name) => [name, readFileSync(join(base, name))]))
const hub = await startHub({
  'models/org/base': { ...files, 'deltas/math.delta': delta },
  'models/org/tuned': { 'README.md': '', 'math.delta': delta },
  'models/org/tuned@v1': { 'math.delta': delta },
  'models/org/other': { 'notes.txt': 'no delta' },
})
after(() => hub.close())
Object.assign(process.env, { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: at('cache'), HF_TOKEN: '' })

const refused = (pattern: RegExp) => (error: unknown) =>
  error instanceof UserError && pattern.test(error.message) && !error.message.includes('\n')
const task = { task: 'math', items: 1, steps: 1 }

test('names of files: repository, revision and path; a path of this machine comes first', () => {
  const found = remoteFile('org/tuned@v1:deltas/math.delta')
  assert.deepEqual(found, {
    repository: { type: 'model', name: 'org/tuned', revision: 'v1' },
    path: 'deltas/math.delta',
  })
  for (const text of ['org/tuned', 'C:/models/math.delta', 'test/sources:math.delta', './a:b', 'org/base+org/tuned:x'])
    assert.equal(remoteFile(text), null, text)
  writeFileSync(at('gpt2:own.delta'), '')
  assert.equal(remoteFile('gpt2:own.delta', root), null)
  assert.throws(() => remoteFile('org/tuned:../math.delta'), refused(/"\.\.\/math\.delta" is no path of a file/))
})

test('inspect, attribute, merge and apply give what the local file gives; it is downloaded once', async () => {
  const found = []
  for (const name of ['org/tuned:math.delta', at('math.delta')]) {
    const { tensors } = await inspect({ base, post: name })
    const { row, terms } = await attribute({ base, post: name }, { editor: 'dare', drop_rate: 0.5 }, task)
    await merge(
      { merge_method: 'linear', models: [{ model: `${base}+${name}`, parameters: { weight: 1 } }] } as never,
      {
        out: at('merged'),
        overwrite: true,
      },
    )
    await apply(base, name, { out: at('applied'), overwrite: true, jobs: 1 })
    const rest = JSON.stringify(row, (key, each) => (/^(id|model|seconds)$/.test(key) ? null : each))
    const weights = ['merged', 'applied'].map((folder) => readFileSync(at(`${folder}/model.safetensors`)))
    found.push({ tensors, terms, rest, weights })
  }
  assert.deepEqual(found[0], found[1])
  const sent = hub.requests.filter((path) => path.startsWith('/org/tuned/resolve/') && !path.endsWith('bytes=0-0'))
  assert.equal(sent.length, 1, sent.join('\n'))
})

test('beside its base on the hub, and of a revision; a sweep knows what it downloads', async () => {
  const { tensors } = await inspect({ base: 'org/base', post: 'org/base:deltas/math.delta' })
  assert.ok(tensors.length > 0)
  const models = ['org/tuned@v1:math.delta', 'org/base+org/tuned@v1:math.delta'].map((post, i) => ({
    name: `math-${i}`,
    base: 'org/base',
    post,
    tasks: ['math'],
  }))
  writeFileSync(
    at('sweep.yaml'),
    JSON.stringify({
      name: 'far',
      models,
      editors: [{ editor: 'dare', drop_rate: 0.5 }],
      loss: { items: 1 },
      score: false,
    }),
  )
  const experiment = await loadExperiment(at('sweep.yaml'))
  const downloads = await listDownloads(experiment)
  assert.deepEqual(
    downloads.map(({ model, files, weights }) => [model, files, weights]),
    [
      ['org/base', 0, files['model.safetensors']!.length],
      ['org/tuned@v1:math.delta', 1, delta.length],
    ],
  )
  assert.equal((await forecastInputs(experiment, downloads)).inputs.length, 2)
  assert.equal(existsSync(at('cache/models--org--tuned/refs/v1')), false, 'a forecast downloads no weights')
  assert.equal((await openInputs(experiment)).length, 2)
  assert.ok(existsSync(at(`cache/models--org--tuned/refs/v1`)))
})

test('what is not there, is no delta, or cannot be asked for is said in one line', async () => {
  const inspected = (name: string) => inspect({ base, post: name })
  await assert.rejects(
    inspected('org/tuned:maths.delta'),
    refused(/^org\/tuned has no file or folder maths\.delta; it has math\.delta$/),
  )
  await assert.rejects(
    inspected('org/tuned'),
    refused(/org\/tuned holds no weights in a folder.*org\/tuned:math\.delta$/),
  )
  await assert.rejects(
    inspected('org/base:model.safetensors'),
    refused(/is the weights of a model; org\/base is the model$/),
  )
  await assert.rejects(inspected('org/none:math.delta'), refused(/^model org\/none: .* has no such model/))
  await assert.rejects(
    inspect({ base: 'org/tuned:math.delta', post }),
    refused(
      /^org\/tuned:math\.delta: is a delta file of the base "\w+", .*: write <folder of the base>\+org\/tuned:math\.delta$/,
    ),
  )
  await assert.rejects(inspected('org/other:notes.txt'), refused(/notes\.txt/))
  process.env.HF_HUB_OFFLINE = '1'
  try {
    assert.equal((await inspected('org/tuned:math.delta')).tensors.length > 0, true)
    await assert.rejects(
      inspected('org/tuned:more.delta'),
      refused(/^model org\/tuned, more\.delta: it is not in .*cache, and HF_HUB_OFFLINE/),
    )
  } finally {
    delete process.env.HF_HUB_OFFLINE
  }
})
