// Downloads from a hub in this process: resume after a cut, checksums, the cache, and every way it can fail.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { UserError } from '../../src/errors/index.js'
import {
  type HubSettings,
  modelName,
  planModel,
  readSettings,
  remoteModel,
  resolveCompanions,
  resolveDataset,
  resolveModel,
} from '../../src/hub/index.js'
import { type Loopback, startHub } from './loopback.js'

const weights = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251))
const model = {
  'config.json': '{"model_type":"llama"}',
  'model.safetensors': weights,
  'pytorch_model.bin': 'x',
  'original/params.json': '{}',
}
const below = (folder: string, files: Record<string, string>) =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [`${folder}/${path}`, text]))
const root = mkdtempSync(join(tmpdir(), 'hub-'))
let hub: Loopback
before(async () => {
  hub = await startHub({
    'models/org/whole': model,
    'models/org/cut': model,
    'models/org/lies': model,
    'models/org/busy': model,
    'models/org/bin': { 'pytorch_model.bin': 'x', 'config.json': '{}' },
    'models/org/both': { 'pytorch_model.bin': 'x', 'model.safetensors': 'y' },
    'models/org/below': {
      'model.safetensors.index.json': '{"weight_map":{"a":"sub/model-00001-of-00001.safetensors"}}',
      'sub/model-00001-of-00001.safetensors': 'x',
    },
    'models/org/flax': { 'flax_model.msgpack': 'x' },
    'models/org/gguf': { 'a-Q4_K_M.gguf': 'x', 'a-Q8_0.gguf': 'x' },
    'models/org/parts': { 'a-00001-of-00002.gguf': 'x', 'a-00002-of-00002.gguf': 'y', 'b-00001-of-00002.gguf': 'z' },
    'models/org/pipe': {
      'model_index.json': '{}',
      ...Object.fromEntries(
        ['config.json', 'model.safetensors', 'model.fp16.safetensors', 'pytorch_model.bin'].map((name) => [
          `text_encoder/${name}`,
          '{"model_type":"clip_text_model"}',
        ]),
      ),
      'tokenizer/tokenizer.json': '{}',
      'unet/diffusion_pytorch_model.safetensors': 'x',
    },
    'models/org/variant': { 'config.json': '{}', 'model.fp16.safetensors': 'x' },
    'models/org/gated': null,
    'models/bare': { ...model, 'config.json': '{"model_type":"gpt2"}' },
    [`models/org/pull@${'d'.repeat(40)}`]: model,
    'models/org/pull': { 'README.md': '' },
    'datasets/org/rows': {
      'README.md': '',
      'main/train-00000-of-00001.jsonl': '{}\n',
      'main/test-00000-of-00002.jsonl': '{"a":1}\n',
      'main/test-00001-of-00002.jsonl': '{"a":2}\n',
      'other/test.csv': 'a\n1\n',
    },
    'datasets/org/two': { 'data/test.jsonl': '{}\n', 'data/train.jsonl': '{}\n' },
    'datasets/org/single': { 'input_data.jsonl': '{"b":1}\n' },
    'datasets/org/script': { 'script.py': 'pass' },
    'datasets/org/script@refs/convert/parquet': { 'big/validation/0000.parquet': 'PAR1' },
    [`datasets/org/script@${'d'.repeat(40)}`]: { 'big/validation/0000.parquet': 'PAR1' },
  })
})
after(async () => {
  await hub.close()
  rmSync(root, { recursive: true })
})

let caches = 0
const settingsFor = (more: Partial<HubSettings> = {}): HubSettings => ({
  endpoint: hub.endpoint,
  cache: join(root, String(caches++)),
  offline: false,
  ...more,
})
const refused = (pattern: RegExp) => (error: unknown) =>
  error instanceof UserError && pattern.test(error.message) && !error.message.includes('\n')

test('a model by name becomes a folder of the cache: configuration and safetensors, nothing else', async () => {
  const settings = settingsFor()
  const seen: [string, number, number][] = []
  const folder = await resolveModel('org/whole', { settings, onDownload: (...each) => seen.push(each) })
  assert.equal(folder, join(settings.cache, 'models--org--whole', 'snapshots', 'c'.repeat(40)))
  assert.deepEqual(readdirSync(folder).sort(), ['config.json', 'model.safetensors'])
  assert.deepEqual(readFileSync(join(folder, 'model.safetensors')), weights)
  assert.deepEqual(seen.at(-1), ['model.safetensors', 22 + weights.length, 22 + weights.length])

  const asked = hub.requests.length
  assert.equal(await resolveModel('org/whole', { settings }), folder)
  assert.deepEqual(
    hub.requests.slice(asked).filter((request) => request.includes('/resolve/')),
    [],
    'what is there is not asked for again',
  )
  assert.deepEqual(
    (await planModel('org/whole', settings))!.map(({ path, size }) => [path, size]),
    [
      ['config.json', 22],
      ['model.safetensors', weights.length],
    ],
  )
})

// As cached_files of transformers 5.18.0 brings them.
test('shards in a folder below come with the index that names them', async () => {
  const folder = await resolveModel('org/below', { settings: settingsFor() })
  assert.ok(existsSync(join(folder, 'sub', 'model-00001-of-00001.safetensors')))
})

test('weights that config.json names are downloaded, and no others', async () => {
  const config = (transformers_weights: unknown) => JSON.stringify({ transformers_weights })
  const index = 'q.safetensors.index.json'
  const files = {
    'model.safetensors': 'x',
    'own.safetensors': 'y',
    'q-1.safetensors': 'z',
    [index]: '{"weight_map":{"a":"q-1.safetensors"}}',
  }
  for (const [named, expected] of [
    ['own.safetensors', ['own.safetensors']],
    [index, ['q-1.safetensors', index]],
    [null, ['model.safetensors']],
  ] as const) {
    const settings = settingsFor()
    hub.add('models/org/named', { ...files, 'config.json': config(named) })
    hub.add('models/org/pipe2', { 'a/config.json': config(named), ...below('a', files) })
    const planned = (await planModel('org/named', settings))!
    assert.deepEqual(planned.map(({ path }) => path).sort(), ['config.json', ...expected])
    assert.ok(planned.every(({ here }) => !here))
    for (const name of ['org/named', 'org/pipe2:a'])
      assert.deepEqual(readdirSync(await resolveModel(name, { settings })).sort(), ['config.json', ...expected])
  }
  hub.add('models/org/named', { ...files, 'config.json': config('none.safetensors') })
  await assert.rejects(
    resolveModel('org/named', { settings: settingsFor() }),
    refused(/config\.json: transformers_weights names none\.safetensors, which the repository lacks/),
  )
})

test('a file of a repository is downloaded alone, or with the other parts of it', async () => {
  const settings = settingsFor()
  for (const [name, all] of [
    ['org/gguf:a-Q8_0.gguf', ['a-Q8_0.gguf']],
    ['org/parts:a-00002-of-00002.gguf', ['a-00001-of-00002.gguf', 'a-00002-of-00002.gguf']],
  ] as const) {
    const file = await resolveModel(name, { settings })
    assert.equal(file.endsWith(name.slice(name.indexOf(':') + 1)), true)
    assert.deepEqual(readdirSync(dirname(file)).sort(), all)
  }
})

test('a folder of a repository is a model; a variant is not downloaded beside it', async () => {
  const settings = settingsFor()
  const configs: unknown[] = []
  const check = (config: unknown) => void configs.push(config)
  const folder = await resolveModel('org/pipe:text_encoder/', { settings, check })
  assert.equal(basename(folder), 'text_encoder')
  assert.deepEqual(readdirSync(folder).sort(), ['config.json', 'model.safetensors'])
  assert.deepEqual(readdirSync(dirname(folder)), ['text_encoder'])
  assert.deepEqual(configs, [{ model_type: 'clip_text_model' }])
  const planned = (await planModel('org/pipe:text_encoder', settings))!
  assert.deepEqual(
    planned.map(({ path, here }) => [path, here]),
    [
      ['text_encoder/config.json', true],
      ['text_encoder/model.safetensors', true],
    ],
  )
  const tokenizer = await resolveCompanions('org/pipe:tokenizer', { settings })
  assert.deepEqual(readdirSync(tokenizer), ['tokenizer.json'])
  assert.equal(await resolveModel('org/pipe:text_encoder', { settings: { ...settings, offline: true } }), folder)
  const [unet, nowhere, weights] = ['unet', 'vae', 'text_encoder/model.safetensors'].map((path) => `org/pipe:${path}`)
  await assert.rejects(resolveModel(unet!, { settings }), refused(/org\/pipe:unet holds neither model\.safetensors/))
  await assert.rejects(resolveModel(nowhere!, { settings }), refused(/has no file or folder vae; it has model_index/))
  await assert.rejects(resolveModel(weights!, { settings }), refused(/org\/pipe:text_encoder is the model$/))
  assert.ok(existsSync(join(await resolveModel('org/variant', { settings }), 'model.fp16.safetensors')))
})

test('a download that is cut goes on from the bytes that are here, in the same call and in a later one', async () => {
  const settings = settingsFor()
  hub.cuts.set('model.safetensors', [100_000, 50_000])
  const start = hub.requests.length
  const folder = await resolveModel('org/cut', { settings })
  assert.deepEqual(readFileSync(join(folder, 'model.safetensors')), weights)
  const ranges = hub.requests
    .slice(start)
    .flatMap((request) => /model\.safetensors bytes=([1-9]\d*)-/.exec(request)?.[1] ?? [])
  assert.equal(ranges.length, 2)
  assert.ok(Number(ranges[0]) > 0 && Number(ranges[1]) > Number(ranges[0]), `asked for the rest: ${ranges.join(', ')}`)

  const later = settingsFor()
  hub.cuts.set('model.safetensors', [100_000, 0, 0, 0])
  await assert.rejects(
    resolveModel('org/cut', { settings: later }),
    refused(/model org\/cut@c+, model\.safetensors: the hub at http.* cannot be reached/),
  )
  const blobs = join(later.cache, 'models--org--cut', 'blobs')
  assert.ok(
    readdirSync(blobs).some((name) => name.endsWith('.incomplete')),
    'the part is kept',
  )
  assert.equal(
    existsSync(join(later.cache, 'models--org--cut', 'snapshots', 'c'.repeat(40), 'model.safetensors')),
    false,
  )
  assert.deepEqual(readFileSync(join(await resolveModel('org/cut', { settings: later }), 'model.safetensors')), weights)
})

test('starts that each bring something are not given up', async () => {
  hub.cuts.set('model.safetensors', [40_000, 40_000, 40_000, 40_000, 40_000])
  const folder = await resolveModel('org/cut', { settings: settingsFor() })
  assert.deepEqual(readFileSync(join(folder, 'model.safetensors')), weights)
})

test('a part that is too long is dropped at once, and that of a living process stays its own', async () => {
  /** Requests for the weights, with these parts in the cache. */
  const requestsWith = async (parts: Record<string, Buffer>) => {
    const settings = settingsFor()
    const blobs = join(settings.cache, 'models--org--whole', 'blobs')
    mkdirSync(blobs, { recursive: true })
    for (const [name, bytes] of Object.entries(parts)) writeFileSync(join(blobs, name), bytes)
    const start = hub.requests.length
    const folder = await resolveModel('org/whole', { settings })
    assert.deepEqual(readFileSync(join(folder, 'model.safetensors')), weights)
    return { count: hub.requests.slice(start).filter((each) => each.includes('model.safetensors')).length, blobs }
  }
  const { count, blobs } = await requestsWith({})
  const sum = readdirSync(blobs).find((name) => name.length === 64)!
  assert.equal((await requestsWith({ [`${sum}.incomplete`]: Buffer.alloc(weights.length + 1) })).count, count)
  const living = `${sum}.${process.pid}-99.incomplete`
  const beside = await requestsWith({ [living]: Buffer.alloc(10) })
  assert.ok(existsSync(join(beside.blobs, living)))
})

test('bytes that do not have the checksum are not taken', async () => {
  hub.lies.set('model.safetensors', Buffer.alloc(weights.length))
  try {
    await assert.rejects(
      resolveModel('org/lies', { settings: settingsFor() }),
      refused(/model\.safetensors: the bytes do not have the checksum/),
    )
  } finally {
    hub.lies.clear()
  }
})

test('a busy hub is asked again, wherever it is busy; one that stays busy is said', async () => {
  hub.busy.set('org/busy/revision', [429]).set('org/busy/tree', [503, 500]).set('org/busy/resolve', [429, 502])
  assert.deepEqual(
    readFileSync(join(await resolveModel('org/busy', { settings: settingsFor() }), 'model.safetensors')),
    weights,
  )
  hub.busy.set('org/busy/revision', [429, 429, 429])
  await assert.rejects(resolveModel('org/busy', { settings: settingsFor() }), refused(/answers 429/))
})

test('a cache that takes nothing is not called a lost connection', {
  skip: !existsSync('/dev/full') && 'no /dev/full',
}, async () => {
  const settings = settingsFor()
  const blobs = join(settings.cache, 'models--org--whole', 'blobs')
  const checksum = createHash('sha256').update(weights).digest('hex')
  mkdirSync(blobs, { recursive: true })
  symlinkSync('/dev/full', join(blobs, `${checksum}.incomplete`))
  await assert.rejects(
    resolveModel('org/whole', { settings }),
    refused(/model\.safetensors: cannot be written to .* \(the disk is full\); .*HF_HUB_CACHE/),
  )
  writeFileSync(join(root, 'file'), '')
  await assert.rejects(
    resolveModel('org/whole', { settings: { ...settings, cache: join(root, 'file') } }),
    refused(/a file stands in its place/),
  )
})

test('without the network an earlier download is taken; without one it is said what to do', async () => {
  const settings = settingsFor()
  const folder = await resolveModel('org/whole', { settings })
  const asked = hub.requests.length
  assert.equal(await resolveModel('org/whole', { settings: { ...settings, offline: true } }), folder)
  assert.equal(hub.requests.length, asked)
  assert.equal(await resolveModel('org/whole', { settings: { ...settings, endpoint: 'http://127.0.0.1:9' } }), folder)
  await assert.rejects(
    resolveModel('org/cut', { settings: { ...settings, offline: true } }),
    refused(/org\/cut: it is not in .*, and HF_HUB_OFFLINE .*forbids/),
  )
  await assert.rejects(
    resolveModel('org/cut', { settings: settingsFor({ endpoint: 'http://127.0.0.1:9' }) }),
    refused(/cannot be reached \((ECONNREFUSED|fetch failed|bad port)\)/),
  )
})

test('not found, gated and without weights are said in one line', async () => {
  const settings = settingsFor()
  await assert.rejects(
    resolveModel('org/none', { settings }),
    refused(
      /model org\/none: the hub at http.* has no such model for everyone; if it is private or gated, log in with `hf auth login`/,
    ),
  )
  await assert.rejects(
    resolveModel('org/gated', { settings }),
    refused(/org\/gated: it is gated: ask for access at http.*\/org\/gated, and log in .* set HF_TOKEN/),
  )
  await assert.rejects(
    resolveModel('org/gated', { settings: { ...settings, token: 'hf_bad' } }),
    refused(/it is gated: ask for access at http.*; the token in HF_TOKEN has none so far/),
  )
  await assert.rejects(
    resolveModel('org/flax', { settings }),
    refused(/org\/flax holds neither model\.safetensors nor pytorch_model\.bin; it has flax_model\.msgpack/),
  )
  await assert.rejects(
    resolveModel('org/gguf', { settings }),
    refused(
      /org\/gguf holds no weights in a folder.*\(a-Q4_K_M\.gguf, a-Q8_0\.gguf\): name the one that is meant, org\/gguf:a-Q4_K_M\.gguf$/,
    ),
  )
})

test('weights of torch are downloaded where there are no safetensors, and only then', async () => {
  const settings = settingsFor()
  const files = async (name: string) => readdirSync(await resolveModel(name, { settings })).sort()
  assert.deepEqual(await files('org/bin'), ['config.json', 'pytorch_model.bin'])
  assert.deepEqual(await files('org/both'), ['model.safetensors'])
})

test('paths stay paths', async () => {
  assert.equal(await resolveModel('checkpoints/small', { settings: settingsFor() }), 'checkpoints/small')
  for (const path of [
    'checkpoints/absent',
    './org/name',
    '/org/name',
    '../org/name',
    'a/b/c',
    'src',
    'a.json',
    './a',
    'a.',
  ])
    assert.equal(remoteModel(path), null, path)
  const remote = (text: string) => {
    const { name, revision } = remoteModel(text)!
    return [name, revision]
  }
  assert.deepEqual(remote('Qwen/Qwen2-7B@v1.0'), ['Qwen/Qwen2-7B', 'v1.0'])
  assert.deepEqual(remote('gpt2'), ['gpt2', 'main'])
  assert.deepEqual(remote('gpt2@refs/pr/2'), ['gpt2', 'refs/pr/2'])
  // With a revision it cannot be meant as a folder.
  assert.deepEqual(remote('src@main'), ['src', 'main'])
  assert.deepEqual(remote('checkpoints/name@main'), ['checkpoints/name', 'main'])
})

test('the split of a data set is found by the layouts of the hub, converted data too', async () => {
  const settings = settingsFor()
  const names = async (reference: string, choice: { split: string; config?: string; files?: string }) =>
    (await resolveDataset(reference, choice, { settings })).map((path) => path.split(/snapshots\/[cd]+\//)[1])
  assert.deepEqual(await names('org/rows', { config: 'main', split: 'test' }), [
    'main/test-00000-of-00002.jsonl',
    'main/test-00001-of-00002.jsonl',
  ])
  assert.deepEqual(await names('org/rows', { config: 'other', split: 'test' }), ['other/test.csv'])
  assert.deepEqual(await names('org/rows', { files: 'main/train*', split: 'test' }), [
    'main/train-00000-of-00001.jsonl',
  ])
  assert.deepEqual(await names('org/single', { split: 'train' }), ['input_data.jsonl'])
  assert.deepEqual(await names('org/script', { config: 'big', split: 'validation' }), ['big/validation/0000.parquet'])
  await assert.rejects(
    names('org/rows', { config: 'main', split: 'dev' }),
    refused(/no JSONL, CSV or Parquet file of the split dev of main/),
  )
  // What is in the cache of another split is not taken for this one, asked or not.
  assert.deepEqual(await names('org/two', { split: 'test' }), ['data/test.jsonl'])
  for (const offline of [false, true])
    await assert.rejects(
      resolveDataset('org/two', { split: 'dev' }, { settings: { ...settings, offline } }),
      refused(/no JSONL, CSV or Parquet file of the split dev was found/),
    )
  await assert.rejects(names('./rows', { split: 'dev' }), refused(/name or org\/name, .*; got ".\/rows"/))
  assert.deepEqual(
    (await resolveDataset('org/rows', { config: 'main', split: 'test' }, { settings: { ...settings, offline: true } }))
      .length,
    2,
    'from the cache alone',
  )
})

test('settings come from the variables of Hugging Face', () => {
  assert.deepEqual(
    readSettings({ HF_ENDPOINT: 'http://127.0.0.1:80/', HF_TOKEN: 'hf_x', HF_HOME: '/h', HF_HUB_OFFLINE: '1' }),
    {
      endpoint: 'http://127.0.0.1:80',
      token: 'hf_x',
      tokenFrom: 'HF_TOKEN',
      cache: '/h/hub',
      offline: true,
    },
  )
  assert.equal(readSettings({}).endpoint, 'https://huggingface.co')
  const of = (environment: Record<string, string>) => readSettings({ HF_HOME: join(root, 'home'), ...environment })
  mkdirSync(join(root, 'home'))
  assert.equal(of({}).token, undefined)
  writeFileSync(join(root, 'home', 'token'), ' hf_stored\r\n')
  writeFileSync(join(root, 'other'), 'hf_other')
  assert.deepEqual([of({}).token, of({}).tokenFrom], ['hf_stored', join(root, 'home', 'token')])
  assert.equal(of({ HF_TOKEN: '' }).token, 'hf_stored')
  assert.equal(of({ HF_TOKEN: 'own', HUGGING_FACE_HUB_TOKEN: 'hf_older' }).token, 'own')
  assert.equal(of({ HUGGING_FACE_HUB_TOKEN: 'hf_older' }).token, 'hf_older')
  assert.equal(of({ HF_TOKEN_PATH: join(root, 'other') }).token, 'hf_other')
  assert.equal(of({ HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }).token, undefined)
  assert.equal(readSettings({ XDG_CACHE_HOME: '/x' }).cache, '/x/huggingface/hub')
  assert.equal(readSettings({ HUGGINGFACE_HUB_CACHE: '/c' }).cache, '/c')
  assert.equal(readSettings({ HF_HOME: '~/h' }).cache, join(homedir(), 'h', 'hub'))
  assert.deepEqual(
    [{ TRANSFORMERS_OFFLINE: '1' }, { HF_HUB_OFFLINE: '0', TRANSFORMERS_OFFLINE: '1' }, {}].map(
      (each) => of(each).offline,
    ),
    [true, false, false],
  )
  assert.throws(() => readSettings({ HF_ENDPOINT: 'hub' }), refused(/HF_ENDPOINT must be an address/))
})

test('an address is refused with the name that it has', async () => {
  const settings = settingsFor()
  for (const [address, name] of [
    ['https://huggingface.co/org/whole', 'org/whole'],
    ['https://huggingface.co/org/whole/tree/main', 'org/whole'],
    ['https://hf.co/org/whole/blob/v1.0/config.json', 'org/whole@v1.0'],
    ['huggingface.co/org/whole/', 'org/whole'],
    ['hf://org/whole', 'org/whole'],
    ['https://huggingface.co/gpt2', 'gpt2'],
    ['https://huggingface.co/org/whole/tree/main/sub', 'org/whole:sub'],
    ['https://huggingface.co/org/whole/resolve/v1/a.gguf', 'org/whole@v1:a.gguf'],
  ] as const)
    await assert.rejects(
      resolveModel(address, { settings }),
      refused(new RegExp(`is an address, and a folder or a name on the hub is wanted: ${name}$`)),
    )
})

test('nothing of a reference or of an answer leads out of the cache', async () => {
  const settings = settingsFor()
  for (const revision of ['..', '../../../out', 'a/../../b', '/etc', 'a//b', 'a/', '.git', 'a/.b', 'a..b', './a']) {
    await assert.rejects(
      resolveModel(`org/whole@${revision}`, { settings }),
      refused(/is not a branch, a tag or a commit/),
      revision,
    )
    await assert.rejects(planModel(`org/whole@${revision}`, settings), refused(/is not a branch/), revision)
    await assert.rejects(
      resolveDataset(`org/rows@${revision}`, { split: 'test' }, { settings }),
      refused(/is not a branch/),
      revision,
    )
  }
  // Both would be kept in models--a--b--c.
  for (const name of ['a--b/c', 'a/b--c', 'a/b..c', 'a/b.git'])
    await assert.rejects(resolveModel(name, { settings }), refused(/cannot contain -- or \.\., or end/), name)
  assert.equal(existsSync(settings.cache), false)

  for (const path of [
    '../out.json',
    'a/../../out.json',
    '/etc/out.json',
    'a//b.json',
    'a/./b.json',
    'a\\..\\..\\b.json',
    '',
  ]) {
    hub.add('models/org/leads', { ...model, [path]: '{}' })
    await assert.rejects(
      resolveModel('org/leads', { settings }),
      refused(/cannot be kept in the cache: it is no path inside the repository/),
      path,
    )
    await assert.rejects(planModel('org/leads', settings), refused(/cannot be kept/), path)
  }
  hub.add('models/org/leads', { ...model, 'config.json/x.json': '{}' })
  await assert.rejects(resolveModel('org/leads', { settings }), refused(/config\.json is a file/))
  // A reference that another program left in the cache.
  const store = join(settings.cache, 'models--org--whole')
  mkdirSync(join(store, 'refs'), { recursive: true })
  writeFileSync(join(store, 'refs', 'main'), '../../../..')
  await assert.rejects(resolveModel('org/whole', { settings: { ...settings, offline: true } }), refused(/is not in/))
})

test('a file that is listed twice counts once; with other content it is refused', async () => {
  const settings = settingsFor()
  hub.add('models/org/twice', model)
  hub.again.set('org/twice', [{ path: 'config.json' }])
  const seen: number[] = []
  await resolveModel('org/twice', { settings, onDownload: (_, __, total) => seen.push(total) })
  assert.equal(seen.at(-1), 22 + weights.length)
  hub.again.set('org/twice', [{ path: 'config.json', oid: 'e'.repeat(40) }])
  await assert.rejects(resolveModel('org/twice', { settings }), refused(/it is listed twice, with other content/))
  hub.again.set('org/twice', [{ path: 'new.json', oid: '../../../etc/passwd' }])
  await assert.rejects(resolveModel('org/twice', { settings }), refused(/it has no size and checksum/))
})

test('a name without organisation is one of the hub, unless a folder has it', async () => {
  const settings = settingsFor()
  const folder = await resolveModel('bare', { settings, root })
  assert.equal(folder, join(settings.cache, 'models--bare', 'snapshots', 'c'.repeat(40)))
  assert.equal(modelName(folder), 'bare')
  assert.equal(await resolveModel('bare@main', { settings: { ...settings, offline: true }, root }), folder)
  mkdirSync(join(root, 'bare'))
  assert.equal(await resolveModel('bare', { settings, root }), join(root, 'bare'))
  assert.equal(await resolveModel('bare@main', { settings, root }), folder)
  await assert.rejects(
    resolveModel('baer', { settings: settingsFor({ offline: true }), root }),
    refused(/^baer: no such checkpoint folder \(did you mean bare\?\), and it is not in .*, and HF_HUB_OFFLINE/),
  )
  for (const [more, reason] of [
    [{}, /nothing: no such checkpoint folder, and the hub at http.* has no such model/],
    [{ endpoint: 'http://127.0.0.1:9' }, /nothing: no such checkpoint folder, and the hub at http.* cannot be reached/],
    [{ offline: true }, /nothing: no such checkpoint folder, and it is not in .*, and HF_HUB_OFFLINE/],
  ] as const)
    await assert.rejects(resolveModel('nothing', { settings: settingsFor(more), root }), refused(reason))
})

test('each refusal of the hub has its own reason', async () => {
  const cases: [refusal: [number, (string | undefined)?, string?], token: string | undefined, reason: RegExp][] = [
    [
      [401, 'RepoNotFound', 'Repository not found'],
      undefined,
      /has no such model for everyone; if it is private or gated, log in/,
    ],
    [
      [404, 'RepoNotFound'],
      'hf_x',
      /has no such model, or it is private or gated and the token in HF_TOKEN has no access/,
    ],
    [[401, 'GatedRepo', 'Access to model is restricted'], undefined, /it is gated: ask for access at .*, and log in/],
    [[403, 'GatedRepo'], 'hf_x', /it is gated: ask for access at .*; the token in HF_TOKEN has none so far/],
    [[404, 'RevisionNotFound', 'Invalid rev id: v9'], undefined, /has no branch, tag or commit "v9" of it/],
    [
      [401, undefined, 'Invalid credentials hf_x'],
      'hf_x',
      /does not accept the token in HF_TOKEN: Invalid credentials …;/,
    ],
    [
      [403, undefined, 'Access to this resource is disabled.'],
      undefined,
      /does not allow it: Access to this resource is disabled/,
    ],
    [[418], undefined, /answers 418$/],
  ]
  for (const [refusal, token, reason] of cases) {
    hub.refusals.set('org/whole', refusal)
    const settings = settingsFor({ ...(token && { token, tokenFrom: 'HF_TOKEN' }) })
    await assert.rejects(resolveModel('org/whole@v9', { settings }), refused(reason), String(reason))
  }
  hub.refusals.clear()
})

test('what is no answer of a hub is not called a lost connection; a storage that refuses is named', async () => {
  const page = createServer((_, response) => void response.writeHead(200).end('<!doctype html>')).listen(0, '127.0.0.1')
  const later = createServer((_, response) => {
    response.writeHead(429, { 'retry-after': new Date(Date.now() - 1000).toUTCString() }).end()
  }).listen(0, '127.0.0.1')
  await Promise.all([once(page, 'listening'), once(later, 'listening')])
  const storage = await startHub({})
  try {
    const at = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await assert.rejects(
      resolveModel('org/whole', { settings: settingsFor({ endpoint: at(page) }) }),
      refused(/does not answer as a hub does \(.*JSON\): a page to log in to the network, or HF_ENDPOINT/),
    )
    await assert.rejects(
      resolveModel('org/whole', { settings: settingsFor({ endpoint: at(later) }) }),
      refused(/answers 429, too many requests; try again later/),
    )
    hub.moved.set('org/whole/resolve', storage.endpoint)
    storage.refusals.set('org/whole', [403])
    await assert.rejects(
      resolveModel('org/whole', { settings: settingsFor({ token: 'secret', tokenFrom: 'HF_TOKEN' }) }),
      refused(/127\.0\.0\.1:\d+, where the hub at http.* keeps it, answers 403$/),
    )
  } finally {
    hub.moved.clear()
    for (const server of [page, later]) {
      server.closeAllConnections()
      server.close()
    }
    await storage.close()
  }
})

test('a revision of a pull request', async () => {
  const settings = settingsFor()
  const folder = await resolveModel('org/pull@refs/pr/2', { settings })
  assert.deepEqual(readdirSync(folder).sort(), ['config.json', 'model.safetensors'])
  assert.equal(
    readFileSync(join(settings.cache, 'models--org--pull', 'refs', 'refs', 'pr', '2'), 'utf8'),
    'd'.repeat(40),
  )
  assert.equal(await resolveModel('org/pull@refs/pr/2', { settings: { ...settings, offline: true } }), folder)
})

test('the token goes to the hub and not to where it sends on', async () => {
  const storage = await startHub({ 'models/org/whole': model })
  try {
    hub.moved.set('org/whole/resolve', storage.endpoint)
    const before = hub.tokens.length
    await resolveModel('org/whole', { settings: settingsFor({ token: 'secret', tokenFrom: 'HF_TOKEN' }) })
    assert.deepEqual([...new Set(hub.tokens.slice(before))], ['Bearer secret'])
    assert.ok(storage.requests.length >= 2)
    assert.deepEqual([...new Set(storage.tokens)], [undefined])
  } finally {
    hub.moved.clear()
    await storage.close()
  }
})

test('config.json is looked at before the weights are asked for', async () => {
  const start = hub.requests.length
  const check = (config: object, reference: string) => {
    throw new UserError(`${reference}: ${JSON.stringify(config)}`)
  }
  await assert.rejects(
    resolveModel('org/cut', { settings: settingsFor(), check }),
    refused(/^org\/cut: \{"model_type":"llama"\}$/),
  )
  assert.deepEqual(
    hub.requests.slice(start).filter((request) => request.includes('model.safetensors')),
    [],
  )
})
