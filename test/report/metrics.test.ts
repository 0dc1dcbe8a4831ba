// Scores that are no shares, such as a perplexity: written as numbers, with the name of the metric, and the lowest is the best.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scoreText } from '../../src/naming/index.js'
import type { Row } from '../../src/record/index.js'
import { specOf } from '../../src/report/figure.js'
import { printTable } from '../../src/report/print.js'
import { selectRows } from '../../src/report/select.js'
import type { FigureSource } from '../../src/report/source.js'
import { makeTable } from '../../src/report/table.js'
import { makeRow } from './rows.js'

const text = (more: Partial<Row>) =>
  makeRow({
    task: 'wiki',
    metric: 'perplexity',
    score_pre: 40,
    score_post: 20.5,
    others_edited: { bits_per_byte: 1.25, kl: 0.5 },
    ...more,
  })
const texts = [text({ drop_rate: 0.5, score_edited: 21.1234 }), text({ drop_rate: 0.9, score_edited: 1234.5 })]
const shares = [makeRow({ task: 'math', drop_rate: 0.5, score_edited: 0.75, score_post: 0.8, score_pre: 0 })]
const source = (rows: Row[]): FigureSource => ({ rows, terms: [], order: new Map(), title: 't', axes: [] })

test('a score in words has the unit of its metric', () => {
  assert.equal(scoreText('acc', 0.5, 0.01), '50.0 % (± 1.0)')
  assert.equal(scoreText('matthews', 0.5), '0.500')
  assert.equal(scoreText('perplexity', 21.12345, 0.0312), '21.12 (± 0.0312)')
  assert.equal(scoreText('kl', 0.012345), '0.01235 nats')
  assert.equal(scoreText('kl', 2.5e-5), '0.000025 nats')
  assert.equal(scoreText('kl', 2.5e-6), '2.500e-6 nats')
  assert.equal(scoreText('mean_rank', 3.5), '3.5')
})

test('a table of perplexities has them as numbers', () => {
  const table = makeTable(texts, 't', { columns: ['score_edited', 'score_post', 'others_edited.bits_per_byte', 'gap'] })
  assert.deepEqual(
    table.columns.map(({ heading }) => heading),
    ['perplexity', 'perplexity, post', 'bits per byte', 'perplexity − post'],
  )
  const shown = printTable(table)
  assert.match(shown, /\| +21\.12 \| +20\.50 \| +1\.250 \|/)
  assert.match(shown, /1234 |1235 /)
  assert.match(shown, /scores \(of perplexity lower is better\)/i)
  assert.doesNotMatch(shown, /%|percent/)
})

test('where tasks have several units, each score has its own, and the figure shows the loss', () => {
  const all = [...texts, ...shares]
  const table = makeTable(all, 't', { columns: ['score_edited', 'score_post'] })
  assert.deepEqual(
    table.columns.map(({ heading }) => heading),
    ['score', 'score, post'],
  )
  const shown = printTable(table)
  assert.match(shown, /75\.0 %/)
  assert.match(shown, /21\.12 /)
  assert.match(shown, /scores in percent \(of perplexity lower is better\)/i)
  const across = printTable(makeTable(all, 't', { across: 'task' }))
  assert.match(across, /75\.0 /)
  assert.match(across, /21\.12 /)
  assert.match(JSON.stringify(specOf(source(all.map((row) => ({ ...row, loss_change: 0.1 }))), {})), /loss change/)
  const diverging = all.map((row) => ({ ...row, loss_change: null, others_edited: { kl: 0.5 } }))
  assert.match(JSON.stringify(specOf(source(diverging), {})), /KL divergence from the post-trained model/)
  assert.throws(
    () => specOf(source(all), { y: 'score_edited' }),
    /score_edited is in several units \(perplexity, exact_match\): .* where: \{ metric: perplexity \} in the report/,
  )
})

test('a divergence stands on the items of the scores, or of the loss where that is the divergence', () => {
  const own = texts.map((row) => ({ ...row, n: 12, loss_items: 3, loss_tokens: 9, loss_change: 0.1 }))
  const notes = (all: Row[], ...columns: string[]) => makeTable(all, 't', { columns }).notes.join('. ')
  const subtitle = (all: Row[], y: string) => JSON.stringify(specOf(source(all), { y, x: 'drop_rate' }))
  assert.match(notes(own, 'kl', 'same_top'), /divergence from the post-trained model on 12 items per task/)
  assert.doesNotMatch(notes(own, 'kl', 'relative_error', 'delta_norm'), /losses in|3 items/)
  assert.match(notes(own, 'loss_change', 'kl'), /losses in nats per token, 3 items per task; divergence .* on 12 items/)
  assert.match(subtitle(own, 'kl'), /12 items per task/)
  assert.match(subtitle(own, 'loss_change'), /3 items per task/)
  assert.doesNotMatch(subtitle(own, 'relative_error'), /items per task/)
  const asLoss = own.map((row): Row => ({ ...row, others_edited: null, loss_kind: 'kl', loss_edited: 0.2 }))
  assert.match(notes(asLoss, 'kl'), /on 3 items per task/)
  assert.match(subtitle(asLoss, 'kl'), /3 items per task/)
})

test('the axis of a figure is that of the metric', () => {
  const spec = JSON.stringify(specOf(source(texts), { y: 'score_edited', x: 'drop_rate' }))
  assert.match(spec, /"title":"perplexity"/)
  assert.match(spec, /"y":21\.1234/)
  const bits = JSON.stringify(specOf(source(texts), { y: 'others_edited.bits_per_byte', x: 'drop_rate' }))
  assert.match(bits, /bits per byte \(bits\)/)
})

test('of perplexities the lowest is chosen; they have no common mean with shares', () => {
  const of = (drop_rate: number, score_validation: number, more: Partial<Row> = {}) =>
    text({ drop_rate, score_validation, score_edited: score_validation, ...more })
  const rows = [of(0.5, 30), of(0.9, 25), of(0.95, 80)]
  assert.deepEqual(selectRows(rows, ['drop_rate']), [rows[1]])
  const merge = { merger: 'ties', merged: 'a+b', drop_rate: null }
  const mixed = [1, 2].flatMap((lambda) => [
    of(0.5, lambda, { ...merge, options: { lambda } }),
    of(0.5, lambda, { ...merge, options: { lambda }, task: 'math', metric: 'acc' }),
  ])
  assert.throws(() => selectRows(mixed, ['lambda']), /perplexity and acc have no common mean to choose lambda by/)
})
