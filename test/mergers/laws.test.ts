// The laws of the house, over the whole list of mergers: what every merger must keep whatever it does.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { factsOf } from '../../src/errors/options.js'
import { CONVENTIONS, mergerNamed, mergers, parseMerging } from '../../src/mergers/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { close, ofDeltas, run, values, type Setting, type Try } from './run.js'

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
      { options: { sign: 'frequency', combine: 'max' }, models: [{ weight: 0.5 }, { weight: -1 }] },
      { options: { granularity: 'tensor', combine: 'sum' } },
      { options: { granularity: 'model', normalize: false, lambda: 2 }, models: [{ weight: 3 }] },
    ],
    one: full,
    same: full,
  },
  fisher: { tries: [{}, { options: { normalize: false }, models: [{ weight: 1 }, { weight: 3 }] }], one: {}, same: {} },
  regmean: { tries: [{}, { options: { reduce_non_diagonal_ratio: 0 } }], one: {}, same: {} },
  // Columns that stand out in several models are added several times: equal models do not come out as they are.
  widen: { tries: [{}, { options: { above_average_value_ratio: 1.6, score_calibration_value: 0.8 } }], one: {}, same: null },
  slerp: {
    tries: [{ options: { t: 0 } }, { options: { t: 0.3 } }, { options: { t: 0.5, threshold: 0 } }, { options: { t: 1 } }],
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
  model_stock: { tries: [{}, { options: { filter_wise: true } }, { options: { average_of: 'angles' } }], one: null, same: {} },
  sce: { tries: [{}, { options: { select_topk: 0.3 } }, { options: { select_topk: 0 } }], one: {}, same: {} },
  emr: { tries: [{}, { options: { task: 1 } }, { options: { task: 2 } }], one: { options: { task: 1 } }, same: { options: { task: 2 } } },
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
  passthrough: { tries: [{}, { models: [{ scale: 0.5 }] }], one: {}, same: {} },
}


