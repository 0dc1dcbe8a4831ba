// Divergences of distributions against PyTorch in float64: near-equal ones, peaks, masked outcomes, 128,000 outcomes, whole and in parts.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  cosineScores,
  divergenceScores,
  joinPositions,
  measurePositions,
  type Positions,
  pooledModel,
  summarise,
} from '../../src/divergence/index.js'
import { readLogits } from '../../src/divergence/rows.js'
import { quantileOf } from '../../src/divergence/statistics.js'
import { loadModel, streaming } from '../../src/models/index.js'
import { tf } from '../../src/tensor/index.js'
import { openFixture } from '../models/fixture.js'
import { finest, readerOf } from '../models/streamed.js'

interface Row {
  name: string
  outcomes: number
  seed: number
  spread: number
  change: number
  shift: number
  more: string | null
  kl: number
  loss_a: number
  loss_b: number
  top_a: number
  top_b: number
}

interface ModelRows {
  kl: number[]
  percentiles: number[]
  max: number
  same_top: number
  right_change: number
  loss_post: number
  loss_edited: number
}

const expected = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../../test/fixtures/logits/expected.json', import.meta.url)), 'utf8'),
) as {
  rows: Row[]
  models: Record<string, ModelRows>
  features: Record<string, number[]>
  percentiles: { seed: number; count: number; at: number[]; values: number[] }
}

/** As in test/fixtures/logits/make.py. */
function uniform(seed: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    let x = (i + seed * 1000003) >>> 0
    for (let round = 0; round < 3; round++) {
      x = (Math.imul(x, 1664525) + 1013904223) >>> 0
      x = (x ^ (x >>> 15)) >>> 0
    }
    return x / 2 ** 32 - 0.5
  })
}

function logitsOf({ outcomes, seed, spread, change, shift, more }: Row) {
  const a = Float32Array.from(uniform(seed, outcomes), (x) => x * spread)
  const b = Float32Array.from(uniform(seed + 100, outcomes), (x, i) => a[i]! + x * change + shift)
  if (more === 'peaked') {
    a[17]! += 40
    b[17]! += 39
  }
  if (more === 'two peaks') [a[17], b[17], a[19], b[19]] = [30, 29.5, 29.5, 30]
  if (more === 'masked') {
    a.fill(-1e9, 1000)
    b.fill(-1e9, 1000)
    a[5] = -3e38
  }
  if (more === 'impossible') b[6] = -3e38
  return { a, b }
}

const near = (found: number, right: number, tolerance: number, what: string) =>
  assert.ok(Math.abs(found - right) <= tolerance * Math.max(1e-300, Math.abs(right)), `${what}: ${found}, not ${right}`)

for (const row of expected.rows)
  test(`${row.name}: whole, in equal parts and in uneven ones`, () => {
    const { a, b } = logitsOf(row)
    for (const size of [row.outcomes, Math.ceil(row.outcomes / 7), 1 + (row.outcomes >> 1)]) {
      const reader = readLogits(2, size)
      for (let from = 0; from < row.outcomes; from += size) {
        const part = { a: a.subarray(from, from + size), b: b.subarray(from, from + size), from, right: 0 }
        // The other row is on its way at the same time, with the sides changed.
        assert.ok(reader.add(1, part) && reader.add(0, { ...part, a: part.b, b: part.a }))
      }
      const { kl, lossA, lossB, topA, topB } = reader.finish(1)
      near(kl, row.kl, size === row.outcomes ? 1e-10 : 1e-6, 'kl')
      near(lossA, row.loss_a, 1e-12, 'loss of a')
      near(lossB, row.loss_b, 1e-12, 'loss of b')
      assert.deepEqual([topA, topB], [row.top_a, row.top_b])
      assert.ok(reader.finish(0).kl >= 0)
    }
  })

test('a logit that is not finite is told, wherever it stands', () => {
  for (const [at, value] of [
    [0, NaN],
    [6, Infinity],
    [8, -Infinity],
  ] as const) {
    const odd = new Float32Array(9)
    odd[at] = value
    const reader = readLogits(1, 9)
    assert.equal(reader.add(0, { a: odd, b: new Float32Array(9), from: 0, right: 0 }), false)
    assert.equal(reader.add(0, { a: new Float32Array(9), b: odd, from: 0, right: 0 }), false)
    assert.equal(reader.add(0, { a: new Float32Array(9), b: new Float32Array(9), from: 0, right: 0 }), true)
  }
})

test('parts that are far below the others, or of which one model has nothing, leave the rest as it is', () => {
  const near = { a: [1, 2, 3, 0], b: [1.01, 2, 2.99, 0.5] }
  const divergence = (parts: (typeof near)[]) => {
    const reader = readLogits(1, 4)
    for (const [i, { a, b }] of parts.entries())
      reader.add(0, { a: Float32Array.from(a), b: Float32Array.from(b), from: 4 * i, right: 0 })
    return reader.finish(0)
  }
  const alone = divergence([near]).kl
  const below = [
    { a: [-1000, -3000, -1100, -2000], b: [-2500, -1200, -1000, -3000] },
    { a: [-1e9, -2e9, -1e9, -1e9], b: [-2e9, -1e9, -1e9, -1e9] },
    { a: [-3e38, -3e38, -3e38, -3e38], b: [-1e9, -3e38, -800, -900] },
  ]
  assert.ok(alone > 0.001 && alone < 0.01)
  for (const part of below)
    for (const parts of [
      [part, near],
      [near, part],
      [part, part, near],
      [...below, near],
    ])
      assert.ok(Math.abs(divergence(parts).kl - alone) < 1e-12 * alone)
  // An outcome that only b gives some of its probability, which a does not.
  const some = divergence([{ a: [-3e38, -3e38, -3e38, -3e38], b: [-3e38, -3, -3, -3e38] }, near])
  const [lost, kept] = [2 * Math.exp(-3), near.b.reduce((sum, x) => sum + Math.exp(Math.fround(x)), 0)]
  assert.ok(Math.abs(some.kl - alone - Math.log1p(lost / kept)) < 1e-12)
})

test('percentiles are those of NumPy', () => {
  const { seed, count, at, values } = expected.percentiles
  const sorted = uniform(seed, count)
    .map((x) => x ** 2)
    .sort()
  at.forEach((percent, i) => near(quantileOf(sorted, percent / 100), values[i]!, 1e-14, `${percent} %`))
  assert.equal(quantileOf(Float64Array.of(3), 0.999), 3)
})

for (const [name, right] of Object.entries(expected.models))
  test(`${name}: each position, and what is told of all`, async () => {
    // Closer than TensorFlow's own library is, whose erf is 3e-7 from the true one.
    const { model, post, base, batch } = await openFixture(name, 'wasm')
    const sides = [post, base].map((weights) => ({ model, weights }))
    const positions = await measurePositions(sides[0]!, sides[1]!, [batch('main')])
    assert.equal(positions.kl.length, right.kl.length)
    positions.kl.forEach((kl, i) => near(kl, right.kl[i]!, 2e-5, `position ${i}`))
    const found = summarise(positions)
    const told = [found.median, found.p90, found.p99, found.p999, found.max]
    for (const [i, value] of [...right.percentiles, right.max].entries()) near(told[i]!, value, 1e-5, `percentile ${i}`)
    assert.equal(found.sameTop, right.same_top)
    near(found.kl.mean, right.kl.reduce((a, b) => a + b, 0) / right.kl.length, 1e-5, 'mean')
    near(found.rightChange, right.right_change, 1e-4, 'right_change')
    near(found.lossPost, right.loss_post, 1e-6, 'loss of post')
    near(found.lossEdited, right.loss_edited, 1e-6, 'loss of base')
    tf.dispose([post, base])
  })

test('measurements of single items join as those of all', async () => {
  const { model, post, base, batch } = await openFixture('llama3')
  const [from, to] = [post, base].map((weights) => ({ model, weights }))
  const whole = batch('main')
  const rows = Array.from({ length: whole.rows }, (_, row) => {
    const cut = (values: Int32Array) => values.slice(row * whole.columns, (row + 1) * whole.columns)
    const { ids, mask, positions, labels } = whole
    return {
      rows: 1,
      columns: whole.columns,
      ids: cut(ids),
      mask: cut(mask),
      positions: cut(positions),
      labels: cut(labels),
      items: Int32Array.of(0),
    }
  })
  const parts = []
  for (const one of rows) parts.push(await measurePositions(from!, to!, [one]))
  const [joined, all] = [joinPositions(parts), await measurePositions(from!, to!, [whole])]
  assert.deepEqual([joined.items, joined.sequences, joined.topPost], [all.items, all.sequences, all.topPost])
  joined.kl.forEach((kl, i) => near(kl, all.kl[i]!, 1e-4, `position ${i}`))
  tf.dispose([post, base])
})

test('standard errors by hand: a ratio of sums over items, over sequences where there is one item', () => {
  const made = (items: number[], sequences: number[]): Positions => ({
    items: Int32Array.from(items),
    sequences: Int32Array.from(sequences),
    kl: Float64Array.of(1, 2, 6),
    lossPost: Float64Array.of(Math.LN2, 0, 0),
    lossEdited: Float64Array.of(2 * Math.LN2, 0, Math.LN2),
    topPost: Int32Array.of(0, 1, 1),
    topEdited: Int32Array.of(0, 0, 1),
  })
  // Mean 3; sums 3 of two positions and 6 of one: residuals −3 and 3, √(18 · 2 / 1) / 3.
  const two = summarise(made([4, 4, 7], [0, 1, 2]))
  assert.deepEqual([two.kl.mean, two.kl.tokens, two.se, two.median, two.max], [3, 3, 2, 2, 6])
  assert.deepEqual([two.kl.itemSums[4], two.kl.itemTokens[7], two.sameTop], [3, 1, 2 / 3])
  // p(right): ½ → ¼, 1 → 1, 1 → ½
  near(two.rightChange, -0.25, 1e-12, 'right_change')
  near(two.perplexityRatio.value, 2 ** (2 / 3), 1e-12, 'ratio')
  // Loss changes 1 ln 2 of two positions, 1 ln 2 of one: residuals ±⅓ ln 2.
  near(two.perplexityRatio.se, (2 ** (2 / 3) * (2 / 3) * Math.LN2) / 3, 1e-12, 'error of the ratio')
  assert.deepEqual(
    [...two.flips],
    [
      [0, 0],
      [1, 0.5],
    ],
  )
  // One item: sequences 0 and 1 with sums 1 and 8 of one and two positions, residuals −2 and 2.
  near(summarise(made([4, 4, 4], [0, 1, 1])).se, Math.sqrt(16) / 3, 1e-12, 'over sequences')
  assert.ok(Number.isNaN(summarise(made([4, 4, 4], [0, 0, 0])).se))
  // A perplexity beyond float64 is left out; the divergence is not, nor what changes of a right token that post deems impossible.
  const strong = summarise({ ...made([4, 4, 7], [0, 1, 2]), lossPost: Float64Array.of(2500, 2500, 2500) })
  near(strong.rightChange, (0.25 + 1 + 0.5) / 3, 1e-12, 'from none')
  const told = Object.keys(divergenceScores({ objective: 'causal' }, strong))
  assert.deepEqual([told.includes('kl'), told.some((name) => name.startsWith('perplexity'))], [true, false])
})

for (const [name, right] of Object.entries(expected.features))
  test(`${name} without its head: the cosine of pooled features`, async () => {
    const { config, shapes, values, batch } = await openFixture(name)
    const bare: Record<string, string> = {
      bert: 'BertModel',
      roberta: 'RobertaModel',
      distilbert: 'DistilBertModel',
      modernbert: 'ModernBertModel',
      vit: 'ViTModel',
      clip: 'CLIPVisionModelWithProjection',
    }
    const body = Object.entries(shapes).filter(
      ([tensor]) => !/^(classifier|vocab_|pre_class|lm_head|cls|head|decoder|logit)/.test(tensor),
    )
    const own = Object.fromEntries(body)
    const model = pooledModel(loadModel({ ...config, architectures: [bare[name]!] }, own), new Map(body))
    const stream = (side: 'post' | 'base') => streaming(model, finest(model), readerOf(model, values[side]))
    const whole = batch('main')
    for (const [row, cosine] of right.entries()) assert.ok(cosine < 0.999, `row ${row} differs`)
    const found = await cosineScores(model, { post: stream('post'), edited: stream('base') }, [whole])
    near(found.cosine!, right.reduce((a, b) => a + b, 0) / right.length, 1e-5, 'mean')
    near(found.cosine_min!, Math.min(...right), 1e-5, 'least')
    const itself = await cosineScores(model, { post: stream('post'), edited: stream('post') }, [whole])
    assert.deepEqual([itself.cosine, itself.cosine_min], [1, 1])
  })

test('logits in f16 put a floor under a KL, and the likeliest ones give a lower bound: what hidden states spare', () => {
  const row = expected.rows.find(({ name }) => name === 'large vocabulary')!
  const { a } = logitsOf(row)
  const b = Float32Array.from(uniform(500, row.outcomes), (x, i) => a[i]! + 1e-4 * x)
  const divergence = (p: Float32Array, q: Float32Array) => {
    const reader = readLogits(1, p.length)
    reader.add(0, { a: p, b: q, from: 0, right: 0 })
    return reader.finish(0).kl
  }
  const exact = divergence(a, b)
  const half = (x: number) => {
    const step = 2 ** (Math.floor(Math.log2(Math.abs(x))) - 10)
    return Math.round(x / step) * step
  }
  assert.ok(exact < 1e-9 && divergence(a.map(half), b) > 1e-7)
  const order = [...a.keys()].sort((i, j) => a[j]! - a[i]!)
  const gather = (x: Float32Array, k: number) => {
    const rest = order.slice(k).reduce((sum, i) => sum + Math.exp(x[i]!), 0)
    return Float32Array.from([...order.slice(0, k).map((i) => x[i]!), Math.log(rest)])
  }
  const bound = divergence(gather(a, 1024), gather(b, 1024))
  assert.ok(bound < exact && bound > 0.01 * exact, `${bound} of ${exact}`)
})
