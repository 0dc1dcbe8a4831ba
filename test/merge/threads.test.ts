// Methods without a program on kernels in worker threads: the same bytes and warnings as in one thread, for every merger; threads
// that fail end the merge with one line, and nothing is left.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { writeCheckpoint } from '../../src/checkpoint/index.js'
import { UserError } from '../../src/errors/index.js'
import { mergesRows, scanPlan } from '../../src/merge/definition.js'
import { locateMerge, openMerge, writeMerge } from '../../src/merge/index.js'
import { type OpenMerge, reopenMerge } from '../../src/merge/opened.js'
import { mergerOf } from '../../src/merge/thread.js'
import { type Merger, mergerNamed, mergers } from '../../src/mergers/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { stored } from '../checkpoint/files.js'
import { root, scratch } from './fixtures.js'

before(() => setBackend(BACKEND))

const models = ['ft1', 'ft2'].map((name) => join(root, 'models', name))
const open = (value: object, plugins: string[] = []): Promise<OpenMerge> =>
  openMerge('merge.yml', locateMerge({ base_model: join(root, 'models/base'), seed: 3, ...value }, 'merge.yml'), {
    plugins,
  })

let outputs = 0
/** Writes a merge with so many jobs; the weights, and what was said. */
async function write(
  opened: OpenMerge,
  jobs: number,
  memory?: number,
): Promise<{ weights: Buffer; warnings: string[] }> {
  const out = join(scratch, `threads-${++outputs}`)
  const { warnings } = await writeMerge(opened, out, {
    backend: BACKEND,
    overwrite: false,
    shardSize: 5,
    jobs,
    memory,
    resume: { discard: false, note: () => undefined },
  })
  return { weights: readFileSync(join(out, 'model.safetensors')), warnings }
}

/** Options that a merger cannot do without, and editors without a program. */
const given: Record<string, object> = {
  slerp: { parameters: { t: 0.3 } },
  nearswap: { parameters: { t: 0.01 } },
  ties: { parameters: { granularity: 'model' } },
}
const lowrank = { editor: 'lowrank', rank: 3 }
const dare = { editor: 'dare', drop_rate: 0.3 }

/** Gram matrices that are twice the identity. */
async function writeGrams({ plan }: OpenMerge): Promise<string> {
  const folder = join(scratch, 'grams')
  const matrices = plan.tensors
    .filter(({ name, shape }) => shape.length === 2 && name.includes('_proj'))
    .map(({ name, shape }) => ({ name, dtype: 'F32', shape: [shape[1]!, shape[1]!] }))
  const tensors = matrices.map(({ name, shape: [side = 0] }) => ({
    name,
    values: Float32Array.from({ length: side ** 2 }, (_, i) => (i % (side + 1) ? 0 : 2)),
  }))
  await writeCheckpoint(folder, { plan: matrices, tensors })
  return folder
}

/** A merge of two models; one of them goes through editors. Lowrank has no program, and needs the whole matrix. */
function describeMerge({ name, count: [, most] }: Merger, data?: string): object {
  const editors = name === 'nearswap' ? [dare] : [lowrank, dare]
  return {
    merger: name,
    ...given[name],
    models: models.slice(0, most).map((model, i) => ({ model, ...(data ? { data } : i === 0 && { editors }) })),
  }
}

async function openFor(merger: Merger): Promise<OpenMerge> {
  if (merger.name === 'fisher') return open(describeMerge(merger, models[0]))
  if (merger.name !== 'regmean') return open(describeMerge(merger))
  const plain = await open(describeMerge(mergerNamed('average')))
  const grams = await writeGrams(plain)
  await plain.close()
  return open(describeMerge(merger, grams))
}

for (const merger of mergers) {
  test(`${merger.name}: another thread makes the same bytes and says the same`, async () => {
    const opened = await openFor(merger)
    const file = join(scratch, 'tensor')
    writeFileSync(file, '')
    const scans = await scanPlan(opened.plan, () => undefined)
    const sent = structuredClone({ origin: opened.origin!, scans })
    const here = await write(opened, 1)
    const again = await reopenMerge(sent.origin)
    const answer = mergerOf(again.plan, sent.scans)
    const said: string[] = []
    const start = 8 + Number(here.weights.readBigUInt64LE(0))
    const header = JSON.parse(here.weights.toString('utf8', 8, start)) as Record<
      string,
      { data_offsets: [number, number] }
    >
    for (const [i, tensor] of opened.plan.tensors.entries()) {
      const [count = 1] = tensor.shape
      const cut = Math.ceil(count / 3)
      const parts = mergesRows(tensor)
        ? [
            { from: 0, to: cut },
            { from: cut, to: count },
          ]
        : [null]
      for (const rows of parts)
        said.push(...(await answer(structuredClone({ tensor: i, rows, target: { file, begin: 0 } }))))
      const [from, to] = header[tensor.name]!.data_offsets
      const bytes = readFileSync(file).subarray(0, to - from)
      assert.ok(bytes.equals(here.weights.subarray(start + from, start + to)), tensor.name)
    }
    assert.equal(opened.plan.tensors.some(mergesRows), merger.name === 'nearswap')
    assert.deepEqual(
      [...new Set(said)].filter((text) => !here.warnings.includes(text)),
      [],
    )
    await Promise.all([opened.close(), again.close()])
  })
}

test('two threads write the file of one, and warnings come in the order of the tensors', async () => {
  for (const name of ['model_stock', 'nearswap']) {
    const opened = await openFor(mergerNamed(name))
    const [one, two] = [await write(opened, 1), await write(opened, 2)]
    assert.ok(one.weights.equals(two.weights), name)
    assert.deepEqual(two.warnings, one.warnings)
    await opened.close()
  }
})

/** A folder whose one tensor has this shape, without its bytes on the disk. */
function writeHollow(name: string, shape: [number, number]): string {
  const folder = stored(join(scratch, name), { 'model.layers.0.mlp.up_proj.weight': ['BF16', [1, 1]] }, {})
  const file = join(folder, 'model.safetensors')
  const size = 2 * shape[0] * shape[1]
  const tensor = { dtype: 'BF16', shape, data_offsets: [0, size] }
  const header = Buffer.from(JSON.stringify({ 'model.layers.0.mlp.up_proj.weight': tensor }))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  writeFileSync(file, Buffer.concat([length, header]))
  truncateSync(file, 8 + header.length + size)
  return folder
}

test('a bound of memory that is too small is refused before a weight is read, with one that would do', async () => {
  const [base, ...posts] = ['hollow', 'hollow-1', 'hollow-2'].map((name) => writeHollow(name, [4096, 2048]))
  const opened = await open({
    merger: 'model_stock',
    base_model: base,
    parameters: { filter_wise: true },
    models: posts.map((model) => ({ model })),
  })
  const asked = (memory: number) => write(opened, 2, memory)
  const needed = 'because model_stock needs all of model.layers.0.mlp.up_proj.weight at once'
  // 13 numbers for each of the 8,388,608 entries: of three inputs here and on the backend, two results, and the rest of its work.
  await assert.rejects(asked(3e8), { message: `--memory 300MB is too small, ${needed}; 602MB would do` })
  await assert.rejects(asked(601e6), UserError)
  await asked(602e6)
  assert.equal(opened.estimate.memory, 165e6 + 4 * 13 * 4096 * 2048 + 1024)
  await opened.close()
  const inRows = await open({
    merger: 'nearswap',
    base_model: base,
    parameters: { t: 1 },
    models: [{ model: posts[0] }],
  })
  const rows = /because nearswap needs 2048 rows of model\.layers\.0\.mlp\.up_proj\.weight at once; \d+MB would do$/
  await assert.rejects(write(inRows, 1, 2e8), rows)
  await inRows.close()
  const onKernels = await open({ merger: 'average', models: models.map((model) => ({ model })) })
  await assert.rejects(write(onKernels, 1, 1e6), /^UserError: --memory 1MB is too small; 175MB would do$/)
  await onKernels.close()
})

/** A merger of a plugin. */
function plugin(name: string, body: string): string {
  const file = join(scratch, `${name}.mjs`)
  writeFileSync(
    file,
    `import { isMainThread } from 'node:worker_threads'
import { defineMerger, tf, UserError, z } from 'deltalab/plugin'
export default defineMerger({ name: '${name}', title: 'T', options: z.strictObject({}), reads: 'whole',
  merge({ name, models }) { ${body}; return models[0].clone() } })`,
  )
  return file
}

test('a thread that fails or ends is one line, and nothing is left', async () => {
  const cases = {
    complains: [`throw new Error('no such luck with ' + name)`, /no such luck with/],
    dies: [`if (!isMainThread) process.exit(7)`, /weight: its worker thread stopped: exit code 7$/],
  } as const
  for (const [name, [body, wanted]] of Object.entries(cases)) {
    const opened = await open({ merger: name, models: models.map((model) => ({ model })) }, [plugin(name, body)])
    await assert.rejects(write(opened, 2), ({ message }: Error) => wanted.test(message) && !message.includes('\n'))
    await opened.close()
    assert.ok(!existsSync(join(scratch, `threads-${outputs}`)))
    assert.deepEqual(
      readdirSync(scratch).filter(
        (each) => each.startsWith(`threads-${outputs}`) || each.startsWith(`.threads-${outputs}`),
      ),
      [],
    )
  }
})
