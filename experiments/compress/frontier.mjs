// The figure: what a file keeps against its bytes, one panel for each task.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Resvg } from '@resvg/resvg-js'
import { parse, View } from 'vega'
import { compile } from 'vega-lite'

const panel = (field, title, log) => ({
  width: 170,
  height: 150,
  mark: { type: 'point', filled: true, size: 35 },
  encoding: {
    x: {
      field: 'bits_per_parameter',
      type: 'quantitative',
      scale: { type: 'log', nice: false, padding: 12 },
      axis: { values: [0.25, 0.5, 1, 2, 4, 8, 16] },
      title: 'stored bits per parameter',
    },
    y: { field, type: 'quantitative', title, ...(log && { scale: { type: 'symlog', constant: 0.001 } }) },
    color: { field: 'kind', type: 'nominal', title: 'codec' },
    shape: { field: 'kind', type: 'nominal', title: 'codec' },
  },
})

/** Writes frontier.svg and frontier.png: loss change above, score below. */
export async function drawFrontier(results, folder) {
  const values = results.map((row) => ({
    ...row,
    kind: row.editor === 'none' ? row.codec : `${row.codec}, ${row.editor}`,
  }))
  const tasks = [...new Set(values.map(({ task }) => task))]
  const column = (task) => ({
    title: task,
    data: { values: values.filter((row) => row.task === task) },
    vconcat: [panel('loss_change', 'loss change', true), panel('score', 'score', false)],
  })
  const { spec } = compile({ background: 'white', hconcat: tasks.map(column) })
  const svg = await new View(parse(spec), { renderer: 'none' }).toSVG()
  writeFileSync(join(folder, 'frontier.svg'), svg)
  writeFileSync(join(folder, 'frontier.png'), new Resvg(svg, { fitTo: { mode: 'zoom', value: 1.5 } }).render().asPng())
}
