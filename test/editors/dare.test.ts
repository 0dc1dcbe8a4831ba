// Masks of DARE: nested over rates, independent over seeds and tensors, dropped at the stated rate.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { applySteps, bitsOf, editorNamed, parseOptions } from '../../src/editors/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { deltas } from './fixtures.js'

before(() => setBackend(BACKEND))

function dare(raw: object, seed: number, values: Float32Array, tensor = 'w') {
  const editor = editorNamed('dare')
  return applySteps([{ editor, options: parseOptions(editor, raw) }], values, [values.length], { seed, tensor })
}

test('the property list of the reference set: kept share, kept values, exact zeros', async () => {
  for (const p of [0.1, 0.5, 0.9]) {
    let [kept, n] = [0, 0]
    for (const [name, { values }] of deltas('ft1')) {
      const result = await dare({ drop_rate: p }, 3, values, name)
      result.forEach((value, i) => {
        if (value === 0) return
        kept++
        assertClose(value * (1 - p), values[i]!, { tolerance: 2e-7 * Math.abs(values[i]!) }, `entry ${i}`)
      })
      n += values.length
    }
    assertClose(kept / n, 1 - p, { tolerance: 4 * Math.sqrt((p * (1 - p)) / n) })
  }
})

test('masks nest across rates, and differ between tensors', async () => {
  const ones = new Float32Array(3000).fill(1)
  const kept = async (drop_rate: number, tensor = 'w') =>
    (await dare({ drop_rate, rescale: false }, 5, ones, tensor)).map((v) => (v === 0 ? 0 : 1))
  const [p1, p5, p9] = [await kept(0.1), await kept(0.5), await kept(0.9)]
  assert.ok(p9.every((keep, i) => keep <= p5[i]! && p5[i]! <= p1[i]!))
  assert.notDeepEqual(await kept(0.5, 'v'), p5)
})

test('the variance of the change is (k - 1)² p / (1 - p) per unit of delta squared', async () => {
  const n = 40000
  const ones = new Float32Array(n).fill(1)
  for (const [p, k, expected] of [
    [0.9, 0, 9],
    [0.7, -1, 9.333333],
    [0.5, 0.5, 0.25],
  ]) {
    const result = await dare({ drop_rate: p, k }, 7, ones)
    const squares = result.reduce((sum, value) => sum + (value - 1) ** 2, 0) / n
    assertClose(squares / expected!, 1, { tolerance: 0.05 })
  }
})

test('bits: bitmask and values at p = .5, indices at p = .999, dense when k is not 0', async () => {
  const editor = editorNamed('dare')
  const bits = (raw: object, kept: number) =>
    bitsOf([{ editor, options: parseOptions(editor, raw) }], [1024], kept, { seed: 0, tensor: 'w' })
  assert.equal(await bits({ drop_rate: 0.5 }, 512), 1024 + 512 * 16)
  assert.equal(await bits({ drop_rate: 0.999 }, 1), 26)
  assert.equal(await bits({ drop_rate: 0.5, k: 0.5 }, 1024), 1024 * 16)
})

test('rates outside the range are refused with what was given', () => {
  const parse = (raw: object) => () => parseOptions(editorNamed('dare'), raw, 'a.yaml:7')
  assert.throws(parse({ drop_rate: 1.5 }), /a\.yaml:7: drop_rate of dare must be a number from 0 to 1; got 1\.5$/)
  assert.throws(parse({ drop_rate: 'high' }), /drop_rate of dare must be a number from 0 to 1; got "high"/)
  assert.throws(parse({ drop_rate: 1 }), /must be below 1 when rescale is true; got 1/)
  assert.throws(
    () => parseOptions(editorNamed('impart'), { drop_rate: 0.5 }),
    /beta of impart must be at most drop_rate; got the default, 0\.6$/,
  )
  assert.throws(parse({}), /drop_rate of dare is required: a number from 0 to 1/)
  assert.throws(parse({ drop_rat: 0.5, drop_rate: 0.5 }), /unknown option of dare "drop_rat"; did you mean "drop_rate"/)
  assert.deepEqual(parseOptions(editorNamed('dare'), { drop_rate: 1, rescale: false }), {
    drop_rate: 1,
    rescale: false,
    k: 0,
    convention: 'paper',
  })
})
