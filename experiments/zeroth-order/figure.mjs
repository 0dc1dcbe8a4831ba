// Draws results/zeroth-order/loss.svg and loss.png from losses.csv: training loss over local steps, MeZO's as a mean of 20 steps.
import { readFileSync, writeFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { renderPng, renderSvg } from '../../dist/src/report/render.js'
import { styleOf, THEME } from '../../dist/src/report/theme.js'

const folder = new URL('../../results/zeroth-order/', import.meta.url)
const rows = parse(readFileSync(new URL('losses.csv', folder)), { columns: true, cast: true })
const window = 20
const points = Map.groupBy
  ? [...Map.groupBy(rows, ({ run }) => run)]
  : [...new Set(rows.map(({ run }) => run))].map((run) => [run, rows.filter((row) => row.run === run)])
const values = points.flatMap(([run, list]) => {
  const size = list.length > 200 ? window : 1
  return Array.from({ length: Math.floor(list.length / size) }, (_, i) => {
    const part = list.slice(i * size, (i + 1) * size)
    return { run, step: part.at(-1).step, loss: part.reduce((sum, { loss }) => sum + loss, 0) / size }
  })
})
const styles = points.map(([run], i) => styleOf(run, i))
const spec = {
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  title: {
    text: 'Fine-tuning without gradients',
    subtitle: 'Small miniature base (0.84M parameters) on code; each step is two forward passes',
  },
  width: 440,
  height: 260,
  data: { values },
  mark: { type: 'line', strokeWidth: 1.6 },
  encoding: {
    x: { field: 'step', type: 'quantitative', title: 'steps (of FedKSeed: local steps of all clients together)' },
    y: { field: 'loss', type: 'quantitative', title: 'training loss (nats per token)', scale: { zero: true } },
    color: {
      field: 'run',
      scale: { domain: styles.map(({ name }) => name), range: styles.map(({ colour }) => colour) },
      title: null,
    },
    strokeDash: {
      field: 'run',
      scale: { domain: styles.map(({ name }) => name), range: styles.map(({ dash }) => dash) },
      title: null,
    },
  },
  config: THEME,
}
const svg = await renderSvg(spec)
writeFileSync(new URL('loss.svg', folder), svg)
writeFileSync(new URL('loss.png', folder), renderPng(svg))
