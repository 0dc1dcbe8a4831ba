// The laws of mergers: every built-in merger keeps them, and mergers that break one are caught by it.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { z } from 'zod'
import { checkMerger, type MergerCheck, mergerLaws, mergerSubject } from '../../src/laws/index.js'
import { defineMerger, type MergeInputs, mergerNamed, mergers } from '../../src/mergers/index.js'
import { setBackend, type Tensor, tf } from '../../src/tensor/index.js'

before(() => setBackend('wasm'))

const full = { models: [{ drop_rate: 0 }] }
/** A new merger needs its line here. */
const tried: Record<string, MergerCheck> = {
  average: { settings: [{}, { models: [{ weight: 0.5 }, { weight: 2 }] }], one: {}, same: {} },
  task_arithmetic: {
    settings: [{}, { options: { lambda: 0.3, normalize: true }, models: [{ weight: -1 }, { weight: 2 }] }],
    one: {},
    same: { options: { normalize: true } },
  },
  ties: {
    settings: [
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
  fisher: {
    settings: [{}, { options: { normalize: false }, models: [{ weight: 1 }, { weight: 3 }] }],
    one: {},
    same: {},
  },
  regmean: { settings: [{}, { options: { reduce_non_diagonal_ratio: 0 } }], one: {}, same: {} },
  // Columns that stand out in several models are added several times: equal models do not come out as they are.
  widen: {
    settings: [{}, { options: { above_average_value_ratio: 1.6, score_calibration_value: 0.8 } }],
    one: {},
    same: null,
  },
  slerp: {
    settings: [
      { options: { t: 0 } },
      { options: { t: 0.3 } },
      { options: { t: 0.5, threshold: 0 } },
      { options: { t: 1 } },
    ],
    one: null,
    same: { options: { t: 0.3 } },
  },
  nuslerp: {
    settings: [
      {},
      { models: [{ weight: 1 }, { weight: 3 }] },
      { options: { flatten: false } },
      { options: { flatten: false, row_wise: true } },
      { models: [{ weight: 1 }, { weight: -1 }] },
    ],
    one: null,
    same: {},
  },
  multislerp: {
    settings: [{}, { options: { normalize_weights: false }, models: [{ weight: 0.5 }, { weight: 2 }] }],
    one: {},
    same: {},
  },
  // Two models of equal weight: their mean has their mean length.
  karcher: { settings: [{}, { options: { max_iter: 2 } }], one: {}, same: {} },
  model_stock: {
    settings: [{}, { options: { filter_wise: true } }, { options: { average_of: 'angles' } }],
    one: null,
    same: {},
  },
  sce: { settings: [{}, { options: { select_topk: 0.3 } }, { options: { select_topk: 0 } }], one: {}, same: {} },
  ram: {
    settings: [{}, { options: { epsilon: 0.01 } }],
    one: { options: { epsilon: 0 } },
    same: { options: { epsilon: 0 } },
  },
  ramplus_tl: {
    settings: [{}, { options: { r: 0.5, alpha: 3, epsilon: 0.01 } }],
    one: { options: { epsilon: 0 } },
    same: { options: { epsilon: 0 } },
  },
  emr: {
    settings: [{}, { options: { task: 1 } }, { options: { task: 2 } }],
    one: { options: { task: 1 } },
    same: { options: { task: 2 } },
  },
  // One model keeps all of its triplets; several keep a share each, and equal ones cannot be made orthogonal.
  tsv_merge: { settings: [{}, { options: { alpha: 0.5 } }], one: {}, same: null },
  iso_c: { settings: [{}, { options: { alpha: 0.5 } }], one: null, same: null }, // it flattens the spectrum of any delta
  knots_ties: {
    settings: [{}, full, { models: [{ weight: 2, density: 0.5 }] }],
    one: { ...full, options: { least: 0 } },
    same: { ...full, options: { least: 0 } },
  },
  twin: {
    settings: [{}, { models: [{ gate: 0.5 }] }, { options: { fraction: 0.5 }, models: [{ gate: 1 }, { gate: 0 }] }],
    one: { options: { fraction: 1 }, models: [{ gate: 1 }] },
    same: null,
  },
  nearswap: {
    settings: [{ options: { t: 0.005 } }, { options: { t: 0 } }],
    one: { options: { t: 1e6 } },
    same: { options: { t: 1e6 } },
  },
  // What is not important stays the base's.
  arcee_fusion: { settings: [{}], one: null, same: null },
  passthrough: { settings: [{}, { models: [{ scale: 0.5 }], keepsBase: false }], one: {}, same: {} },
}

test("every merger has settings to try; names are unique and those of their files' words", () => {
  assert.deepEqual(
    mergers.map(({ name }) => name),
    Object.keys(tried),
  )
})

for (const merger of mergers) {
  describe(merger.name, () => {
    const subject = mergerSubject(merger, tried[merger.name]!)
    for (const law of mergerLaws) test(law.name, () => law.check(subject))

    test('its convention is that of the paper unless another is named, and the paper is cited', () => {
      assert.equal(merger.conventions[0], 'paper')
      assert.match(merger.cite, /\d{4}/)
    })
  })
}

const options = z.strictObject({
  rate: z.number().min(0).max(1).default(0.5).describe('What the method does, as a share.'),
})
const sum = (models: readonly Tensor[]): Tensor =>
  models.slice(1).reduce((all, each) => all.add(each), models[0]!.clone())

test('a merger of a few lines keeps all laws, with settings made up from its schema', async () => {
  await checkMerger(defineMerger({ name: 'sum', options, merge: ({ models }) => sum(models) }), { one: {} })
  const median = defineMerger({
    name: 'median',
    options: z.strictObject({}),
    reads: 'whole',
    count: [3, 3],
    scanTensor: async ({ models }) => {
      const [a, b, c] = await Promise.all(models.map(async (each) => (await each.data()) as Float32Array))
      return a!.map((value, i) => Math.max(Math.min(value, b![i]!), Math.min(Math.max(value, b![i]!), c![i]!)))
    },
    merge: ({ models }, { scanned }) => tf.tensor(scanned, models[0]!.shape),
  })
  await checkMerger(median, { same: {} })
})

let calls = 0
/** What a broken merger does otherwise than `sum`. */
interface Change {
  merge?: (inputs: MergeInputs) => Tensor
  ordered?: boolean
}

/** Mergers that break a law, with the law. */
const broken: [law: RegExp, change: Change, check?: MergerCheck][] = [
  [/equal runs give equal bits": .* twice on a tensor/, { merge: ({ models }) => sum(models).mul(calls++) }],
  [/there are 2 new tensors/, { merge: ({ models }) => (tf.keep(models[0]!.mul(2)), sum(models)) }],
  [/it returns a tensor that it was given/, { merge: ({ models }) => models[0]! }],
  [
    /fails at the law .*must return a tensor of shape \[1, 1\]; got one of shape \[1\]/,
    { merge: ({ models }) => sum(models).flatten() },
  ],
  [/entry 0 is (NaN|-?Infinity)/, { merge: ({ models }) => sum(models).div(0) }],
  [/zero deltas give the base": .*entry 0 is 1, not 0/, { merge: ({ models }) => sum(models).add(1) }],
  [/one model comes out as it went in/, { merge: ({ models }) => sum(models).mul(2) }, { one: {} }],
  [/equal models come out as they are/, {}, { same: {} }],
  [/the order of the models matters.*in reverse/, { merge: ({ models }) => models[0]!.mul(2) }],
  [/the order of the models matters.*give the same/, { ordered: true }],
  [/runs of entries give the bits of the whole/, { merge: ({ models }) => sum(models).mul(sum(models).abs().max()) }],
]
for (const [message, change, check] of broken) {
  test(`caught: ${message.source}`, async () => {
    const merger = defineMerger({ name: 'broken', options, merge: ({ models }) => sum(models), ...change })
    await assert.rejects(checkMerger(merger, check), (error: Error) => {
      assert.match(`${error}`, message)
      assert.match(error.message, /^merger broken (?:breaks|fails at) the law "[^\n]*$/)
      return true
    })
  })
}

test('unknown mergers name the nearest', () => {
  assert.throws(() => mergerNamed('tie'), /unknown merger "tie"; did you mean "ties"/)
})
