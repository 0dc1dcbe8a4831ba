// Extraction in worker threads: the same bytes for any number of them, within the bound of memory, and errors that come back.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Pair, pairCheckpoints } from '../../src/checkpoint/index.js'
import { factoriseAll } from '../../src/edit/factor-tasks.js'
import { type ExtractOptions, extractAdapter } from '../../src/edit/index.js'
import { openModels } from '../../src/sources/index.js'
import { keyOf, normals, singularValues } from '../../src/tensor/index.js'
import { writeModel } from '../checkpoint/adapters.js'
import { call } from '../cli/call.js'
import { assertClose } from '../close.js'

const root = mkdtempSync(join(tmpdir(), 'extract-threads-'))
after(() => rmSync(root, { recursive: true }))

/** Large enough for threads, and for the iteration that finds few triplets of a big matrix. */
const SHAPES: Record<string, number[]> = {
  'model.layers.0.self_attn.q_proj.weight': [900, 1000],
  'model.layers.0.mlp.up_proj.weight': [1200, 1000],
  'model.layers.0.mlp.down_proj.weight': [1000, 1200],
  'model.layers.1.mlp.up_proj.weight': [1200, 1000],
  'model.layers.1.self_attn.q_proj.weight': [70, 1000],
  'model.norm.weight': [1000],
}
const drawn = (seed: string, scale: number, poisoned?: string) =>
  Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape]) => {
      const values = normals(
        shape.reduce((product, side) => product * side, 1),
        keyOf(seed, name),
      ).map((value) => value * scale)
      if (name === poisoned) values[77] = NaN
      return [name, [shape, values] as [number[], Float32Array]]
    }),
  )
const before = drawn('base', 0.02)
const base = writeModel(join(root, 'base'), before)
const moved = (poisoned?: string) =>
  Object.fromEntries(
    Object.entries(drawn('delta', 0.001, poisoned)).map(([name, [shape, values]]) => [
      name,
      [shape, values.map((value, i) => value + before[name]![1][i]!)] as [number[], Float32Array],
    ]),
  )
const post = writeModel(join(root, 'post'), moved())

let count = 0
async function extracted(options: Partial<ExtractOptions>, computed = false): Promise<Buffer> {
  const [one, two] = await openModels(base, post)
  const pair = await pairCheckpoints(computed ? { ...one, place: () => null } : one, two)
  const out = join(root, `out-${count++}`)
  try {
    await extractAdapter(pair, out, { rank: 5, baseModel: 'base', vectors: true, ...options })
  } finally {
    await Promise.all([one.close(), two.close()])
  }
  return readFileSync(join(out, 'adapter_model.safetensors'))
}

test('one, two and three threads write the same bytes, in little memory too, and from values that the main thread reads', async () => {
  const one = await extracted({ jobs: 1 })
  assert.deepEqual(await extracted({ jobs: 2 }), one)
  assert.deepEqual(await extracted({ jobs: 3, memory: 200e6 }), one)
  assert.deepEqual(await extracted({ jobs: 2 }, true), one)
})

test('a bound below the largest matrix is refused with the least that would do, and that does', async () => {
  const said = await extracted({ memory: 120e6 }).then(
    () => assert.fail('120 MB do'),
    (error: Error) => error.message,
  )
  const [, name, least] = /^(\S+): its singular vectors need .* --memory 120MB is too small, (\d+)MB would do/.exec(
    said,
  )!
  assert.match(name!, /up_proj|down_proj/)
  await extracted({ memory: Number(least) * 1e6 })
  await assert.rejects(extracted({ memory: Number(least) * 1e6 - 2e6 }), /is too small/)
})

test('where the fast way cannot promise enough, a second round finds the triplets exactly', async () => {
  const [rows, columns, rank] = [520, 600, 65]
  const name = 'model.layers.0.self_attn.q_proj.weight'
  const values = normals(rows * columns, keyOf('flat'))
  const one = writeModel(join(root, 'flat-base'), { [name]: [[rows, columns], new Float32Array(rows * columns)] })
  const two = writeModel(join(root, 'flat-post'), { [name]: [[rows, columns], values] })
  const [first, second] = await openModels(one, two)
  const pair = await pairCheckpoints(first, second)
  const done: string[] = []
  const { matrices } = await extractAdapter(pair, join(root, 'flat'), {
    rank,
    baseModel: one,
    onTensor: (each) => done.push(each),
  })
  await Promise.all([first.close(), second.close()])
  const squares = singularValues(values, rows, columns).map((value) => value ** 2)
  const sum = (list: Float64Array) => list.reduce((total, value) => total + value, 0)
  assertClose(matrices, sum(squares.subarray(0, rank)) / sum(squares), { relative: 1e-6 })
  assert.deepEqual(done, [name])
})

test('a matrix beyond 4 GB in float32 is refused before anything is read', async () => {
  const [name, shape] = ['model.embed_tokens.weight', [200_000, 8192]]
  const side = { tensors: new Map([[name, { shape }]]), place: () => null, read: () => assert.fail('it is read') }
  const plan = { rows: shape[0]!, columns: shape[1]!, count: 1, turned: false, rank: 8, exact: false }
  await assert.rejects(
    factoriseAll({ base: side, post: side } as unknown as Pair, [{ name, plan }], { memory: 1e12 }, () => undefined),
    /a matrix of 200000 × 8192 is too large: .* leave it out with --exclude/,
  )
})

test('a value that is not finite is named, from any thread', async () => {
  const poisoned = 'model.layers.1.mlp.up_proj.weight'
  const broken = writeModel(join(root, 'broken'), moved(poisoned))
  const { status, stderr } = await call(['extract', base, broken, '--out', join(root, 'none'), '--jobs', '2'])
  assert.equal(status, 1)
  assert.match(stderr, new RegExp(`${poisoned.replaceAll('.', '\\.')}.*NaN`))
})

test('--jobs and --memory are checked', async () => {
  for (const [option, value, said] of [
    ['--jobs', '0', /--jobs must be a positive integer; got 0/],
    ['--memory', 'much', /--memory must be an amount like 2GB or 800MB/],
  ] as const) {
    const { status, stderr } = await call(['extract', base, post, '--out', join(root, 'none'), option, value])
    assert.equal(status, 2)
    assert.match(stderr, said)
  }
})
