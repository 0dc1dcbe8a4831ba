// Where tools differ: counts on a delta full of ties, hand-worked conventions, and warnings.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, test } from 'node:test'
import { bandOf } from '../../src/editors/breadcrumbs.js'
import { orderByMagnitude } from '../../src/editors/factors.js'
import { gptq, roundToNearest } from '../../src/editors/gptq.js'
import { drawMask, dropRatios } from '../../src/editors/impart.js'
import { applySteps, editorNamed, parseOptions, scanModel } from '../../src/editors/index.js'
import { rankOf } from '../../src/editors/lowrank.js'
import { keepProbabilities } from '../../src/editors/magprune.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { gramOf } from './cases.js'
import { readTensors, roundBf16 } from './fixtures.js'
import { stepOf } from './step.js'

before(() => setBackend(BACKEND))

async function edit(
  name: string,
  raw: object,
  values: ArrayLike<number>,
  shape: number[],
  model: [string, Float32Array][] = [],
) {
  const steps = [stepOf(name, raw)]
  const scanned = await scanModel(steps, async function* () {
    yield* model
  })
  const warnings: string[] = []
  const out = await applySteps(steps, Float32Array.from(values), shape, {
    seed: 1,
    tensor: 'w',
    scanned,
    onWarning: (text) => warnings.push(text),
  })
  const result = Array.from(out, (value) => value + 0)
  return { result, warnings, kept: result.filter((value) => value !== 0).length }
}

type Counts = Record<string, Record<string, number | string>>

test('counts of the tools on a bf16 delta, where many entries are tied', async () => {
  const manifest = JSON.parse(
    readFileSync(new URL('../../../test/fixtures/methods/manifest.json', import.meta.url), 'utf8'),
  )
  const [base, post] = ['base', 'ft1'].map((name) => readTensors(`inputs/${name}.bf16.safetensors`))
  const deltas = [...post!].map(([name, { shape, values }]) => ({
    name,
    shape,
    values: roundBf16(values.map((value, i) => value - base!.get(name)!.values[i]!)),
  }))
  for (const { density, per_tensor, ties_reference_global } of manifest.bf16_counts.filter((c: { id: string }) =>
    c.id.includes('magnitude'),
  )) {
    let global = 0
    for (const { name, shape, values } of deltas) {
      const expected = (per_tensor as Counts)[name]!
      assert.equal(
        (await edit('magnitude', { drop_rate: 1 - density }, values, shape)).kept,
        expected.peft_kept_nonzero,
        name,
      )
      if (typeof expected.mergelm_kept_nonzero === 'number') {
        const { kept } = await edit('magnitude', { drop_rate: 1 - density, convention: 'mergelm' }, values, shape)
        assert.equal(kept, expected.mergelm_kept_nonzero, name)
      }
      const options = { drop_rate: 1 - density, convention: 'ties', granularity: 'model' }
      const model = deltas.map(({ name: other, values: v }): [string, Float32Array] => [
        other === name ? 'w' : other,
        v,
      ])
      global += (await edit('magnitude', options, values, shape, model)).kept
    }
    assert.equal(global, ties_reference_global.kept_nonzero)
  }
  const { per_tensor } = manifest.bf16_counts.find((c: { id: string }) => c.id.includes('breadcrumbs'))
  for (const { name, shape, values } of deltas) {
    const { kept } = await edit(
      'breadcrumbs',
      { drop_rate: 0.5, gamma: 0.05, convention: 'mergekit-0.1.4' },
      values,
      shape,
    )
    assert.equal(kept, per_tensor[name].kept_nonzero, name)
  }
})

test('magnitude by hand: ties under every convention', async () => {
  const values = [3, 1, -1, 1, 2, 1]
  const kept = async (raw: object) => (await edit('magnitude', { drop_rate: 0.5, ...raw }, values, [2, 3])).result
  assert.deepEqual(await kept({}), [3, 1, 0, 0, 2, 0])
  assert.deepEqual(await kept({ convention: 'ties' }), values)
  assert.deepEqual(
    await kept({ convention: 'mergelm' }),
    [3, 0, 0, 0, 2, 0].map((v) => v + 0),
  )
  assert.deepEqual(await kept({ granularity: 'row' }), [3, 0, 0, 0, 2, 0])
  assert.deepEqual(await kept({ convention: 'mergekit', rescale: true }), [4.5, 1.5, 0, 0, 3, 0])
})

test('magnitude of the whole model: exactly the share, ties to the first tensor', async () => {
  const model: [string, Float32Array][] = [
    ['v', Float32Array.of(5, 1, 1)],
    ['w', Float32Array.of(1, -4, 0.5)],
  ]
  const options = { drop_rate: 0.5, granularity: 'model' }
  assert.deepEqual((await edit('magnitude', options, model[1]![1], [3], model)).result, [0, -4, 0])
  assert.deepEqual(
    (await edit('magnitude', { ...options, drop_rate: 0.3 }, model[1]![1], [3], model)).result,
    [0, -4, 0],
  )
  assert.deepEqual(
    (await edit('magnitude', { ...options, drop_rate: 0.1 }, model[1]![1], [3], model)).result,
    [1, -4, 0],
  )
  const late = [
    { editor: editorNamed('expo'), options: { alpha: 0 } },
    { editor: editorNamed('magnitude'), options: parseOptions(editorNamed('magnitude'), options) },
  ]
  await assert.rejects(
    scanModel(late, async function* () {}),
    /only the first editor of a chain/,
  )
})

test('keep probabilities of magprune by hand', () => {
  const of = (raw: object, values: number[], shape = [values.length]) =>
    [
      ...keepProbabilities(
        Float32Array.from(values),
        shape,
        parseOptions(editorNamed('magprune'), { drop_rate: 0.5, epsilon: 0.4, ...raw }) as any,
      ),
    ].map((p) => Number(p.toFixed(6)))
  assert.deepEqual(of({ convention: 'della' }, [3, -1, 2]), [0.7, 0.3, 0.5])
  // p - 0.2 + 0.4 r/n is dropped, r = 0 for the largest.
  assert.deepEqual(of({}, [3, -1, 2]), [0.7, 0.433333, 0.566667])
  assert.deepEqual(of({ convention: 'della' }, [4, 1, 2, 3], [2, 2]), [0.7, 0.3, 0.3, 0.7])
  assert.deepEqual(
    of({ convention: 'della', granularity: 'tensor' }, [4, 1, 2, 3], [2, 2]),
    [0.7, 0.3, 0.433333, 0.566667],
  )
  assert.deepEqual(of({ by: 'magnitude' }, [4, 1, -2]), [0.7, 0.3, 0.433333])
  assert.deepEqual(of({}, [7]), [0.5])
  assert.throws(
    () => of({ epsilon: 1 }, [1]),
    /epsilon of magprune must leave drop_rate - epsilon\/2 .* inside \(0, 1\); got 1/,
  )
})

test('the band of breadcrumbs by hand', async () => {
  const band = (n: number, raw: object) => bandOf(n, parseOptions(editorNamed('breadcrumbs'), raw) as any)
  assert.deepEqual(band(10, { drop_rate: 0.8, gamma: 0.1 }), { top: 1, kept: 2 })
  assert.deepEqual(band(10, { drop_rate: 0.05, gamma: 0.2 }), { top: 2, kept: 8 })
  assert.deepEqual(band(100, { drop_rate: 0.05, gamma: 0.2, convention: 'mergekit' }), { top: 5, kept: 95 })
  assert.deepEqual(band(50, { drop_rate: 0.5, gamma: 0.01, convention: 'mergekit' }), { top: 0, kept: 25 })
  assert.deepEqual(band(50, { drop_rate: 0.5, gamma: 0.01, convention: 'mergekit-0.1.4' }), { top: 0, kept: 0 })
  assert.deepEqual(band(50, { drop_rate: 0, gamma: 0.1, convention: 'mergekit' }), { top: 0, kept: 50 })
  const { result } = await edit('breadcrumbs', { drop_rate: 0.5, gamma: 0.25 }, [9, 1, -3, 2, 1, 2, 3, 4], [2, 4])
  assert.deepEqual(result, [0, 0, -3, 2, 0, 2, 3, 0])
})

test('drop ratios of impart by hand', () => {
  // gamma = 0.5 over 4 of 4: 0, .25, .25, .375; the last two become 1, which brings the mean to .5625.
  assert.deepEqual(dropRatios([4, 2, 2, 1], { drop_rate: 0.5, beta: 0, exponent: 1 }), [0, 0.25])
  assert.deepEqual(dropRatios([4, 2, 2, 1], { drop_rate: 0.5, beta: 0.5, exponent: 1 }), [0, 0])
  // A tenth of ten is one vector, although 10 × (1 - .9) is below 1 in floating point.
  assert.deepEqual(dropRatios(Array(10).fill(1), { drop_rate: 0.9, beta: 0.9, exponent: 1 }), [0])
  assert.deepEqual(dropRatios([0, 0], { drop_rate: 0.5, beta: 0, exponent: 1 }), [])
})

test('quantisation by hand: 0 is a level, halves go to the even code', async () => {
  assert.deepEqual((await edit('quantise', { bits: 2, group: 0 }, [-1, 0.4, 0.6, 2], [4])).result, [-1, 0, 1, 2])
  assert.deepEqual((await edit('quantise', { bits: 1 }, [3, 1, 2, 1.5], [4])).result, [3, 0, 3, 0])
  assert.deepEqual((await edit('quantise', { bits: 1, group: 2 }, [4, 1, 0, 0], [4])).result, [4, 0, 0, 0])
  assert.deepEqual((await edit('quantise', { bits: 2, group: 0 }, [1.5, 0.5, 3, 2.5], [4])).result, [2, 0, 3, 2])
})

test('errors of BitDelta passes on a normal delta fall as derived', async () => {
  const x = tf.randomNormal([40000], 0, 1, 'float32', 3)
  const values = (await x.data()) as Float32Array
  x.dispose()
  const norm = values.reduce((sum, v) => sum + v * v, 0)
  for (const [passes, expected] of [
    [1, 0.363],
    [2, 0.13],
    [3, 0.058],
    [4, 0.033],
  ]) {
    const { result } = await edit('bitdelta', { passes }, values, [40000])
    const error = result.reduce((sum, v, i) => sum + (v - values[i]!) ** 2, 0) / norm
    assertClose(error / expected!, 1, { tolerance: 0.06 }, `${passes} passes: ${error}`)
  }
})

test('warnings where a method degenerates', async () => {
  const few = await edit('magnitude', { drop_rate: 0.9 }, [1, 2, 3], [3])
  assert.deepEqual(few.warnings, ['w: magnitude keeps none of 3 entries'])
  const tied = await edit('magnitude', { drop_rate: 0.5 }, new Float32Array(200).fill(1), [200])
  assert.deepEqual(
    (await edit('magnitude', { drop_rate: 0.5 }, new Float32Array(200), [200])).warnings,
    [],
    'zeros may be tied',
  )
  assert.deepEqual(tied.warnings, [
    'w: magnitude finds 100.0 % of 200 entries tied at the threshold: their index decides which stay',
  ])
  assert.match(
    (await edit('breadcrumbs', { drop_rate: 0.5, convention: 'mergekit-0.1.4' }, [1, 2, 3], [3])).warnings[0]!,
    /w: breadcrumbs keeps nothing/,
  )
  assert.deepEqual((await edit('magnitude', { drop_rate: 0.5 }, [1, 2, 3, 4], [4])).warnings, [])
  assert.deepEqual((await edit('lowrank', { fraction: 0.3 }, [1, 2, 3, 4], [2, 2])).warnings, [
    'w: lowrank keeps nothing: the rank rounds to 0',
  ])
  assert.deepEqual((await edit('lowrank', { energy: 0.9 }, [0, 0, 0, 0], [2, 2])).warnings, [])
})

test("mergekit's DARE restores the L1 norm", async () => {
  const values = Float32Array.from({ length: 500 }, (_, i) => Math.tan(i) * 0.1)
  const norm = (list: ArrayLike<number>) => Array.from(list).reduce((sum, value) => sum + Math.abs(value), 0)
  const { result } = await edit('dare', { drop_rate: 0.7, convention: 'mergekit' }, values, [500])
  assertClose(norm(result) / norm(values), 1, { tolerance: 1e-5 })
  const factors = new Set(result.flatMap((value, i) => (value === 0 ? [] : [(value / values[i]!).toFixed(4)])))
  assert.equal(factors.size, 1)
  assert.throws(
    () => parseOptions(editorNamed('dare'), { drop_rate: 0.5, k: 0.5, convention: 'mergekit' }),
    /k of dare must be 0 in the convention of mergekit/,
  )
})

test('ultradelta by hand: levels 0 to 3, of each half its entries, rounded down, dropped, the rest doubled and multiplied', async () => {
  const values = Float32Array.of(0.3, 3, 1, 2, 3, 0.9, -0)
  const { result } = await edit('ultradelta', { drop_rate: 0.5, step: 0, bits: 2, factor: 0.75 }, values, [7])
  const level1 = [result[2], result[5]].sort()
  assert.deepEqual(level1, [0, 1.5]) // 1 and .9 are the level 1: one stays
  assert.deepEqual([result[1], result[4]].sort(), [0, 4.5])
  assert.deepEqual([result[0], result[3], Math.abs(result[6]!)], [0, 3, 0]) // a lone 2 stays
})

test('ultradelta keeps the histogram: the same share of every level, tensors of small deviation lose more', async () => {
  const wide = Float32Array.from({ length: 3000 }, (_, i) => Math.sin(i) * 8)
  const narrow = wide.map((value) => value / 8)
  const model: [string, Float32Array][] = [
    ['w', narrow],
    ['middle', wide.map((value) => value / 2)],
    ['wide', wide],
  ]
  // The three tensors are of one size, so the last third makes up for the first: rates .6, .5, .4.
  for (const [values, rate] of [
    [narrow, 0.6],
    [model[1]![1], 0.5],
    [wide, 0.4],
  ] as const) {
    const own = model.map(([name, v]): [string, Float32Array] => [v === values ? 'w' : name === 'w' ? 'v' : name, v])
    const { result } = await edit('ultradelta', { drop_rate: 0.5, step: 0.1, bits: 3 }, values, [3000], own)
    const levels = (await edit('ultradelta', { drop_rate: 0, step: 0, bits: 3 }, values, [3000])).result
    for (const level of new Set(levels.filter(Boolean))) {
      const members = [...levels.keys()].filter((i) => levels[i] === level)
      const kept = members.filter((i) => result[i] !== 0)
      assert.equal(kept.length, members.length - Math.trunc(Number((rate * members.length).toFixed(6))))
      for (const i of kept) assertClose((result[i]! * (1 - rate)) / level, 1, { tolerance: 1e-6 })
    }
  }
})

test('the order of magnitudes, ties by index, packed or compared', () => {
  assert.deepEqual([...orderByMagnitude(Float32Array.of(3, -1, 0, 1, -0, 1e-42))], [2, 4, 5, 1, 3, 0])
  const many = Float32Array.from({ length: 2 ** 22 + 5 }, (_, i) => (i % 3) - 1)
  const order = orderByMagnitude(many)
  assert.deepEqual([...order.subarray(0, 3)], [1, 4, 7])
  assert.deepEqual(
    Array.from(order.subarray(-3), (i) => Math.abs(many[i]!)),
    [1, 1, 1],
  )
})

test('GPTQ errs less on its inputs than rounding to nearest, and equals it where inputs are independent', () => {
  const wave = (n: number, step: number) =>
    Float32Array.from({ length: n }, (_, i) => Math.sin(i * step) + 0.3 * Math.sin(i * i * 0.37))
  const matrix = { rows: 6, columns: 20, values: wave(120, 0.7) }
  const inputs = {
    shape: [50, 20],
    values: wave(1000, 0.11).map((value, i) => value + 2 * Math.cos(Math.floor(i / 20))),
  }
  const error = (quantised: Float32Array) => {
    let sum = 0
    for (let t = 0; t < 50; t++) {
      for (let i = 0; i < 6; i++) {
        let difference = 0
        for (let j = 0; j < 20; j++)
          difference += inputs.values[t * 20 + j]! * (quantised[i * 20 + j]! - matrix.values[i * 20 + j]!)
        sum += difference * difference
      }
    }
    return sum
  }
  for (const group of [0, 5, 128]) {
    assert.ok(
      error(gptq(matrix, gramOf(inputs), { bits: 3, group, damping: 0.01 })) <
        0.5 * error(roundToNearest(matrix, 3, group)),
      `group ${group}`,
    )
  }
  const independent = Float64Array.from({ length: 400 }, (_, i) => (i % 21 ? 0 : 25))
  assert.deepEqual(gptq(matrix, independent, { bits: 3, group: 0, damping: 0.01 }), roundToNearest(matrix, 3, 0))
})

test('delta_come with GPTQ rounds to nearest, and says so, where the inputs of a tensor are not known', async () => {
  const x = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i * i))
  const run = async (quantiser: string, warnings: string[] = []) => {
    const steps = [
      {
        editor: editorNamed('delta_come'),
        options: parseOptions(editorNamed('delta_come'), { bands: '4x3', quantiser }),
      },
    ]
    const onWarning = (text: string) => warnings.push(text)
    return { values: await applySteps(steps, x, [6, 10], { seed: 0, tensor: 'embed', onWarning }), warnings }
  }
  const [nearest, fallback] = [await run('nearest'), await run('gptq')]
  assert.deepEqual(fallback.values, nearest.values)
  assert.deepEqual(nearest.warnings, [])
  assert.match(fallback.warnings.join(), /^embed: delta_come knows no inputs of this tensor and rounds it to nearest$/)
})

test('bands of 16 bits of delta_come are not quantised: 16x1 is the leading triplet, all of them are the delta', async () => {
  const values = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i * i))
  const run = (editor: string, options: object) =>
    applySteps(
      [{ editor: editorNamed(editor), options: parseOptions(editorNamed(editor), options) }],
      values,
      [6, 10],
      { seed: 0, tensor: 'w' },
    )
  const close = (actual: ArrayLike<number>, wanted: ArrayLike<number>) =>
    Array.from(wanted, (each, i) => assertClose(actual[i]!, each, { tolerance: 3e-6 }))
  close(await run('delta_come', { bands: '16x1' }), await run('lowrank', { rank: 1 }))
  close(await run('delta_come', { bands: '16x6' }), values)
  close(await run('delta_come', { bands: '16x2+16x4' }), values)
  // 16 bits for each entry of u and v and for the singular value, no grids; the 2-bit band of 3 has 6 + 3 groups.
  const bits = (bands: string) =>
    editorNamed('delta_come').bits(parseOptions(editorNamed('delta_come'), { bands }), { shape: [6, 10], kept: 60 })
  assert.equal(bits('16x1'), 16 * (6 + 10) + 16)
  assert.equal(bits('16x1+2x3'), 272 + 3 * (2 * 16 + 16) + 18 * (6 + 3))
})

test('few singular vectors of a big matrix are shared: those of delta_come 16x3+16x1 are those of lowrank 4, and near enough to all of them', async () => {
  const [rows, columns] = [520, 530]
  const values = Float32Array.from({ length: rows * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns]
    return Math.sin(i + 2 * j) + 0.5 * Math.cos(3 * i - j) + 0.01 * Math.sin(at * at)
  })
  const run = async (name: string, raw: object) => (await edit(name, raw, values, [rows, columns])).result
  const [bands, low] = [await run('delta_come', { bands: '16x3+16x1' }), await run('lowrank', { rank: 4 })]
  assertClose(bands, low, { tolerance: 1e-5 })
  const rest = low.reduce((sum, value, i) => sum + (value - values[i]!) ** 2, 0)
  // The noise, whose mean square is half that of its amplitude, is all that four triplets leave, less a little of it.
  const noise = (rows * columns * 0.01 ** 2) / 2
  assert.ok(rest > 0.95 * noise && rest < 1.05 * noise, `${rest} of ${noise}`)
})

test('mergekit keeps at least one entry, the paper may keep none', async () => {
  const prune = async (convention: string) =>
    (await edit('magnitude', { drop_rate: 0.9, convention }, [1, -3, 2], [3])).result
  assert.deepEqual(await prune('mergekit'), [0, -3, 0])
  assert.deepEqual(await prune('paper'), [0, 0, 0])
})

test('the rank of an energy is the smallest that reaches it', () => {
  const rank = (energy: number) => rankOf({ energy }, [2, 3], [1, 1])
  assert.deepEqual([0, 0.5, 0.75, 1].map(rank), [0, 1, 2, 2])
})

test('UltraDelta: a tensor belongs to the third that holds its middle, and the last third makes the mean s', async () => {
  const signed = (size: number, value: number) =>
    Float32Array.from({ length: size }, (_, i) => (i % 2 ? value : -value))
  // Of 900 entries the middles are 200, 600 and 850: the first third, and twice the last. Its rate is 0.5 - 0.1 x 400/500 = 0.42.
  const model: [string, Float32Array][] = [
    ['w', signed(400, 2)],
    ['least', signed(400, 1)],
    ['most', signed(100, 3)],
  ]
  const { kept } = await edit('ultradelta', { drop_rate: 0.5, step: 0.1 }, model[0]![1], [20, 20], model)
  assert.equal(kept, 232)
})

test('ImPart drops the whole part of the entries that the ratio of a vector gives', () => {
  const mask = drawMask(9, [0, 0.5], [1, 2], 0)
  const kept = [0, 1].map((column) => mask.filter((one, i) => one && i % 2 === column).length)
  assert.deepEqual(kept, [9, 5])
})
