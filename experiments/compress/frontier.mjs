// The figure: what a file keeps against its bytes, one panel for each task.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Resvg } from '@resvg/resvg-js'
import { parse, View } from 'vega'
import { compile } from 'vega-lite'

/** The chooser is dark, with a shape that no codec has, and on top. */
const CHOSEN = { name: 'chosen', colour: '#000000', shape: 'diamond' }
const COLOURS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#8C6D31']
const SHAPES = ['circle', 'square', 'triangle-up', 'triangle-down', 'cross']

/** @param kinds the codecs, the chooser last */
const panel = (kinds, { field, title, ticks }) => ({
  width: 170,
  height: 150,
  mark: { type: 'point', filled: true, opacity: 0.9 },
  encoding: {
    x: {
      field: 'bits_per_parameter',
      type: 'quantitative',
      scale: { type: 'log', nice: false, padding: 12 },
      axis: { values: [0.25, 0.5, 1, 2, 4, 8, 16] },
      title: 'stored bits per parameter',
    },
    y: {
      field,
      type: 'quantitative',
      title,
      ...(ticks && {
        scale: { type: 'symlog', constant: 0.01, nice: false, padding: 6 },
        axis: { values: ticks, format: '~g' },
      }),
    },
    color: {
      field: 'kind',
      title: 'codec',
      scale: {
        domain: kinds,
        range: kinds.map((kind, i) => (kind === CHOSEN.name ? CHOSEN.colour : COLOURS[i % COLOURS.length])),
      },
    },
    shape: {
      field: 'kind',
      title: 'codec',
      scale: {
        domain: kinds,
        range: kinds.map((kind, i) => (kind === CHOSEN.name ? CHOSEN.shape : SHAPES[i % SHAPES.length])),
      },
    },
    size: { condition: { test: `datum.kind === '${CHOSEN.name}'`, value: 70 }, value: 30 },
    order: { field: 'order', type: 'quantitative' },
  },
})

/** Writes frontier.svg and frontier.png: loss change above, score below. */
export async function drawFrontier(results, folder) {
  const values = results.map((row) => ({
    ...row,
    kind: row.editor === 'none' ? row.codec : `${row.codec}, ${row.editor}`,
  }))
  const isChosen = (kind) => Number(kind === CHOSEN.name)
  const kinds = [...new Set(values.map(({ kind }) => kind))].sort(
    (a, b) => isChosen(a) - isChosen(b) || (a < b ? -1 : 1),
  )
  for (const row of values) row.order = isChosen(row.kind)
  values.sort((a, b) => a.order - b.order)
  const tasks = [...new Set(values.map(({ task }) => task))]
  const column = (task) => ({
    title: task,
    data: { values: values.filter((row) => row.task === task) },
    vconcat: [
      panel(kinds, { field: 'loss_change', title: 'loss change', ticks: [-0.01, 0, 0.01, 0.1, 1] }),
      panel(kinds, { field: 'score', title: 'score' }),
    ],
  })
  const { spec } = compile({
    background: 'white',
    config: { axis: { titleFontWeight: 'normal' } },
    hconcat: tasks.map(column),
  })
  const svg = await new View(parse(spec), { renderer: 'none' }).toSVG()
  writeFileSync(join(folder, 'frontier.svg'), svg)
  writeFileSync(join(folder, 'frontier.png'), new Resvg(svg, { fitTo: { mode: 'zoom', value: 1.5 } }).render().asPng())
}
