// Two results folders: the same, other seeds, other settings, and numbers on both sides of their standard error.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Results, Row } from '../../src/record/index.js'
import { compareResults } from '../../src/report/index.js'
import { assertClose } from '../close.js'
import { meta } from '../record/example.js'
import { makeRow } from './rows.js'

const rows = [1, 2].map((seed) =>
  makeRow({ seed, options: { drop_rate: 0.9 }, loss_change: 0.5, loss_change_se: 0.03, score_edited: 0.75, n: 100 }),
)
const results = (some: readonly Row[], config = 'score: { items: 100 }\ntitle: x\n'): Results => ({
  folder: 'x',
  rows: [...some],
  terms: [],
  meta,
  config,
})
/** The first run with other numbers. */
const other = (change: Partial<Row>) => compareResults(results(rows), results([{ ...rows[0]!, ...change }, rows[1]!]))

test('the same rows agree, in any order', () => {
  const found = compareResults(results(rows), results(rows.toReversed(), 'title: y\nscore: { items: 100 }\n'))
  assert.deepEqual(found, {
    agree: true,
    changed: [],
    onlyFirst: [],
    onlySecond: [],
    both: 2,
    equal: 2,
    close: 0,
    differences: [],
  })
})

test('a number differs beyond the error of the difference, which is that of both', () => {
  // .03 and .03 together are .0424; 75 of 100 answers, with one right and one wrong more: √(.745 · .255 / 100) = .0436 each.
  for (const change of [{ loss_change: 0.54 }, { score_edited: 0.8 }, { loss_pre: 2.5001 }]) {
    const { agree, equal, close } = other(change)
    assert.deepEqual({ agree, equal, close }, { agree: true, equal: 1, close: 1 }, JSON.stringify(change))
  }
  for (const [change, column] of [
    [{ loss_change: 0.55 }, 'loss_change'],
    [{ score_edited: 0.68 }, 'score_edited'],
    [{ loss_pre: 2.51 }, 'loss_pre'],
    [{ score_edited: null }, 'score_edited'],
    [{ status: 'failed', score_edited: null }, 'status'],
  ] as const) {
    const { agree, close, differences } = other(change)
    assert.deepEqual([agree, close, differences.map((each) => each.column)], [false, 0, [column]])
    assert.equal(differences[0]!.run, 'small math dare drop_rate=0.9 seed=1')
  }
  assertClose(other({ loss_change: 0.55 }).differences[0]!.error!, 0.03 * Math.SQRT2, { tolerance: 1e-12 })
  // 76 and 69 of 102.
  const share = (right: number) => ((right / 102) * (1 - right / 102)) / 100
  const { error } = other({ score_edited: 0.68 }).differences[0]!
  assertClose(error!, Math.sqrt(share(76) + share(69)), { tolerance: 1e-12 })
})

test('what has no error comes first, then the largest difference in errors', () => {
  // √2 · .03 = .0424: 1.4 and 2.4 errors; a loss of base has none.
  const { differences } = other({ loss_change: 0.56, riemann_sum: 0.109, loss_pre: 3 })
  assert.deepEqual(
    differences.map(({ column }) => column),
    ['loss_pre', 'riemann_sum', 'loss_change'],
  )
})

test('further scores are compared: by their own error, as answers, or closely', () => {
  const scores = { kl: 0.5, kl_se: 0.03, kl_max: 9, same_top: 0.75, right_change: -0.01, mean_rank: 7 }
  const compare = (change: Partial<typeof scores>) =>
    compareResults(
      results([{ ...rows[0]!, others_edited: scores }]),
      results([{ ...rows[0]!, others_edited: { ...scores, ...change } }]),
    )
  for (const [change, far] of [
    [{}, []],
    [{ kl: 0.54, kl_se: 0.02 }, ['kl']], // √(.03² + .02²) = .036
    [{ kl: 0.54 }, []],
    [{ kl_se: 0.02 }, []],
    [{ same_top: 0.8, right_change: -0.02 }, []],
    [{ same_top: 0.68 }, ['same_top']],
    [{ right_change: -0.1 }, ['right_change']],
    [{ mean_rank: 7.0005, kl_max: 9.1 }, ['kl_max']],
    [{ mean_rank: 7.0015 }, ['mean_rank']],
  ] as const) {
    const { agree, differences } = compare(change)
    const names = differences.map(({ column }) => column.replace('others_edited.', ''))
    assert.deepEqual([agree, names], [far.length === 0, far], JSON.stringify(change))
  }
  assert.equal(compare({ kl: 0.54 }).equal, 0)
})

test('a loss near 0 agrees to the rounding of float32, whatever part of it or of its error that is', () => {
  // As TensorFlow's library and wasm give it.
  const fitted = { loss_post: 0.0004579797387123108, loss_change: 1.2e-6, loss_change_se: 1e-9 }
  const compare = (change: Partial<Row>) =>
    compareResults(results([{ ...rows[0]!, ...fitted }]), results([{ ...rows[0]!, ...fitted, ...change }])).agree
  assert.equal(compare({ loss_post: 0.0004579201340675354, loss_change: 1.1e-6 }), true)
  assert.equal(compare({ loss_post: 0.00046 }), false)
  assert.equal(compare({ loss_change: 3e-6 }), false)
})

test('a run is found by its words once, and another of the same words is left', () => {
  const anew = (id: string) => ({ ...rows[0]!, id })
  const { both, onlyFirst } = compareResults(results([anew('a'), anew('b')]), results([anew('c')]))
  assert.deepEqual([both, onlyFirst.length], [1, 1])
})

test('runs that only one has', () => {
  const third = makeRow({ seed: 3, options: { drop_rate: 0.9 } })
  const { agree, onlyFirst, onlySecond, both } = compareResults(results([...rows, third]), results([rows[1]!]))
  assert.deepEqual(
    [agree, both, onlyFirst, onlySecond],
    [false, 1, ['small math dare drop_rate=0.9 seed=1', 'small math dare drop_rate=0.9 seed=3'], []],
  )
})

test('runs with other settings, and so other ids, are found by their words; settings and origins are named', () => {
  const changed: Results = {
    ...results(
      rows.map((row) => ({ ...row, id: `x${row.id}` })),
      'score: { items: 50 }\nseeds: 2\n',
    ),
    meta: { ...meta, backend: { name: 'tensorflow', package: 'native 1' } },
  }
  const found = compareResults(results(rows), changed)
  assert.deepEqual([found.agree, found.both, found.equal], [true, 2, 2])
  assert.deepEqual(found.changed, [
    'score.items: 100 → 50',
    'seeds: absent → 2',
    `backend: ${JSON.stringify(meta.backend.package)} → "native 1"`,
  ])
})
