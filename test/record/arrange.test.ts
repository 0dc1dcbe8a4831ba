// The provenance of rows that come from several starts, worked out by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metaOf } from '../../src/record/arrange.js'
import type { Meta, Results } from '../../src/record/index.js'
import { meta, planOf, row } from './example.js'

const [here, there] = ['here', 'there'].map((cpu) => ({ ...meta.environment, cpu })) as [
  Meta['environment'],
  Meta['environment'],
]
const main: Results = {
  ...{ folder: 'results', rows: [], terms: [], config: '' },
  meta: { ...meta, started: '2024-01-02', finished: '2024-01-03', environment: here, jobs: 4 },
}
const stay = [{ ...row, id: 'a' }]
const back = new Map([['shard', [{ ...row, id: 'b' }]]])

/** Of runs of which one is in the results folder and one in a shard. */
const found = (ids: string[], shard: Partial<Meta>) =>
  metaOf(planOf(ids, { started: '2024-01-09', jobs: 2, config_hash: 'new' }), { stay, left: [], back }, main, [
    { folder: 'shard', rows: [...back.values()].flat(), meta: { ...meta, environment: there, ...shard } },
  ])

test('where no run is missing, rows are as old as the first start, and finished when the last part was', () => {
  const whole = found(['a', 'b'], { started: '2024-01-01', finished: '2024-01-05' })
  assert.deepEqual([whole.started, whole.finished, whole.latest], ['2024-01-01', '2024-01-05', undefined])
  assert.deepEqual([whole.environment, whole.jobs, whole.earlier], [here, 4, [there]])
  assert.equal(found(['a', 'b'], { finished: null }).finished, null)
})

test('where a run is missing, this start makes it, and says what it found', () => {
  const part = found(['a', 'b', 'c'], { started: '2024-01-04', finished: '2024-01-05' })
  assert.deepEqual([part.started, part.finished], ['2024-01-02', null])
  assert.deepEqual(part.latest, { started: '2024-01-09', found: 2 })
  assert.deepEqual([part.environment, part.jobs, part.earlier], [meta.environment, 2, [here, there]])
})
