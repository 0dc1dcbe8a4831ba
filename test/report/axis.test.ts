// Text widths, ticks, the symmetric log scale and the legend: nothing touches.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { symlogOf, ticksOf } from '../../src/report/axis.js'
import { textWidth } from '../../src/report/font.js'
import { legendSpec, styleOf } from '../../src/report/theme.js'
import { yEncoding } from '../../src/report/y-axis.js'

test('widths are those of the font: 2048 units per em', () => {
  // Advance widths of DejaVu Sans in its own tables: space 651, A 1401, i 569, 0 1303, minus sign 1716.
  for (const [letter, units] of [
    [' ', 651],
    ['A', 1401],
    ['i', 569],
    ['0', 1303],
    ['−', 1716],
  ] as const)
    assert.equal(textWidth(letter, 2048), units, letter)
  assert.equal(textWidth('A0i', 1024), (1401 + 1303 + 569) / 2)
  assert.ok(textWidth('bold', 10, true) > textWidth('bold', 10))
})

test('ticks: all where there is room, both ends where they fit, even steps where the values are even', () => {
  assert.deepEqual(ticksOf([0.1, 0.5, 0.9], 200), [0.1, 0.5, 0.9])
  const rates = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
  assert.deepEqual(
    ticksOf(rates, 420),
    rates.filter((rate) => rate !== 0.95),
  )
  const alphas = Array.from({ length: 21 }, (_, i) => (i - 10) / 10)
  assert.deepEqual(ticksOf(alphas, 240), [-1, -0.5, 0, 0.5, 1])
  assert.deepEqual(ticksOf(alphas, 300), [-1, -0.8, -0.6, -0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8, 1])
  assert.deepEqual(ticksOf([1, 2, 4, 8, 16, 32, 64], 300, true), [1, 2, 4, 8, 16, 32, 64])
  assert.deepEqual(ticksOf([0.003, 0.01, 0.04, 0.1, 0.2, 0.3, 1, 3, 9, 11], 300, true), [0.01, 0.1, 1, 10])
})

test('a symmetric log scale shows five decades at most, and a tenth of the values may lie in its linear part', () => {
  assert.deepEqual(
    [
      [1e-9, 1e-9, 1, 2],
      [0.02, 3, 5],
      [1e-9, ...Array(10).fill(0.5)],
    ].map((values) => symlogOf(values, 200).constant),
    [1e-4, 0.01, 0.1],
  )
})

test('law: labels of ticks never touch', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: -500, max: 500 }), { minLength: 2, maxLength: 40 }),
      fc.integer({ min: 80, max: 500 }),
      (values, width) => {
        const ticks = ticksOf(values, width)
        const [low, high] = [Math.min(...values), Math.max(...values)]
        const at = (value: number) => ((value - low) / (high - low)) * width
        for (let i = 1; i < ticks.length; i++) {
          const room =
            at(ticks[i]!) -
            at(ticks[i - 1]!) -
            (textWidth(String(ticks[i]).replace('-', '−'), 10) +
              textWidth(String(ticks[i - 1]).replace('-', '−'), 10)) /
              2
          assert.ok(room >= 3 - 1e-9, `${ticks[i - 1]} and ${ticks[i]}: ${room}`)
        }
      },
    ),
  )
})

test('the symmetric log scale covers the values, has zero and powers of ten, and starts linear below its smallest power', () => {
  const { constant, domain, ticks } = symlogOf([0.001, 0.01, 0.1, 3], 200)
  assert.equal(constant, 0.001)
  assert.deepEqual(ticks, [0, 0.001, 0.01, 0.1, 1])
  assert.ok(domain[0] === 0 && domain[1] > 3 && domain[1] < 10)
  const both = symlogOf([-0.2, 0.00001, 0.5], 200)
  assert.ok(both.domain[0] < -0.2 && both.domain[1] > 0.5)
  assert.ok(both.ticks.includes(0) && both.ticks.includes(-0.1) && both.ticks.includes(0.1))
})

test('entries of a legend neither overlap nor leave the figure', () => {
  const names = ['dare', 'drop only', 'magnitude with a long name', 'k = −0.5', 'bitdelta', 'post-trained', 'base']
  const legend = legendSpec(
    names.map((name, i) => styleOf(name, i)),
    300,
  ) as unknown as {
    height: number
    layer: { data: { values: { name: string; x: number; text: number; y: number }[] } }[]
  }
  const entries = [...new Map(legend.layer.map(({ data }) => [data.values[0]!.name, data.values[0]!])).values()]
  assert.deepEqual(
    entries.map(({ name }) => name),
    names,
  )
  entries.forEach((entry, i) => {
    const end = entry.text + textWidth(entry.name, 10.5)
    assert.ok(end <= 300)
    const next = entries[i + 1]
    assert.ok(!next || next.y > entry.y || next.x > end)
    assert.ok(entry.y < legend.height)
  })
})

test('an axis of shares ends at tens, fives or ones; that of scores within 0 to 100', () => {
  const input = {
    grid: { height: 200 },
    options: { y: ['score_edited'] },
    headings: { metric: 'exact_match', metrics: ['exact_match'], lossUnit: 'nats per token' },
  } as unknown as Parameters<typeof yEncoding>[2]
  const domainOf = (...ys: number[]) => (yEncoding(ys, false, input) as { scale: { domain: number[] } }).scale.domain
  assert.deepEqual(domainOf(42, 97), [40, 100])
  assert.deepEqual(domainOf(72, 91), [70, 95])
  assert.deepEqual(domainOf(94.2, 97.5), [94, 98])
  assert.deepEqual(domainOf(-3, 104), [0, 100], 'error bars may leave it')
  assert.deepEqual(domainOf(-63, 4), [-70, 10], 'gaps may be negative')
  assert.deepEqual(domainOf(50, 50), [49, 51])
})
