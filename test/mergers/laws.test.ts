// The laws of the house, over the whole list of mergers: what every merger must keep whatever it does.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { CONVENTIONS, mergerNamed, mergers, parseMerging } from '../../src/mergers/index.js'
import { factsOf } from '../../src/schema/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { close, ofDeltas, run, type Setting, type Try, values } from './run.js'

before(() => setBackend('wasm'))

interface Facts {
  /** Settings to try; by default in every convention. */
  tries: Try[]
  /** Settings under which one model comes out as it went in; null where the method has none, with the reason. */
  one: Try | null
  /** Settings under which equal models come out as they are. */
  same: Try | null
}

const full = { models: [{ drop_rate: 0 }] }
/** A new merger needs its line here. */
const tried: Record<string, Facts> = {
  average: { tries: [{}, { models: [{ weight: 0.5 }, { weight: 2 }] }], one: {}, same: {} },
  task_arithmetic: {
    tries: [{}, { options: { lambda: 0.3, normalize: true }, models: [{ weight: -1 }, { weight: 2 }] }],
    one: {},
    same: { options: { normalize: true } },
  },
  ties: {
    tries: [
      {},
      full,
      { models: [{ density: 0.5 }] },
      { models: [{ drop_rate: 1 }] },
      { options: { sign: 'frequency', combine: 'max' }, models: [{ weight: 0.5 }, { weight: 2 }] },
      {
        models: [
          { weight: 0.5, density: 0.7 },
          { weight: -1, density: 0.7 },
        ],
      },
      { options: { granularity: 'tensor', combine: 'sum' } },
      { options: { granularity: 'model', normalize: false, lambda: 2 }, models: [{ weight: 3 }] },
    ],
    one: full,
    same: full,
  },
  fisher: { tries: [{}, { options: { normalize: false }, models: [{ weight: 1 }, { weight: 3 }] }], one: {}, same: {} },
  regmean: { tries: [{}, { options: { reduce_non_diagonal_ratio: 0 } }], one: {}, same: {} },
  // Columns that stand out in several models are added several times: equal models do not come out as they are.
  widen: {
    tries: [{}, { options: { above_average_value_ratio: 1.6, score_calibration_value: 0.8 } }],
    one: {},
    same: null,
  },
  slerp: {
    tries: [
      { options: { t: 0 } },
      { options: { t: 0.3 } },
      { options: { t: 0.5, threshold: 0 } },
      { options: { t: 1 } },
    ],
    one: null,
    same: { options: { t: 0.3 } },
  },
  nuslerp: {
    tries: [
      {},
      { models: [{ weight: 1 }, { weight: 3 }] },
      { options: { flatten: false } },
      { options: { flatten: false, row_wise: true } },
      { models: [{ weight: 1 }, { weight: -1 }] },
    ],
    one: null,
    same: {},
  },
  model_stock: {
    tries: [{}, { options: { filter_wise: true } }, { options: { average_of: 'angles' } }],
    one: null,
    same: {},
  },
  sce: { tries: [{}, { options: { select_topk: 0.3 } }, { options: { select_topk: 0 } }], one: {}, same: {} },
  emr: {
    tries: [{}, { options: { task: 1 } }, { options: { task: 2 } }],
    one: { options: { task: 1 } },
    same: { options: { task: 2 } },
  },
  // One model keeps all of its triplets; several keep a share each, and equal ones cannot be made orthogonal.
  tsv_merge: { tries: [{}, { options: { alpha: 0.5 } }], one: {}, same: null },
  iso_c: { tries: [{}, { options: { alpha: 0.5 } }], one: null, same: null }, // it flattens the spectrum of any delta
  knots_ties: {
    tries: [{}, full, { models: [{ weight: 2, density: 0.5 }] }],
    one: { ...full, options: { least: 0 } },
    same: { ...full, options: { least: 0 } },
  },
  twin: {
    tries: [{}, { models: [{ gate: 0.5 }] }, { options: { fraction: 0.5 }, models: [{ gate: 1 }, { gate: 0 }] }],
    one: { options: { fraction: 1 }, models: [{ gate: 1 }] },
    same: null,
  },
  nearswap: {
    tries: [{ options: { t: 0.005 } }, { options: { t: 0 } }],
    one: { options: { t: 1e6 } },
    same: { options: { t: 1e6 } },
  },
  passthrough: { tries: [{}, { models: [{ scale: 0.5 }] }], one: {}, same: {} },
}

test("every merger has settings to try; names are unique and those of their files' words", () => {
  assert.deepEqual(
    mergers.map(({ name }) => name),
    Object.keys(tried),
  )
})

for (const merger of mergers) {
  const { tries, one, same } = tried[merger.name]!
  const [fewest, most] = merger.count
  const several = Math.min(3, most)
  const different = Array.from({ length: several }, (_, m) => (size: number) => values(size, m))
  const settings = tries.flatMap((each) => merger.conventions.map((convention) => ({ ...each, convention })))

  describe(merger.name, () => {
    test('shape and dtype are kept, results are finite, inputs stay, nothing leaks; equal runs give equal bits', async () => {
      for (const setting of settings) {
        const first = await run(merger, { ...setting, deltas: different })
        for (const { result, shape } of first.results)
          assert.ok(result.every(Number.isFinite), JSON.stringify([setting, shape]))
        assert.deepEqual(await run(merger, { ...setting, deltas: different }), first)
      }
    })

    test('zero deltas give the base', async () => {
      const nothing = Array.from({ length: several }, () => (size: number) => new Float32Array(size))
      for (const setting of settings) {
        if (setting.models?.some(({ scale }) => scale !== undefined)) continue
        const { results } = await run(merger, { ...setting, deltas: nothing })
        for (const { result, inputs } of results)
          close(result, inputs[0]!, JSON.stringify(setting), ofDeltas(merger) ? 0 : 1e-6)
      }
    })

    test('one model comes out as it went in', async () => {
      if (!one || fewest > 1) return
      for (const convention of merger.conventions) {
        const { results } = await run(merger, { ...one, convention, deltas: [different[0]!] })
        for (const { result, inputs, shape } of results) close(result, inputs[0]!, `${convention} ${shape}`)
      }
    })

    test('equal models come out as they are', async () => {
      if (!same) return
      for (const convention of merger.conventions) {
        const { results } = await run(merger, { ...same, convention, deltas: different.map(() => different[0]!) })
        for (const { result, inputs, shape } of results) close(result, inputs[0]!, `${convention} ${shape}`)
      }
    })

    test('the order of the models matters only where they have parts to play', async () => {
      const order = [...different.keys()].reverse()
      let differs = false
      for (const setting of settings) {
        const [there, back] = [
          await run(merger, { ...setting, deltas: different }),
          await run(merger, { ...setting, deltas: different, order }),
        ]
        there.results.forEach(({ result, shape }, i) => {
          if (!merger.ordered) close(result, back.results[i]!.result, JSON.stringify([setting, shape]), 1e-5)
          else differs ||= result.some((v, j) => Math.abs(v - back.results[i]!.result[j]!) > 1e-3)
        })
      }
      assert.equal(differs, merger.ordered ?? false)
    })

    test('cpu and wasm agree', async () => {
      for (const setting of settings) {
        const wasm = await run(merger, { ...setting, deltas: different })
        await tf.setBackend('cpu')
        const cpu = await run(merger, { ...setting, deltas: different }).finally(() => tf.setBackend('wasm'))
        wasm.results.forEach(({ result }, i) => close(result, cpu.results[i]!.result, JSON.stringify(setting), 1e-5))
      }
    })

    test('options are described and strict; conventions are known; the number of models is checked', () => {
      for (const schema of [merger.options, merger.modelOptions])
        for (const fact of factsOf(schema)) assert.match(fact.description, /^.{15,}\.$/)
      const models = Array.from({ length: several }, (_, m) => tries[0]!.models?.[m] ?? {})
      const parse = (more: object) => parseMerging(merger, { options: tries[0]!.options, models, ...more })
      assert.throws(
        () => parse({ options: { ...tries[0]!.options, colour: 1 } }),
        /^UserError: .*unknown option of .*"colour"/,
      )
      assert.throws(
        () => parse({ models: models.map((m) => ({ ...m, colour: 1 })) }),
        /^UserError: .*unknown option of each model of .*"colour"/,
      )
      for (const convention of CONVENTIONS) {
        if (!merger.conventions.includes(convention))
          assert.throws(() => parse({ convention }), /^UserError: .*has no convention/)
      }
      assert.throws(
        () => parse({ models: [] }),
        /^UserError: .* merges (exactly|at least) \d models? \(the base not counted\); got 0/,
      )
      assert.equal(merger.conventions[0], 'paper')
      assert.match(merger.cite, /\d{4}/)
    })
  })
}

test('unknown mergers name the nearest', () => {
  assert.throws(() => mergerNamed('tie'), /unknown merger "tie"; did you mean "ties"/)
})

test('what degenerates is said', async () => {
  const said = async (name: string, setting: Partial<Setting>) =>
    (await run(mergerNamed(name), { deltas: [(n) => values(n, 0), (n) => values(n, 1)], ...setting })).warnings.join(
      '\n',
    )
  assert.match(
    await said('slerp', { options: { t: 0.5, threshold: 0 } }),
    /linear branch: the cosine of the models is 0\.\d+, beyond 0/,
  )
  assert.match(
    await said('ties', { options: { granularity: 'tensor' }, convention: 'mergekit' }),
    /trim of model 2: 3 entries: the number of kept ones rounds to 0/,
  )
  assert.match(
    await said('ties', { options: { granularity: 'tensor' }, models: [{ drop_rate: 0.95 }] }),
    /entries are tied at the threshold/,
  )
  assert.match(
    await said('model_stock', { deltas: [(n) => values(n, 0), (n) => values(n, 0).map((v) => -0.5 * v)] }),
    /infinite|outside \[0, 1\]/,
  )
  assert.match(
    await said('ties', { models: [{ drop_rate: 0.95 }] }),
    /trim of model 1: \d+ of 148 entries are tied at the threshold/,
  )
  assert.match(await said('tsv_merge', {}), /1 × 5 has no singular vector for each of 2 models/)
})
