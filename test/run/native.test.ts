// What is made beside TensorFlow's own library as backend is what is made beside wasm: edited and merged weights and written files to
// the bit, the rows of a sweep within the error that decides their class. Skipped where no binding is installed.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { compress, edit, editDelta, merge } from '../../src/api/index.js'
import { loadExperiment, trainingSchema } from '../../src/config/index.js'
import { applySteps, type Editor, editors, needsGram, parseOptions, scanModel } from '../../src/editors/index.js'
import { gramOf, hardValues, madeUpOptions, sampleGradient } from '../../src/laws/samples.js'
import { dataOf, mergers, mergeValues, parseMerging, scanModels } from '../../src/mergers/index.js'
import { readResults } from '../../src/record/index.js'
import { runSweep } from '../../src/sweep/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { train } from '../../src/train/index.js'
import { makePair } from './pair.js'

const SHAPE = [24, 20]
const SIZE = 480

const absent = await setBackend('tensorflow').then(
  () => false as const,
  (error: Error) => error.message,
)
const folder = absent ? '' : makePair()
after(() => folder && rmSync(folder, { recursive: true }))

/** What work makes on TensorFlow and on wasm. */
async function onBoth<T>(work: () => Promise<T>): Promise<[native: T, wasm: T]> {
  await setBackend('tensorflow')
  const native = await work()
  assert.equal(tf.getBackend(), 'tensorflow')
  await setBackend('wasm')
  return [native, await work()]
}

/** The bits of values, as text; of an error its message. */
const bitsOf = (values: Promise<Float32Array>): Promise<string> =>
  values.then(
    (all) => Buffer.from(all.buffer, all.byteOffset, all.byteLength).toString('base64'),
    (error: Error) => error.message,
  )

test('every editor, with any options, gives the bits of wasm', { skip: absent }, async () => {
  const values = hardValues(SIZE)
  const deltas = async function* () {
    yield ['w', values] as const
  }
  const editAll = async (editor: Editor): Promise<string[]> => {
    const found: string[] = []
    for (const raw of madeUpOptions(editor.options)) {
      const steps = [{ editor, options: parseOptions(editor, raw) }]
      const edited = scanModel(steps, deltas).then((scanned) =>
        applySteps(steps, values, SHAPE, {
          seed: 5,
          tensor: 'w',
          scanned,
          gradient: sampleGradient(SIZE),
          gram: needsGram(steps[0]!) ? gramOf(SHAPE[1]!) : undefined,
        }),
      )
      found.push(await bitsOf(edited))
    }
    return found
  }
  for (const editor of editors) {
    const [native, wasm] = await onBoth(() => editAll(editor))
    assert.ok(
      wasm.some((text) => text.length > 4 * SIZE),
      `${editor.name} edits`,
    )
    assert.deepEqual(native, wasm, editor.name)
  }
})

test('every merger, in every convention, gives the bits of wasm', { skip: absent }, async () => {
  const base = hardValues(SIZE, 9)
  const models = [1, 2, 3].map((phase) => hardValues(SIZE, phase))
  for (const merger of mergers) {
    const part = {
      name: 'w',
      shape: SHAPE,
      models: models.slice(0, Math.min(merger.count[1], 3)),
      embedding: false,
      given: models.map((each) =>
        dataOf(merger) === 'gram' ? Float32Array.from(gramOf(SHAPE[1]!)) : each.map((x) => x * x),
      ),
    }
    const mergeAll = async (): Promise<string[]> => {
      const found: string[] = []
      for (const convention of merger.conventions) {
        for (const options of madeUpOptions(merger.options)) {
          const own = madeUpOptions(merger.modelOptions)[0] ?? {}
          const warn = () => undefined
          const merged = async (): Promise<Float32Array> => {
            const merging = parseMerging(merger, { convention, options, models: part.models.map(() => own) })
            const walk = async function* () {
              yield part
            }
            const scannedModels = await scanModels(merging, walk, warn)
            return mergeValues({ ...merging, scannedModels }, part, base, { warn })
          }
          found.push(await bitsOf(merged()))
        }
      }
      return found
    }
    const [native, wasm] = await onBoth(mergeAll)
    assert.deepEqual(native, wasm, merger.name)
  }
})

test('edit, merge and editDelta write the same bytes, whichever backend is asked for', { skip: absent }, async () => {
  const [base, post] = [join(folder, 'base'), join(folder, 'post')]
  const written = (out: string): [string, string][] =>
    readdirSync(out)
      .sort()
      .map((name) => [name, readFileSync(join(out, name)).toString('base64')])
  const made = async (backend: 'tensorflow' | 'wasm'): Promise<unknown> => {
    const out = join(folder, 'out')
    const found: unknown[] = []
    for (const entry of [
      { editor: 'lowrank', rank: 2 },
      { editor: 'bitdelta', blocks: 4 },
      { editor: 'dare', drop_rate: 0.5 },
    ]) {
      await edit({ base, post }, entry, { out, backend, jobs: 1 })
      found.push(written(out))
      rmSync(out, { recursive: true })
    }
    const models = [{ model: post }, { model: base }]
    await merge({ merge_method: 'karcher', models, dtype: 'float32' }, { out, backend, jobs: 1 })
    found.push(written(out), await editDelta(hardValues(SIZE), SHAPE, { editor: 'lowrank', rank: 3 }, { backend }))
    rmSync(out, { recursive: true })
    return found
  }
  assert.deepEqual(await made('tensorflow'), await made('wasm'))
})

test('a sweep has the masks and norms of wasm, and its losses within a hundredth of their errors', {
  skip: absent,
}, async () => {
  const file = join(folder, 'own.yaml')
  writeFileSync(
    file,
    `name: own
models:
  - { name: llama3, base: base, post: post, tasks: [items.jsonl] }
  - { name: same, base: base, post: base, tasks: [items.jsonl] }
editors:
  - { editor: dare, drop_rate: 0.5 }
  - { editor: lowrank, rank: 2 }
  - { editor: bitdelta, blocks: 2 }
merges:
  - { merger: ties, posts: [post, base], drop_rate: 0.5 }
seeds: [3]
score: { items: 6 }
loss: { items: 6, rule: gauss, steps: 3 }
`,
  )
  const rowsOn = async (asked: 'tensorflow' | 'wasm') => {
    const found = await setBackend(asked)
    const out = join(folder, `rows-${asked}`)
    const { failed } = await runSweep(await loadExperiment(file), { folder: out, jobs: 1, backend: { asked, found } })
    assert.equal(failed, 0)
    return (await readResults(out)).rows
  }
  const [native, wasm] = [await rowsOn('tensorflow'), await rowsOn('wasm')]
  assert.equal(native.length, wasm.length)
  for (const [i, right] of wasm.entries()) {
    const row = native[i]!
    for (const name of ['id', 'label', 'kept', 'delta_norm', 'edit_norm', 'score_edited', 'class'] as const)
      assert.deepEqual((row as never)[name], (right as never)[name], `${right.label}: ${name}`)
    const [change, error] = [
      Math.abs(Number(row.loss_change) - Number(right.loss_change)),
      Number(right.loss_change_se),
    ]
    assert.ok(change < error / 100 + 1e-6, `${right.label}: ${change} beside an error of ${error}`)
  }
})

test("a bound on the memory of the process counts TensorFlow's library", { skip: absent }, async () => {
  const [base, post] = [join(folder, 'base'), join(folder, 'post')]
  const task = join(folder, 'items.jsonl')
  const least = async (backend: 'tensorflow' | 'wasm'): Promise<number> => {
    const chosen = { out: join(folder, 'x.delta'), budget: '1bit', task, items: 2, memory: 1e8, backend } as const
    const error = await compress(base, post, chosen).then(
      () => assert.fail('it is not refused'),
      (error: Error) => error,
    )
    return Number(/; (\d+)MB would do$/.exec(error.message)?.[1])
  }
  // Beside the library, its passes keep more than those of the kernels of wasm: for this small model about a megabyte.
  const more = (await least('tensorflow')) - (await least('wasm'))
  assert.ok(more >= 600 && more <= 602, `${more}`)
})

test('training on TensorFlow follows that on wasm', { skip: absent }, async () => {
  const weights: Float32Array[] = []
  for (const backend of ['tensorflow', 'wasm'] as const) {
    const recipe = trainingSchema.parse({
      name: 'tiny',
      out: `trained-${backend}`,
      from: 'post',
      tokenizer: 'post',
      items: 'items.jsonl',
      batch: 4,
      micro_batches: 2,
      steps: 3,
      learning_rate: 0.001,
      seed: 3,
    })
    await train(recipe, { root: folder, backend, workers: 2 })
    const bytes = readFileSync(join(folder, `trained-${backend}`, 'model.safetensors'))
    const from = 8 + Number(bytes.readBigUInt64LE(0))
    weights.push(new Float32Array(bytes.buffer.slice(bytes.byteOffset + from, bytes.byteOffset + bytes.length)))
  }
  const [native, wasm] = weights
  const worst = wasm!.reduce((most, value, i) => Math.max(most, Math.abs(value - native![i]!)), 0)
  assert.ok(worst > 0 && worst < 2e-4, `weights differ by ${worst} after three steps of 0.001`)
})
