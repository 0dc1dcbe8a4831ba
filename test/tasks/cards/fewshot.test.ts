// Examples in front of items: the first ones, and those that Python's generator draws for one item after the other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDrawer } from '../../../src/tasks/cards/fewshot.js'

const rowsOf = (count: number, more: (i: number) => object = () => ({})) =>
  Array.from({ length: count }, (_, i) => ({ where: `pool:${i + 1}`, number: i + 1, row: { n: i, ...more(i) } }))
const settings = { number: 5, sampling: 'random', seed: 1234, spare: 0, separator: '\n\n' } as const
const other = { n: -1 }

test('random: what random.Random(1234).sample draws from 20 rows, item after item', () => {
  const draw = openDrawer(settings, rowsOf(20))
  const numbers = () => draw(other).map(({ row }) => row.n)
  assert.deepEqual(
    [numbers(), numbers(), numbers()],
    [
      [14, 3, 0, 2, 1],
      [2, 3, 11, 7, 0],
      [0, 19, 11, 15, 14],
    ],
  )
})

test('spare: one more is drawn, and stands in for the item itself', () => {
  const draw = openDrawer({ ...settings, number: 4, spare: 1 }, rowsOf(20))
  assert.deepEqual(
    draw(other).map(({ row }) => row.n),
    [14, 3, 0, 2],
  )
  assert.deepEqual(
    draw({ n: 3 }).map(({ row }) => row.n),
    [2, 11, 7, 0],
  )
})

// random.Random(1234): sample(20, 4), of which rows 3 and 2 are copies of the item, then sample of the 17 others, 3.
test('copies of the item in the pool: drawn again from the others, with the same generator', () => {
  const copies = rowsOf(20).map((each) => ([3, 2, 7].includes(each.row.n) ? { ...each, row: { n: 3 } } : each))
  const draw = openDrawer({ ...settings, number: 3, spare: 1 }, copies)
  assert.deepEqual(
    [draw({ n: 3 }), draw({ n: 3 })].map((shots) => shots.map(({ row }) => row.n)),
    [
      [1, 4, 19],
      [11, 0, 17],
    ],
  )
  assert.throws(
    () => draw({ n: 3 }) && openDrawer({ ...settings, number: 18 }, copies)({ n: 3 }),
    /18 .* and 17 are there/,
  )
})

test('first: the same for all, without the item', () => {
  const draw = openDrawer({ ...settings, sampling: 'first', number: 2 }, rowsOf(4))
  assert.deepEqual(
    draw({ n: 0 }).map(({ row }) => row.n),
    [1, 2],
  )
  assert.deepEqual(
    draw(other).map(({ row }) => row.n),
    [0, 1],
  )
})

test('same: a generator of its own for each value', () => {
  const draw = openDrawer(
    { ...settings, same: 'part' },
    rowsOf(40, (i) => ({ part: i % 2 })),
  )
  const from = (part: number) => draw({ n: -1, part }).map(({ row }) => ((row.n as number) - part) / 2)
  assert.deepEqual(
    [from(0), from(1), from(0)],
    [
      [14, 3, 0, 2, 1],
      [14, 3, 0, 2, 1],
      [2, 3, 11, 7, 0],
    ],
  )
  assert.throws(() => draw({ n: -1, part: 7 }), /5 examples are wanted and 0 are there with the same part/)
})
