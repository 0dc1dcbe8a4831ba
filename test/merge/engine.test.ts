// Merges on kernels, end to end: threads, bounds of memory, and the files of the inputs and of the output change no byte of a weight.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { openCheckpoint, writeCheckpoint } from '../../src/checkpoint/index.js'
import { locateMerge, openMerge, writeMerge } from '../../src/merge/index.js'
import { needsBackend } from '../../src/merge/merge.js'
import { BACKEND } from '../backend.js'
import { contentSum } from '../kernels/content.js'
import { root, scratch } from './fixtures.js'

const whole = (name: string) => join(root, 'models', name)
/** Under the same name, by which draws are keyed. */
const sharded = (name: string) => join(scratch, 'sharded', name)

/** The same model in many files. */
before(async () => {
  for (const name of ['base', 'ft1', 'ft2']) {
    const checkpoint = await openCheckpoint(whole(name))
    const plan = [...checkpoint.tensors.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape }))
    const tensors = plan.map(async ({ name }) => ({ name, bytes: await checkpoint.readBytes(name) }))
    await writeCheckpoint(sharded(name), {
      plan,
      tensors: await Promise.all(tensors),
      maxShardBytes: 5000,
      copyFrom: whole(name),
    })
    await checkpoint.close()
    assert.ok(readdirSync(sharded(name)).filter((file) => file.endsWith('.safetensors')).length > 3)
    if (!existsSync(join(sharded(name), 'config.json')))
      cpSync(join(whole(name), 'config.json'), join(sharded(name), 'config.json'))
  }
})

let outputs = 0
interface How {
  folder: (name: string) => string
  jobs: number
  memory?: number
  /** GB. */
  shardSize: number
}

/** The header names every input file by its size and checksum, whoever read which of its bytes. */
function checkContents(out: string, folder: How['folder']): void {
  const shard = readFileSync(join(out, readdirSync(out).find((file) => file.endsWith('.safetensors'))!))
  const header = shard.subarray(8, 8 + Number(shard.readBigUInt64LE(0))).toString()
  const { merge } = (JSON.parse(header) as { __metadata__: { merge: string } }).__metadata__
  const { inputs } = JSON.parse(merge) as { inputs: { name: string; contents: Record<string, string> }[] }
  for (const { name, contents } of inputs) {
    const files = readdirSync(folder(name)).filter((file) => /^config.json$|\.safetensors$/.test(file))
    assert.deepEqual(Object.keys(contents).sort(), files.sort())
    for (const file of files) {
      const bytes = readFileSync(join(folder(name), file))
      assert.equal(contents[file], `${bytes.length} bytes, checksum ${contentSum(bytes)}`, `${name}/${file}`)
    }
  }
  assert.ok(inputs.length >= 1)
}

/** SHA-256 of the bytes of all tensors in the order of their names, and what was said. */
async function merge(value: object, { folder, ...how }: How): Promise<{ sha256: string; warnings: string[] }> {
  const file = { ...('base_model' in value ? {} : { base_model: folder('base') }), seed: 3, ...value }
  const opened = await openMerge('merge.yml', locateMerge(file, 'merge.yml'), { plugins: [] })
  assert.equal(needsBackend(opened.plan), false)
  const out = join(scratch, `engine-${++outputs}`)
  const resume = { discard: false, note: () => undefined }
  const { warnings } = await writeMerge(opened, out, { ...how, backend: BACKEND, overwrite: false, resume })
  await opened.close()
  const merged = await openCheckpoint(out)
  const hash = createHash('sha256')
  for (const name of [...merged.tensors.keys()].sort()) hash.update(await merged.readBytes(name))
  await merged.close()
  checkContents(out, folder)
  const files = readdirSync(out).filter((file) => file.endsWith('.safetensors')).length
  assert.equal(files > 1, how.shardSize < 1)
  return { sha256: hash.digest('hex'), warnings }
}

test('della of density 0 keeps nothing, and gives the base', async () => {
  const how = { folder: whole, jobs: 1, shardSize: 5 }
  const value = (density: number) => ({
    merge_method: 'della',
    models: ['ft1', 'ft2'].map((name) => ({ model: whole(name), parameters: { weight: 0.6, density, epsilon: 0.1 } })),
  })
  const base = await merge({ merge_method: 'passthrough', models: [{ model: whole('base') }] }, how)
  for (const density of [0, -0.5]) assert.equal((await merge(value(density), how)).sha256, base.sha256)
  assert.notEqual((await merge(value(0.5), how)).sha256, base.sha256)
})

const density = { parameters: { weight: 0.6, density: 0.4 } }
const parameters: Record<string, object> = { linear: { parameters: { weight: 0.6 } }, model_stock: {} }
for (const method of ['linear', 'dare_ties', 'della', 'model_stock']) {
  test(`${method}: threads, memory and files change no byte`, async () => {
    const value = (folder: How['folder']) => ({
      merge_method: method,
      // linear merges a base too.
      ...(method === 'linear' && { base_model: undefined }),
      dtype: 'bfloat16',
      models: ['ft1', 'ft2'].map((name) => ({ model: folder(name), ...(parameters[method] ?? density) })),
    })
    const first = await merge(value(whole), { folder: whole, jobs: 1, shardSize: 5 })
    const others: How[] = [
      { folder: whole, jobs: 2, memory: 300e6, shardSize: 5 },
      { folder: whole, jobs: 4, shardSize: 2e-5 },
      { folder: sharded, jobs: 2, shardSize: 2e-5 },
    ]
    for (const how of others) assert.deepEqual(await merge(value(how.folder), how), first)
  })
}
