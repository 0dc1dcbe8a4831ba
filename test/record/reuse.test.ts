// Rows of earlier starts under another plan: which stay, which are kept apart and come back, whatever order of plans, inputs and
// interruptions there was; and a kill before any change of the file system loses none and lets no stale one pass.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import {
  changesFor,
  type Meta,
  openStore,
  type Row,
  readResults,
  type Store,
  type StoreOptions,
  type StorePlan,
  type Term,
  unusedFolder,
} from '../../src/record/index.js'
import { meta, planOf, row, term } from './example.js'

const root = mkdtempSync(join(tmpdir(), 'reuse-'))
after(() => rmSync(root, { recursive: true }))
let number = 0
const fresh = () => join(root, String(number++))
const INPUT = 'base/model.safetensors'

/** A plan of these runs on an input of this content. */
const onContent = (ids: readonly string[], content: string): StorePlan =>
  planOf(ids, {
    config_hash: ids.join(' '),
    runs: ids.length,
    inputs: { [INPUT]: content },
    definitions: { 'editor lowrank': 2 },
  })

/** What a run gives is determined by its id and the content of its input. */
const rowOf = (id: string, content: string): Row => ({ ...row, id, warnings: `${id} of ${content}` })
const termsOf = (id: string, content: string): Term[] => [{ ...term, run: id, tensor: `t of ${content}` }]

/** Makes up to `limit` rows that are missing; finishes if all are there. */
async function work(folder: string, plan: StorePlan, limit = Infinity, options: StoreOptions = {}): Promise<Store> {
  const content = plan.meta.inputs[INPUT]!
  const store = await openStore(folder, plan, options)
  try {
    const missing = plan.runs.filter(({ id }) => !store.found.has(id))
    for (const { id } of missing.slice(0, limit)) await store.append(rowOf(id, content), termsOf(id, content))
    if (missing.length <= limit)
      await store.finish(
        plan.runs.map(({ id }) => id),
        'end',
      )
  } finally {
    await store.close()
  }
  return store
}

/** The four files of a finished folder. */
const filesOf = (folder: string) =>
  ['runs.csv', 'terms.csv', 'meta.json', 'config.yaml'].map((name) => readFileSync(join(folder, name), 'utf8'))

/** Every row of the folder, of those kept apart too. */
async function allRows(folder: string): Promise<string[]> {
  const apart = existsSync(unusedFolder(folder)) ? readdirSync(unusedFolder(folder)) : []
  const folders = [folder, ...apart.map((name) => join(unusedFolder(folder), name))]
  const results = await Promise.all(folders.filter((each) => existsSync(join(each, 'runs.csv'))).map(readResults))
  for (const { rows, terms, meta: from } of results)
    for (const { id, warnings } of rows) {
      assert.equal(warnings, `${id} of ${from.inputs[INPUT]}`, 'the provenance is that of the row')
      assert.deepEqual(
        terms.filter(({ run }) => run === id).map(({ tensor }) => tensor),
        [`t of ${from.inputs[INPUT]}`],
      )
    }
  return results.flatMap(({ rows }) => rows.map(({ warnings }) => warnings!))
}

const plans = fc.record({
  ids: fc.shuffledSubarray(['a', 'b', 'c', 'd', 'e'], { minLength: 1 }),
  content: fc.constantFrom('x', 'y'),
  limit: fc.constantFrom(0, 1, 2, Infinity),
})

test('after any plans, inputs and interruptions the files are those of a new folder, and no run is done twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(plans, { minLength: 1, maxLength: 5 }), plans, async (earlier, { ids, content }) => {
      const [grown, alone] = [fresh(), fresh()]
      const done = new Set<string>()
      for (const each of [...earlier, { ids, content, limit: Infinity }]) {
        const { found } = await work(grown, onContent(each.ids, each.content), each.limit)
        for (const id of each.ids) assert.equal(found.has(id), done.has(`${id} of ${each.content}`))
        const missing = each.ids.filter((id) => !found.has(id))
        for (const id of missing.slice(0, each.limit)) done.add(`${id} of ${each.content}`)
        assert.deepEqual((await allRows(grown)).sort(), [...done].sort(), 'no row is lost')
      }
      await work(alone, onContent(ids, content))
      assert.deepEqual(filesOf(grown), filesOf(alone))
      await work(grown, onContent(ids, content), Infinity, { prune: true })
      assert.ok(!existsSync(unusedFolder(grown)))
      assert.deepEqual(filesOf(grown), filesOf(alone))
    }),
    { numRuns: 12, includeErrorInReport: true },
  )
})

test('killed before any change of the file system, no row is lost, and none of other inputs passes', async () => {
  const [first, second] = [onContent(['a', 'b', 'c'], 'x'), onContent(['c', 'd'], 'y')]
  const third = onContent(['d', 'b'], 'x')
  const real = { ...promises }
  /** Fails at the step-th change and at every one after it. Returns whether it came so far. */
  async function killedAt(step: number, folder: string, plan: StorePlan): Promise<boolean> {
    let left = step
    for (const name of ['open', 'rename', 'rm', 'mkdir'] as const)
      Object.assign(promises, {
        [name]: (...given: never[]) => {
          if (left-- <= 0) throw new Error('killed')
          return (real[name] as (...given: never[]) => unknown)(...given)
        },
      })
    syncBuiltinESMExports()
    try {
      await work(folder, plan)
      return false
    } catch (error) {
      assert.equal((error as Error).message, 'killed')
      return true
    } finally {
      Object.assign(promises, real)
      syncBuiltinESMExports()
    }
  }
  let kills = 0
  for (const plan of [second, third])
    for (let step = 0, killed = true; killed; step++) {
      const folder = fresh()
      await work(folder, first)
      if (plan === third) await work(folder, second)
      const before = new Set(await allRows(folder))
      killed = await killedAt(step, folder, plan)
      kills += Number(killed)
      const now = new Set(await allRows(folder))
      assert.deepEqual(
        [...before].filter((each) => !now.has(each)),
        [],
        `step ${step}`,
      )
      await work(folder, plan)
      const alone = fresh()
      await work(alone, plan)
      assert.deepEqual(filesOf(folder), filesOf(alone), `step ${step}`)
    }
  assert.ok(kills > 30, `${kills} kills`)
})

test('rows that are apart are a results folder that can be read; a failed one does not come back to be repeated', async () => {
  const folder = fresh()
  const store = await openStore(folder, onContent(['a', 'f'], 'x'))
  await store.append(rowOf('a', 'x'), [])
  await store.append({ ...rowOf('f', 'x'), status: 'failed', error: 'no memory' }, [])
  await store.close()
  await work(folder, onContent(['b'], 'x'))
  const [name] = readdirSync(unusedFolder(folder))
  const apart = await readResults(join(unusedFolder(folder), name!))
  assert.deepEqual(
    apart.rows.map(({ id }) => id),
    ['a', 'f'],
  )
  const again = await openStore(folder, onContent(['a', 'b', 'f'], 'x'), { retryFailed: true })
  await again.close()
  assert.deepEqual([...again.found.keys()].sort(), ['a', 'b'])
})

const [run] = onContent(['a'], 'x').runs
const lowrank = { ...run!, methods: ['editor lowrank'] }
const now = { ...meta, definitions: {} }

test('what changed is named', () => {
  const changes = (earlier: Partial<Meta>, later: Partial<Meta> = {}, one = run!) =>
    changesFor(one, { ...now, ...earlier }, { ...now, ...later })
  assert.deepEqual(changes({}), [])
  assert.deepEqual(changes({ inputs: { [INPUT]: 'bb' } }), [`${INPUT} has other content`])
  assert.deepEqual(changes({ inputs: {} }), [`${INPUT} is new`])
  assert.deepEqual(changes({ inputs: { ...meta.inputs, 'base/adapter_model.safetensors': 'cc' } }), [
    'base/adapter_model.safetensors is gone',
  ])
  assert.deepEqual(changes({ inputs: { ...meta.inputs, 'other/model.safetensors': 'cc' } }), [], 'of another model')
  assert.deepEqual(changes({ backend: { name: 'cpu', package: 'p 1' } }), ['the backend was cpu, is wasm'])
  assert.deepEqual(changes({ backend: { name: 'wasm', package: 'p 0' } }), ['the backend was p 0, is p 1'])
  assert.deepEqual(changes({}, { definitions: { 'editor lowrank': 2 } }), [], 'of another method')
  assert.deepEqual(changes({}, { definitions: { 'editor lowrank': 2 } }, lowrank), [
    'the editor lowrank gives other numbers in this version of deltalab',
  ])
  assert.deepEqual(changes({}, {}, { ...run!, objects: ['editor mine'] }), [
    'editor mine is an object made in code, which may have changed',
  ])
})

test('what versions before 0.3 did not record is taken as it is; what they did is compared', () => {
  const recorded = { ...run!, inputs: [INPUT, 'base/tokenizer_config.json'] }
  const inputs = { ...meta.inputs, 'base/tokenizer_config.json': 'dd' }
  const { definitions: _, ...old } = now
  assert.deepEqual(changesFor(recorded, old, { ...now, inputs }), [])
  assert.deepEqual(changesFor(recorded, now, { ...now, inputs }), ['base/tokenizer_config.json is new'])
  assert.deepEqual(changesFor(recorded, { ...old, inputs: { [INPUT]: 'bb' } }, { ...now, inputs }), [
    `${INPUT} has other content`,
  ])
  assert.equal(changesFor(lowrank, old, { ...now, definitions: { 'editor lowrank': 2 } }).length, 1)
})

test('machines and versions that made rows of earlier starts are recorded, if they are others', async () => {
  const folder = fresh()
  const elsewhere = { ...meta.environment, cpu: 'other' }
  const started = onContent(['a', 'b'], 'x')
  await work(folder, { ...started, meta: { ...started.meta, environment: elsewhere } })
  await work(folder, onContent(['a', 'c'], 'x'))
  assert.deepEqual((await readResults(folder)).meta.earlier, [elsewhere])
  await work(folder, onContent(['a'], 'x'))
  const { environment, earlier } = (await readResults(folder)).meta
  assert.deepEqual([environment, earlier], [meta.environment, [elsewhere]], 'no row is made: as before')
  await work(folder, onContent(['c'], 'y'))
  assert.equal((await readResults(folder)).meta.earlier, undefined)
})
