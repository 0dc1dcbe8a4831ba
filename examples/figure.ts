// A figure and a table from rows, without weights and without TensorFlow.js. Run: node dist/examples/figure.js [results folder]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { figure, printTable, readResults, table } from 'deltalab/report'

const results = await readResults(process.argv[2] ?? 'results/drop-rate')
const math = { model: 'small', task: 'math', label: ['dare', 'magnitude'] }
const scores = table(results, { where: { ...math, drop_rate: [0.5, 0.9] }, by: ['label'], across: 'drop_rate' })
console.log(printTable(scores))

const folder = mkdtempSync(join(tmpdir(), 'deltalab-example-'))
const { svg, png } = await figure(results, { where: math, x: 'drop_rate', y: 'loss_change' })
writeFileSync(join(folder, 'loss.svg'), svg)
writeFileSync(join(folder, 'loss.png'), png)
console.log(`an SVG of ${svg.length} characters and a PNG of ${png.length} bytes`)
rmSync(folder, { recursive: true })
