// Tensors merged in runs of entries are the tensors merged whole; the passes that a scan of the models makes.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { z } from 'zod'
import {
  CONVENTIONS,
  defineMerger,
  mergers,
  mergeValues,
  parseMerging,
  scanModels,
  type TensorPart,
} from '../../src/mergers/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'

before(() => setBackend(BACKEND))

/** Values with many ties and zeros, so that cuts, signs and the order of entries matter. */
const draw = (seed: number, size: number) =>
  Float32Array.from({ length: size }, (_, i) => ((((i + 1) * (seed * 7919 + 12345)) % 11) - 5) / 4)
const parts: TensorPart[] = [[5, 8], [33], [1]].map((shape, p) => {
  const size = shape.reduce((a, b) => a * b)
  return { name: `t${p}`, shape, models: [1, 2].map((m) => draw(m + p, size)) }
})

/** Options that leave none of a merger's parts out. */
const given: Record<string, { options?: object; model?: object }> = {
  average: { model: { weight: 0.3 } },
  task_arithmetic: { options: { lambda: 0.7 } },
  ties: { model: { drop_rate: 0.4 } },
  slerp: { options: { t: 0.3, threshold: 1 } },
  karcher: {},
  multislerp: { model: { weight: 0.3 } },
  ram: { options: { epsilon: 0.5 } },
  ramplus_tl: { options: { epsilon: 0.5, alpha: 3 } },
  nearswap: { options: { t: 0.5 } },
  emr: { options: { task: 1 } },
  passthrough: { model: { scale: 2 } },
}

for (const merger of mergers.filter(({ reads }) => reads !== 'whole')) {
  test(`${merger.name}: runs of seven entries give the bits of the whole`, async () => {
    const { options = {}, model = {} } = given[merger.name]!
    const count = Math.min(2, merger.count[1])
    for (const convention of CONVENTIONS.filter((each) => merger.conventions.includes(each))) {
      const merging = parseMerging(merger, { convention, options, models: Array.from({ length: count }, () => model) })
      const own = parts.map((part) => ({ ...part, models: part.models.slice(0, count), embedding: false }))
      const walk = async function* () {
        yield* own
      }
      const scannedModels = await scanModels(merging, walk)
      for (const part of own) {
        const held = tf.memory().numTensors
        const [whole, runs] = [64, 7].map((block) =>
          mergeValues({ ...merging, scannedModels }, part, draw(9, part.models[0]!.length), {
            warn: () => undefined,
            block,
          }),
        )
        assert.deepEqual(await runs, await whole, `${convention} ${part.name}`)
        assert.equal(tf.memory().numTensors, held)
      }
    }
  })
}

test('TIES over the whole model walks it three times: two histograms, and the vote together with the ties', async () => {
  for (const [convention, passes] of [
    ['paper', 3],
    ['mergelm', 3],
    ['mergekit', 3],
  ] as const) {
    const merging = parseMerging(mergers.find(({ name }) => name === 'ties')!, {
      convention,
      options: { granularity: 'model' },
      models: [{ drop_rate: 0.4 }, { drop_rate: 0.8 }],
    })
    let walks = 0
    await scanModels(merging, async function* () {
      walks++
      yield* parts
    })
    assert.equal(walks, passes, convention)
  }
})

test('a batch of matrices is merged as its matrices where the method works on matrices', async () => {
  const options: Record<string, object> = { model_stock: { filter_wise: true }, twin: { fraction: 0.5 } }
  const apart = mergers.filter(({ perMatrix }) => perMatrix('paper'))
  assert.deepEqual(apart.map(({ name }) => name).sort(), [
    'iso_c',
    'knots_ties',
    'model_stock',
    'tsv_merge',
    'twin',
    'widen',
  ])
  for (const merger of apart) {
    const model = merger.name === 'twin' ? { gate: 0.5 } : {}
    const merging = parseMerging(merger, { options: options[merger.name] ?? {}, models: [model, model] })
    const models = [1, 2].map((seed) => draw(seed, 3 * 5 * 8))
    const base = draw(9, 3 * 5 * 8)
    const said: string[] = []
    const whole = await mergeValues(
      merging,
      { name: 'w', shape: [3, 5, 8], models, embedding: false, batch: true },
      base,
      { warn: (text) => said.push(text) },
    )
    for (let i = 0; i < 3; i++) {
      const part = (values: Float32Array) => values.subarray(i * 40, (i + 1) * 40)
      const alone = await mergeValues(
        merging,
        { name: `w[${i}]`, shape: [5, 8], models: models.map(part), embedding: false },
        part(base),
        { warn: () => undefined },
      )
      assert.deepEqual(part(whole), alone, `${merger.name}, matrix ${i}`)
    }
    assert.ok(said.every((text) => /^w\[\d\]: /.test(text)))
  }
})

test('a merger that returns another shape is refused by name, whole and in runs', async () => {
  const merger = defineMerger({
    name: 'wrong',
    options: z.strictObject({}),
    merge: ({ models }) => models[0]!.reshape([-1]).slice(0, 1),
  })
  const merging = parseMerging(merger, { models: [{}, {}] })
  const part = { ...parts[0]!, embedding: false }
  for (const [block, shape] of [
    [100, '5, 8'],
    [7, '7'],
  ] as const)
    await assert.rejects(mergeValues(merging, part, null, { warn: assert.fail, block }), {
      name: 'UserError',
      message: `t0: merger wrong must return a tensor of shape [${shape}]; got one of shape [1]`,
    })
})
