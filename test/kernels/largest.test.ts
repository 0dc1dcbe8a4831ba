// Where the k largest entries lie, by histograms on kernels: as the selection in src/tensor finds it, entry by entry.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findLargest, LONGEST_ROW, together } from '../../src/kernels/index.js'
import { HOLDINGS, openTrials, writes } from '../../src/laws/program-trial.js'
import { hardValues, sampleValues } from '../../src/laws/samples.js'
import { largest } from '../../src/tensor/select.js'

const run = openTrials()

async function check(shape: readonly number[], values: Float32Array, wanted: readonly number[]): Promise<void> {
  const n = values.length
  for (const holding of HOLDINGS) {
    const program = writes(together([findLargest(wanted, n)]), () => ({ combine: 'sum', weights: [1] }))
    const { found, result } = await run({ shape, models: [values], program, holding })
    assert.ok(Buffer.from(result.buffer).equals(Buffer.from(values.slice().buffer)), 'a search changes nothing')
    for (const [i, k] of wanted.entries()) {
      const { above, ...cut } = found[0]![i]!
      const where = `${k} of ${shape} ${holding}`
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

test('more than there are is a fault of the program', async () => {
  assert.throws(() => findLargest([4], 3).next([]), /cannot keep 4 of 3/)
})
