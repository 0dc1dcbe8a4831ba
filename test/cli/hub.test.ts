// The commands with models and tasks of a hub in this process; the first download is cut and goes on.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Loopback, startHub } from '../hub/loopback.js'
import { call } from './call.js'

const root = mkdtempSync(join(tmpdir(), 'hub-cli-'))
const folderOf = (name: string) =>
  Object.fromEntries(
    readdirSync(join('checkpoints/small', name)).map((file) => [
      file,
      readFileSync(join('checkpoints/small', name, file)),
    ]),
  )
let hub: Loopback
before(async () => {
  const rows = readFileSync('checkpoints/tasks/math.jsonl', 'utf8').split('\n').slice(0, 4)
  hub = await startHub({
    'models/tiny/base': folderOf('base'),
    'models/tiny/math': folderOf('math'),
    'datasets/tiny/stories': { 'main/test-00000-of-00001.jsonl': rows.join('\n') },
  })
})
after(async () => {
  await hub.close()
  rmSync(root, { recursive: true })
})

const run = (...words: string[]) =>
  call(words, { env: { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: join(root, 'cache'), HF_TOKEN: '' } })
const deltalab = async (...words: string[]) => {
  const { status, stdout, stderr } = await run(...words)
  assert.equal(status, 0, stderr)
  return stdout
}

test('eval takes model and data of the hub; a cut download goes on from where it was', async () => {
  const card = join(root, 'stories.yaml')
  writeFileSync(
    card,
    'name: stories\nversion: 1\ndescription: d\ndata: { hub: tiny/stories, config: main, split: test }\nmetric: final_number\nmax_new_tokens: 26\n',
  )
  hub.cuts.set('model.safetensors', [500_000])
  const { score, items } = JSON.parse(await deltalab('eval', 'tiny/math', '--task', card, '--json')) as {
    score: number
    items: number
  }
  assert.deepEqual([score, items], [1, 4])
  assert.ok(
    hub.requests.some((request) => /tiny\/math.*model\.safetensors bytes=[1-9]\d*-/.test(request)),
    'the rest was asked for',
  )
})

test('inspect and extract take names of the hub, and the adapter is evaluated by itself', async () => {
  assert.match(await deltalab('inspect', 'tiny/base', 'tiny/math', '--roles'), /\nall /)
  const out = join(root, 'adapter')
  assert.match(
    await deltalab('extract', 'tiny/base', 'tiny/math', '--rank', '16', '--vectors', '--out', out),
    /% of the squared norm/,
  )
  const config = JSON.parse(readFileSync(join(out, 'adapter_config.json'), 'utf8')) as {
    base_model_name_or_path: string
  }
  assert.equal(config.base_model_name_or_path, 'tiny/base')
  const { score } = JSON.parse(await deltalab('eval', out, '--task', 'math', '--items', '8', '--json')) as {
    score: number
  }
  assert.ok(score >= 0.5, String(score))
})

test('merge takes models and adapters of the hub by name', async () => {
  const out = join(root, 'published')
  await deltalab('extract', 'tiny/base', 'tiny/math', '--rank', '2', '--include', 'linear', '--out', out)
  hub.add('models/tiny/lora', Object.fromEntries(readdirSync(out).map((file) => [file, readFileSync(join(out, file))])))
  const file = join(root, 'merge.yml')
  const merge = async (model: string): Promise<Buffer> => {
    writeFileSync(
      file,
      `merge_method: linear\nmodels:\n  - {model: ${model}, parameters: {weight: 0.5}}\n  - {model: tiny/math, parameters: {weight: 0.5}}\n`,
    )
    await deltalab('merge', file, join(root, 'merged'), '--overwrite')
    const bytes = readFileSync(join(root, 'merged/model.safetensors'))
    return bytes.subarray(8 + Number(bytes.readBigUInt64LE(0)))
  }
  const named = await merge('tiny/lora')
  assert.ok(named.equals(await merge('tiny/base+tiny/lora')), 'the adapter names its base')
  assert.ok(!named.equals(await merge('tiny/base')))
})

test('edit, extract and merge look at the folder to write before they download', async () => {
  const file = join(root, 'far.yml')
  writeFileSync(file, 'merge_method: linear\nmodels: [{model: tiny/far}, {model: tiny/far+tiny/near}]\n')
  const asked = hub.requests.length
  for (const words of [
    ['edit', 'tiny/far', 'tiny/near', '--editor', 'dare', '--drop', '0.5', '--out', root],
    ['extract', 'checkpoints/small/base', 'tiny/near', '--out', root],
    ['merge', file, root],
  ])
    assert.match((await run(...words)).stderr, /exists and is not empty; choose another name or give --overwrite/)
  assert.equal(hub.requests.length, asked)
})

test('information, calibrate, soup, random, train and zeroth take names of the hub', async () => {
  const at = (name: string) => join(root, name)
  const rows = readFileSync('checkpoints/tasks/math.jsonl', 'utf8').split('\n').slice(0, 4)
  writeFileSync(at('items.jsonl'), rows.join('\n'))
  writeFileSync(
    at('train.yaml'),
    'name: again\nout: elsewhere\nfrom: tiny/math\ntokenizer: tiny/math\nitems: items.jsonl\nbatch: 2\nmicro_batches: 1\nsteps: 1\nlearning_rate: 1.0e-5\n',
  )
  writeFileSync(
    at('zeroth.yaml'),
    'name: probe\nfrom: tiny/base\nitems: items.jsonl\ntask: math\ntraining_items: 4\nbatch: 2\nheld_out: 2\nruns:\n  - {name: mezo, method: mezo, learning_rate: 1.0e-4, steps: 2}\n',
  )
  const few = ['--task', 'math', '--items', '2']
  const information = await deltalab('information', 'tiny/math', at('fisher'), '--kind', 'fisher', ...few)
  const darex = await deltalab('calibrate', 'darex', 'tiny/base', 'tiny/math', ...few)
  const soup = await deltalab('soup', 'tiny/base', 'tiny/math', '--by', 'loss', '--out', at('soup.yml'), ...few)
  const config = 'checkpoints/small/base/config.json'
  const random = await deltalab('random', config, '--out', at('random'), '--near', 'tiny/math')
  const trained = await deltalab('train', at('train.yaml'), '--workers', '1', '--out', at('trained'))
  const zeroth = await deltalab('zeroth', at('zeroth.yaml'), '--out', at('probe'))
  assert.match(information, /^fisher of \d+ tensors on 2 items/)
  assert.match(darex, /^q = /)
  assert.match(soup, /^soup of tiny\/math.*: loss/m)
  assert.match(readFileSync(at('soup.yml'), 'utf8'), /- model: "tiny\/math"/)
  assert.match(random, /parameters of llama, bfloat16/)
  assert.match(trained, /^again: .*trained \(last loss 0\.0/)
  assert.match(zeroth, /rebuilt bit for bit/)
  await deltalab('rebuild', 'tiny/base', at('probe/mezo.safetensors'), '--out', at('rebuilt'))
  assert.ok(!existsSync(at('elsewhere')), 'the output of the command line is taken, not that of the recipe')
  for (const folder of ['random', 'trained', 'rebuilt'])
    assert.ok(readdirSync(at(folder)).includes('tokenizer.json'), folder)
})

test('a name that the hub does not have is one line', async () => {
  assert.match(
    (await run('inspect', 'tiny/none', 'tiny/math')).stderr,
    /^deltalab: model tiny\/none: the hub at http.* has no such model/,
  )
})
