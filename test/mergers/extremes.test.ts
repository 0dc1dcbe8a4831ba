// Mergers where a rule has no answer of its own or numbers run out: opposed deltas, counts at a whole, the middle rank, large deltas.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { type Convention, mergerNamed, mergeTensors, parseMerging, scanModels } from '../../src/mergers/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'

before(() => setBackend(BACKEND))

interface How {
  shape?: number[]
  options?: object
  models?: object[]
  convention?: Convention
  base?: number[]
}

/** The merged values of one tensor that is a whole model. */
async function mergeValues(
  name: string,
  deltas: number[][],
  { shape = [deltas[0]!.length], options, models, convention, base }: How = {},
): Promise<number[]> {
  const merging = parseMerging(mergerNamed(name), { convention, options, models: models ?? deltas.map(() => ({})) })
  const scannedModels = await scanModels(merging, async function* () {
    yield { name: 't', shape, models: deltas.map((values) => Float32Array.from(values)) }
  })
  const inputs = {
    name: 't',
    models: deltas.map((values) => tf.tensor(values, shape)),
    base: base && tf.tensor(base, shape),
    embedding: false,
  }
  const merged = await mergeTensors({ ...merging, scannedModels }, inputs, () => undefined)
  const values = Array.from(await merged.data())
  tf.dispose([merged, inputs.models, ...(inputs.base ? [inputs.base] : [])])
  return values
}

test('TIES of opposed deltas has no majority: each tool as it is', async () => {
  const deltas = [
    [1, -2, 3, -4],
    [-1, 2, -3, 4],
  ]
  const merge = (convention: Convention, options = {}) =>
    mergeValues('ties', deltas, { convention, options, models: [{ drop_rate: 0 }, { drop_rate: 0 }] })
  // The authors keep what is not positive where no sign wins; their max is multiplied by that sign, 0.
  assert.deepEqual(await merge('paper'), [-1, -2, -3, -4])
  assert.deepEqual(await merge('paper', { granularity: 'tensor' }), [-1, -2, -3, -4])
  assert.deepEqual((await merge('paper', { combine: 'max' })).map(Math.abs), [0, 0, 0, 0])
  assert.deepEqual((await merge('mergelm')).map(Math.abs), [0, 0, 0, 0])
  assert.deepEqual(await merge('peft'), [1, 2, 3, 4])
  assert.deepEqual(await merge('mergekit'), [1, 2, 3, 4])
})

test('a share that no decimal writes still gives a whole: a third of 3 is 1', async () => {
  const deltas = [[3, 1, 2]]
  for (const own of [{ drop_rate: 2 / 3 }, { density: 1 / 3 }]) {
    assert.deepEqual(await mergeValues('ties', deltas, { convention: 'peft', models: [own] }), [3, 0, 0])
    assert.deepEqual(await mergeValues('ties', deltas, { convention: 'paper', models: [own] }), [3, 0, 2])
  }
})

test('WIDEN: the middle of an odd number of columns is the mean and does not stand out, whatever the number', async () => {
  for (const columns of [3, 53, 55, 93]) {
    // Columns that grow by their index: its rank is the index.
    const base = Array.from({ length: 2 * columns }, () => 1)
    const delta = (sign: number) => base.map((_, i) => sign * 0.001 * (1 + (i % columns)))
    const merged = await mergeValues('widen', [delta(1), delta(1)], { shape: [2, columns], base })
    const middle = (columns - 1) / 2
    // By magnitude the middle takes half of each of two equal deltas; the direction of equal columns does not change, where index ranks.
    assertClose(merged[middle]! / delta(1)[middle]!, 1, { tolerance: 1e-4 }, `${columns}: ${merged[middle]}`)
    assertClose(merged[columns - 1]! / delta(1)[columns - 1]!, 2, { tolerance: 1e-4 })
  }
})

test('WIDEN of large deltas is finite: a softmax does not depend on a common shift', async () => {
  const merged = await mergeValues(
    'widen',
    [
      [1000, 3000, 2000],
      [999, 1, 500],
    ],
    { base: [0, 0, 0], options: { score_calibration_value: 1 } },
  )
  const share = 1 / (1 + Math.exp(-1))
  assertClose(merged[0]!, 1000 * share + 999, { tolerance: 0.01 }) // 999 is above the mean of its model
  assertClose(merged.slice(1, 3), [3000, 2000], { tolerance: 0.01 })
})

test('WIDEN of ever smaller deltas is the same merge, scaled: ranks do not drown in rounding', async () => {
  const [shape, size] = [[7, 31], 217]
  const base = Array.from({ length: size }, (_, i) => Math.fround(Math.sin(3 * i + 1)))
  const deltas = [2, 5].map((phase) => base.map((_, i) => Math.fround(Math.cos(phase * i) + Math.sin(i * i))))
  const merge = async (scale: number) => {
    const merged = await mergeValues(
      'widen',
      deltas.map((values) => values.map((v) => v * scale)),
      { shape, base },
    )
    return merged.map((v) => v / scale)
  }
  const small = await merge(2 ** -20)
  for (const scale of [2 ** -30, 2 ** -60]) assert.deepEqual(await merge(scale), small)
})

test('WIDEN: columns that did not move rank by index, whatever their length', async () => {
  const columns = 20
  const base = Array.from({ length: 3 * columns }, (_, i) => 0.1 + Math.abs(Math.sin(5 * i)))
  const moving = base.map((v, i) => (i < columns ? v * (i + 1) * 1e-3 : 0))
  // The other model is frozen: ranks 0 to 19 in both lists, so the columns above 9.5 stand out in it.
  const merged = await mergeValues('widen', [moving, base.map(() => 0)], { shape: [3, columns], base })
  const own = (j: number) => merged[j]! / Math.fround(moving[j]!)
  assert.ok(own(columns - 1) > 0.9 && own(0) < 0.6)
  const ranks = (values: number[]) => values.map((v) => values.filter((w) => w < v).length)
  const length = (j: number, d: number) => Math.hypot(base[j]! + d, base[columns + j]!, base[2 * columns + j]!)
  const all = [...Array(columns).keys()]
  const norms = ranks(all.map((j) => length(j, moving[j]!) - length(j, 0)))
  const turns = ranks(
    all.map((j) =>
      Math.abs(
        Math.atan2(Math.hypot(base[columns + j]!, base[2 * columns + j]!), base[j]! + moving[j]!) -
          Math.atan2(Math.hypot(base[columns + j]!, base[2 * columns + j]!), base[j]!),
      ),
    ),
  )
  const weight = (rank: number, j: number) => (rank > 9.5 ? 1 : 1 / (1 + Math.exp((j - rank) / columns)))
  for (const j of all) assertClose(own(j), (weight(norms[j]!, j) + weight(turns[j]!, j)) / 2, { tolerance: 1e-6 })
})

test('SLERP of parallel and of opposed models is linear whatever the threshold', async () => {
  const ends = (b: number[]) => mergeValues('slerp', [[2, 4], b], { options: { t: 0.25, threshold: 1 } })
  assert.deepEqual(await ends([4, 8]), [2.5, 5])
  assert.deepEqual(await ends([-2, -4]), [1, 2])
})

test('TIES of mergekit: weights that cancel up to rounding divide by 1, not by what rounding left', async () => {
  // In float32 and in float64 0.3 + 0.6 is not 0.9.
  const [merged] = await mergeValues('ties', [[1], [1], [-3]], {
    convention: 'mergekit',
    models: [0.3, 0.6, -0.9].map((weight) => ({ weight, density: 1 })),
  })
  assertClose(merged!, 3.6, { tolerance: 1e-6 }) // .3 + .6 + 2.7, over 1
})

test('Arcee Fusion by hand: the threshold is the median and 1.5 times the distance of the quartiles', async () => {
  // In one line importance goes with |delta|. Quartiles 1, 2 and 3: the threshold is 5.
  const delta = [0.5, 3, -6, 1, 2, 0.75, 4.5, -2.5, 1.5]
  const taken = [0, 0, -6, 0, 0, 0, 0, 0, 0]
  for (const convention of ['paper', 'mergekit'] as const) {
    const merged = await mergeValues('arcee_fusion', [delta], { convention, base: delta.map(() => 0) })
    assert.deepEqual(
      merged.map((v) => v + 0),
      taken,
    )
  }
})

test('RAM+ by hand: alpha bounds what the share of common changes adds', async () => {
  // The first model moves one entry alone and two with the other: a share of 2.
  const deltas = [
    [1, 1, 1],
    [1, 1, 0],
  ]
  const alone = async (alpha: number) => (await mergeValues('ramplus_tl', deltas, { options: { r: 0.5, alpha } }))[2]
  assert.equal(await alone(0.25), 1.125)
  assert.equal(await alone(4), 2)
})

test('EMR: a sum of 0 is negative', async () => {
  assert.deepEqual(
    await mergeValues('emr', [
      [1, 2],
      [-1, -2],
    ]),
    [-1, -2],
  )
})

test('NearSwap by hand: what is near is taken, the rest moves by t; mergekit understates differences below 1e-6', async () => {
  const swap = (delta: number[], t: number, convention: Convention) =>
    mergeValues('nearswap', [delta], { options: { t }, convention })
  for (const convention of ['paper', 'mergekit'] as const)
    assert.deepEqual(await swap([3, -0.25, 0, -2], 0.5, convention), [0.5, -0.25, 0, -0.5])
  assert.deepEqual(await swap([2 ** -30], 2 ** -24, 'paper'), [2 ** -30])
  const [tiny] = await swap([2 ** -30], 2 ** -24, 'mergekit')
  assertClose(tiny! / (2 ** -54 * 1e6), 1, { tolerance: 1e-6 })
})

test('TSV-Merge of deltas of low rank: nothing beyond their rank takes part', async () => {
  // Rank 2 of 3: a token that no model moved. By hand: alone, and with a copy of itself, it is itself.
  const delta = [1, 2, 0, 0, 0, 0, 3, -1, 1]
  const near = (merged: number[], wanted: number[]) => assertClose(merged, wanted, { tolerance: 1e-6 }, String(merged))
  near(await mergeValues('tsv_merge', [delta], { shape: [3, 3] }), delta)
  // One direction each, at right angles: the sum. Each has room for two.
  const [first, second] = [
    [2, 0, 0, 0],
    [0, 3, 0, 0],
  ].map((row) => [...row, ...Array(12).fill(0)])
  const [a, b] = [first, [...second!.slice(4), ...second!.slice(0, 4)]]
  near(
    await mergeValues('tsv_merge', [a!, b], { shape: [4, 4] }),
    a!.map((v, i) => v + b[i]),
  )
  // The same direction twice is shared between the two, whose polar factors are 1/√2 of it on both sides.
  near(await mergeValues('tsv_merge', [a!, a!], { shape: [4, 4] }), a!)
  near(
    await mergeValues('tsv_merge', [a!.map(() => 0), a!.map(() => 0)], { shape: [4, 4] }),
    a!.map(() => 0),
  )
})

test('Iso-C of a delta of low rank flattens what it has', async () => {
  // Singular values 3, 1 and 0: the first two become 4/3.
  const merged = await mergeValues('iso_c', [[3, 0, 0, 0, 1, 0, 0, 0, 0]], { shape: [3, 3] })
  assertClose(merged, [4 / 3, 0, 0, 0, 4 / 3, 0, 0, 0, 0], { tolerance: 1e-6 })
})

test('a trim over the whole model that keeps nothing says so', async () => {
  const merging = parseMerging(mergerNamed('ties'), {
    convention: 'peft',
    options: { granularity: 'model' },
    models: [{ density: 0.1 }, { density: 0.5 }],
  })
  const said: string[] = []
  await scanModels(
    merging,
    async function* () {
      yield { name: 't', shape: [4], models: [1, 2].map((m) => Float32Array.of(m, 2 * m, 3 * m, 4 * m)) }
    },
    (text) => said.push(text),
  )
  assert.deepEqual(said, ['trim of model 1: 4 entries: the number of kept ones rounds to 0'])
})

test('Karcher: a model opposite to the mean pulls it nowhere, and its length counts', async () => {
  const [number] = await mergeValues('karcher', [[-0.020997748], [0.14003487], [0.059519216]])
  assertClose(number!, (0.020997748 + 0.14003487 + 0.059519216) / 3, { tolerance: 1e-6 })
})

test('models that are trimmed: a share is given once, and not every weight is 0', () => {
  const parse = (name: string, own: object) => () => parseMerging(mergerNamed(name), { models: [own, own] })
  for (const name of ['ties', 'knots_ties']) {
    assert.throws(parse(name, { drop_rate: 0.5, density: 0.5 }), /drop_rate .*cannot stand beside density; got 0\.5/)
    assert.throws(parse(name, { weight: 0 }), /\w+: every weight is 0/)
  }
})
