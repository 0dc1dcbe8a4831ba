// Figures: what stands in the SVG, the size of the PNG, equal bytes for equal rows, and every kind of view.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Row } from '../../src/record/index.js'
import { drawFigure, specOf } from '../../src/report/figure.js'
import type { FigureSource } from '../../src/report/source.js'
import { REFERENCES, styleOf } from '../../src/report/theme.js'
import { assertClose } from '../close.js'
import { dropRateRows, makeRow, makeTerms } from './rows.js'

const rows = dropRateRows()
const small = rows.filter((row) => row.model === 'small' && row.drop_rate! >= 0.9)
const source = (given: typeof rows, terms = makeTerms([])): FigureSource => ({
  rows: given,
  terms,
  order: new Map(),
  title: 'A title & more',
})

/** Width and height of a PNG, from its header. */
function pngSize(png: Uint8Array): [number, number] {
  const bytes = Buffer.from(png)
  assert.equal(bytes.subarray(0, 8).toString('hex'), '89504e470d0a1a0a')
  assert.equal(bytes.subarray(-8, -4).toString('latin1'), 'IEND')
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]
}

const svgSize = (svg: string) => /<svg[^>]* width="([\d.]+)" height="([\d.]+)"/.exec(svg)!.slice(1).map(Number)
const textsOf = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((found) => found[1])
const dataOf = (given: FigureSource, view: object) =>
  (specOf(given, view) as unknown as { data: { values: Record<string, unknown>[] } }).data.values

test('a line figure names its series, references, panels, axes, seeds, items and failed runs', async () => {
  const { svg, png, name } = await drawFigure(source(rows))
  const texts = textsOf(svg)
  for (const word of [
    'dare',
    'drop only',
    'magnitude',
    'post-trained',
    'base',
    'small',
    'large',
    'math',
    'code',
    'instruct',
    'drop rate p',
    'score (%)',
    '0.99',
    '100',
    'A title &amp; more',
  ]) {
    assert.ok(texts.includes(word), `${word} in ${texts.join(' | ')}`)
  }
  assert.ok(
    texts.some((text) =>
      /mean ± standard error over 4 to 5 seeds · 500 items per task · 1 failed run left out/.test(text!),
    ),
  )
  for (const style of [...['dare', 'drop only', 'magnitude'].map((label, i) => styleOf(label, i)), ...REFERENCES]) {
    assert.match(
      svg,
      new RegExp(
        `stroke="${style.colour}"[^>]*stroke-dasharray="${style.dash.join(',')}"|stroke-dasharray="${style.dash.join(',')}"[^>]*stroke="${style.colour}"`,
      ),
      style.name,
    )
  }
  assert.equal(name, 'figure')
  assert.match(svg, /<rect width="[\d.]+" height="[\d.]+" fill="#ffffff"/, 'a white card')
  const [width, height] = svgSize(svg)
  assert.deepEqual(pngSize(png), [2 * width!, 2 * height!])
})

test('points carry mean and standard error in percent; the references are those of the rows', () => {
  const given = [0.5, 0.6, 0.7].map((score_edited, i) =>
    makeRow({ drop_rate: 0.9, seed: i + 1, score_edited, score_post: 0.8, score_pre: 0.125 }),
  )
  const values = dataOf(
    source([...given, makeRow({ drop_rate: 0.5, score_edited: 0.75, score_post: 0.8, score_pre: 0.125 })]),
    {},
  )
  const point = values.find((value) => value.part === 'point' && value.x === 0.9)!
  const error = 10 / Math.sqrt(3)
  for (const [field, expected] of [
    ['y', 60],
    ['low', 60 - error],
    ['high', 60 + error],
    ['n', 3],
  ] as const)
    assertClose(point[field] as number, expected, { tolerance: 1e-9 }, field)
  assert.deepEqual(
    values.filter((value) => value.part === 'level').map(({ series, x, y }) => [series, x, y]),
    [
      ['post-trained', 0.5, 80],
      ['post-trained', 0.9, 80],
      ['base', 0.5, 12.5],
      ['base', 0.9, 12.5],
    ],
  )
})

test('an editor without the rate on x is a level line', () => {
  const values = dataOf(
    source([...small.filter((row) => row.task === 'math'), makeRow({ label: 'BitDelta', score_edited: 0.5 })]),
    {},
  )
  assert.deepEqual(
    values.filter((value) => value.series === 'BitDelta').map(({ part, x, y }) => [part, x, y]),
    [
      ['level', 0.9, 50],
      ['level', 0.99, 50],
    ],
  )
})

test('level lines cross a figure with a single x; on x, shares are in percent too', () => {
  const one = source([makeRow({ drop_rate: 0.5, score_edited: 0.25, loss_change: 0.1 })])
  const ends = (view: object) => dataOf(one, view).flatMap(({ part, x }) => (part === 'level' ? [x] : []))
  assert.deepEqual(ends({ x: 'drop_rate', y: 'score_edited' }), [-0.5, 1.5, -0.5, 1.5])
  assert.deepEqual(ends({ x: 'drop_rate', y: 'loss_change', log_x: true }), [0.25, 1])
  assert.equal(dataOf(one, { x: 'score_edited', y: 'loss_change' })[0]!.x, 25)
})

test('a logarithmic x of values down to 0 and below is a symmetric one, and says so', async () => {
  const spread = [-10, 0, 10].map((alpha) => makeRow({ drop_rate: null, alpha, loss_change: 1 }))
  const { svg } = await drawFigure(source(spread), { x: 'alpha', y: 'loss_change', log_x: true })
  assert.match(svg, /extrapolation; symmetric log\)/)
})

test('the same rows in any order give the same SVG', async () => {
  const one = await drawFigure(source(small))
  const two = await drawFigure(source([...small].reverse()))
  assert.equal(two.svg, one.svg)
  assert.deepEqual(two.png, one.png)
})

test('box plots of the terms: every label, also of an editor without a rate', async () => {
  const all = [
    ...small.filter((row) => row.task === 'math' && row.status === 'ok'),
    makeRow({ label: 'bitdelta', riemann_sum: 0.02 }),
  ]
  const { svg } = await drawFigure(source(all, makeTerms(all)), { kind: 'box' })
  for (const word of ['dare', 'drop only', 'magnitude', 'bitdelta', '0.9', '0.95', '0.99'])
    assert.ok(textsOf(svg).includes(word), word)
  assert.ok(textsOf(svg).some((text) => text!.startsWith('term of the Riemann sum')))
  assert.equal(dataOf(source(all, makeTerms(all)), { kind: 'box' }).length, all.length * 28)
  const alone = all.filter(({ label }) => label === 'dare')
  const texts = textsOf((await drawFigure(source(alone, makeTerms(alone)), { kind: 'box' })).svg)
  assert.ok(!texts.includes('dare'), 'one series needs no legend')
})

test('a heat map writes each mean into its cell', async () => {
  const grid = [-1, 0].flatMap((k) =>
    [0.1, 0.9].map((drop_rate, i) => makeRow({ k, drop_rate, score_edited: 0.25 + 0.5 * i + 0.1 * k })),
  )
  const texts = textsOf((await drawFigure(source(grid), { kind: 'heat', x: 'drop_rate', series: 'k' })).svg)
  for (const word of ['15.0', '65.0', '25.0', '75.0', '−1', '0', '0.1', '0.9']) assert.ok(texts.includes(word), word)
})

test('text of a heat map is white where it has more contrast so', () => {
  const cells = [0, 0.6, 0.7, 1].map((score_edited, i) => makeRow({ drop_rate: i / 10, score_edited }))
  const view = { kind: 'heat' as const, x: 'drop_rate', series: 'label' }
  assert.deepEqual(
    dataOf(source(cells), view).map(({ text, dark }) => [text, dark]),
    [
      ['0.0', false],
      // White on #4592c6 has a contrast of 3.4, ink of 4.7; on #3181bd of 4.2 and 3.8 (WCAG 2).
      ['60.0', false],
      ['70.0', true],
      ['100.0', true],
    ],
  )
})

test('a scatter has a point per edit: means over seeds of both measures, shares in percent, the error of y', () => {
  const edits = [1, 2].flatMap((seed) => [
    makeRow({ drop_rate: 0.5, seed, score_edited: 0.4 + 0.2 * seed, others_edited: { kl: 0.1 * seed } }),
    makeRow({ drop_rate: 0.9, seed, score_edited: 0.5, others_edited: { kl: 2 } }),
  ])
  const other = makeRow({ editor: 'bitdelta', bits: 1, score_edited: 0.25, metric: 'kl', score_post: 0 })
  const view = { kind: 'scatter' as const, x: 'kl', y: 'gap', log_x: true }
  const valuesOf = (rows: Row[]) =>
    dataOf(source(rows), view).map(({ series, x, y, low, high }) => [
      series,
      ...[x, y, low, high].map((value) => Number((value as number).toFixed(9))),
    ])
  assert.deepEqual(valuesOf(edits), [
    ['dare', 0.15, -27, -37, -17],
    ['dare', 2, -47, -47, -47],
  ])
  // A divergence is no share, and has no axis in common with one.
  assert.deepEqual(valuesOf([other]), [['bitdelta', 0.25, 0.25, 0.25, 0.25]])
  assert.throws(() => valuesOf([...edits, other]), /gap is in several units \(exact_match, kl\)/)
  assert.match(
    JSON.stringify(specOf(source(edits), view)),
    /KL divergence from the post-trained model \(nats; symmetric log\)/,
  )
  assert.throws(() => specOf(source([makeRow()]), view), /no finished run has both kl and gap/)
  assert.throws(() => specOf(source(edits), { ...view, y: ['gap', 'kl'] }), /one measure on y; got gap, kl/)
})

test('panels that would leave places of a grid empty are pairs: vega puts the others in the wrong places', () => {
  const own = (row: Partial<Row>) => makeRow({ drop_rate: 0.5, loss_change: 0.1, riemann_sum: 0.1, ...row })
  const one = [own({}), own({ model: 'bert', task: 'acceptability' })]
  const panelsOf = (rows: Row[], view: object) =>
    [...new Set(dataOf(source(rows), view).map(({ row, column }) => `${row}/${column}`))].sort()
  const grid = { y: 'loss_change', columns: 'task' }
  assert.deepEqual(panelsOf(one, grid), ['/bert, acceptability', '/small, math'])
  const full = [...one, own({ task: 'acceptability' }), own({ model: 'bert' })]
  assert.deepEqual(panelsOf(full, grid), ['bert/acceptability', 'bert/math', 'small/acceptability', 'small/math'])
  // A run without the measure leaves its place empty, too, and so does one without the x of a scatter.
  assert.equal(panelsOf([...full.slice(0, 3), { ...full[3]!, loss_change: null }], grid).at(-1), '/small, math')
  const scatter = { kind: 'scatter', x: 'riemann_sum', ...grid }
  assert.equal(panelsOf([...full.slice(0, 3), { ...full[3]!, riemann_sum: null }], scatter).at(-1), '/small, math')
})

test('both axes of a scatter say that a loss is a divergence', () => {
  const row = makeRow({ loss_kind: 'kl', loss_change: 0.1, riemann_sum: 0.1, loss_items: 4, loss_tokens: 9 })
  const spec = JSON.stringify(specOf(source([row]), { kind: 'scatter', x: 'loss_change', y: 'riemann_sum' }))
  assert.match(spec, /"loss change \(nats of KL per position\)"/)
  assert.doesNotMatch(spec, /nats per token/)
})

test('exact change and approximations together share a unit; score and loss do not', async () => {
  const { svg } = await drawFigure(source(small), { y: ['loss_change', 'riemann_sum'], rows: 'label' })
  assert.ok(textsOf(svg).includes('Riemann sum'))
  await assert.rejects(drawFigure(source(small), { y: ['loss_change', 'score_edited'] }), /do not share a unit/)
})

test('what cannot be drawn is said in a sentence', async () => {
  await assert.rejects(
    drawFigure(source(small), { x: 'drop_rte' }),
    /unknown column "drop_rte"; did you mean "drop_rate"/,
  )
  await assert.rejects(drawFigure(source([makeRow({ score_edited: null, loss_change: null })])), /nothing to draw/)
  await assert.rejects(drawFigure(source(small), { x: 'bits' }), /nothing to draw: no finished run has a value of bits/)
  await assert.rejects(drawFigure(source(small), { kind: 'box' }), /nothing to draw: no finished run has terms/)
  await assert.rejects(drawFigure(source(small), { where: { label: 'nobody' } }), /nothing to draw/)
})
