// Where the k largest entries lie, by samples and lists on kernels: as the selection in src/tensor finds it, entry by entry.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findLargest, LONGEST_ROW, runsOf, stripOf, together } from '../../src/kernels/index.js'
import { openTrials, writes } from '../../src/laws/program-trial.js'
import { hardValues, sampleValues } from '../../src/laws/samples.js'
import { largest } from '../../src/tensor/select.js'

const run = openTrials()

async function check(shape: readonly number[], values: Float32Array, wanted: readonly number[]): Promise<void> {
  const n = values.length
  // Blocks of one strip, two blocks, and one, whose thread searches by itself.
  for (const block of [1, Math.ceil(0.7 * n), n]) {
    const program = writes(together([findLargest(wanted, n)]), () => ({ combine: 'sum', weights: [1] }))
    const { found, result } = await run({ shape, models: [values], program, holding: 'strip by strip', block })
    assert.ok(Buffer.from(result.buffer).equals(Buffer.from(values.slice().buffer)), 'a search changes nothing')
    for (const [i, k] of wanted.entries()) {
      const { above, ...cut } = found[0]![i]!
      const where = `${k} of ${shape}, blocks of ${block}`
      assert.deepEqual(cut, largest(values, k), where)
      assert.equal(above, values.filter((value) => Math.abs(value) > cut.threshold).length, where)
    }
  }
}

test('random values, ties, one value and zeros; none, one, some and all of them', async () => {
  for (const shape of [[1], [7], [130, 129], [2, 20001]]) {
    const n = shape.reduce((product, side) => product * side)
    const wanted = [0, 1, Math.ceil(n / 2), Math.floor(n / 3), n - 1, n]
    const all = [
      sampleValues(n),
      hardValues(n),
      hardValues(n, 1).map((value) => Math.round(value * 8)),
      new Float32Array(n).fill(-2),
      new Float32Array(n),
    ]
    for (const values of all) await check(shape, values, wanted)
  }
})

test('a row that is longer than any that stays whole', async () => {
  const columns = LONGEST_ROW + 5
  const values = Float32Array.from({ length: columns }, (_, i) => (Math.imul(i, 2654435761) >> 20) / 8)
  await check([columns], values, [1000, columns - 3])
  // The strips that are sampled are unlike the others: what is guessed from them is wrong.
  const misleading = values.map((value, i) => ((i >> 14) % 16 === 0 ? 1000 * value : value))
  await check([columns], misleading, [columns >> 1])
})

const [rows, columns] = [500, 601]
const n = rows * columns
const shares = [0.001, 0.01, 0.5, 0.9, 0.999].map((share) => Math.floor(share * n))

test('a tensor that is sampled: many magnitudes, few, and rows of different size', async () => {
  const values = sampleValues(n)
  await check([rows, columns], values, shares)
  const grid = values.map((value) => Math.round(value * 4) / 4)
  await check([rows, columns], grid, shares)
  const sizes = values.map((value, i) => value * 1.02 ** Math.floor(i / columns))
  await check([rows, columns], sizes, shares)
})

test('a sample that misleads costs passes, and changes nothing', async () => {
  const strip = stripOf(columns)
  const sample = { sum: 'bracket', of: 0, low: 0, high: 0, first: 0, second: 0, sample: true } as const
  const runs = runsOf([sample], { size: n, strip, columns }, false)!
  assert.ok(runs.length > 16 && runs.every(({ from, to }) => from % columns === 0 && to <= n))
  for (const factor of [1e-6, 1e6]) {
    const values = sampleValues(n)
    for (const { from, to } of runs) for (let i = from; i < to; i++) values[i]! *= factor
    await check([rows, columns], values, shares)
    await check(
      [rows, columns],
      values.map((value) => Math.round(value * 4) / 4),
      shares,
    )
  }
})

test('more than there are is a fault of the program', async () => {
  assert.throws(() => findLargest([4], 3).next([]), /cannot keep 4 of 3/)
})
