// A results folder in, tables and figures out: the files, the commands, and what happens when something is missing.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'
import { openStore, type Row, readResults } from '../../src/record/index.js'
import type { DISPLAY } from '../../src/report/display.js'
import {
  figure,
  makeTable,
  readSource,
  readTogether,
  reportTable,
  table,
  termsFigure,
  writeFigures,
  writeReport,
  writeTerms,
} from '../../src/report/index.js'
import { planOf } from '../record/example.js'
import { dropRateRows, makeRow, makeTerms } from './rows.js'

const root = mkdtempSync(join(tmpdir(), 'deltalab-report-'))
after(() => rmSync(root, { recursive: true }))

async function folderOf(name: string, rows: Row[], config: string): Promise<string> {
  const folder = join(root, name)
  const store = await openStore(folder, planOf([], {}, config))
  for (const row of rows) await store.append(row, makeTerms(row.status === 'ok' ? [row] : []))
  await store.close()
  return folder
}

const rows = dropRateRows().filter(
  (row) =>
    row.model === 'small' && row.task !== 'instruct' && (row.seed ?? 1) <= 2 && [0.2, 0.9].includes(row.drop_rate!),
)
const config =
  'title: Made-up runs\nmodels: [{ name: small, tasks: [math, code] }]\nreport:\n  - { x: drop_rate }\n  - { name: terms, kind: box }\n  - { y: taylor1, name: taylor }\n'

test('folders of several machines are read as one: the same table as from the whole, shared runs once', async () => {
  const failed = { ...rows[2]!, status: 'failed' as const, error: 'the machine was full' }
  const parts = [
    await folderOf('first-half', [...rows.slice(0, 2), failed], config),
    await folderOf('second-half', rows.slice(1), config),
  ]
  const whole = await readSource(await folderOf('in-one', rows, config))
  for (const folders of [parts, [...parts].reverse(), [...parts, ...parts]]) {
    const together = await readTogether(folders)
    assert.equal(together.rows.length, rows.length)
    assert.deepEqual(reportTable(together), reportTable(whole))
    assert.equal(together.terms.length, whole.terms.length)
  }
  const { title } = await readTogether([parts[0]!, await folderOf('other', rows, config.replace('up', 'believe'))])
  assert.equal(title, 'Made-up runs · Made-believe runs')
})

test('writeReport writes three tables and every figure, whole, and twice the same bytes', async () => {
  const folder = await folderOf('whole', rows, config)
  const report = await writeReport(folder)
  assert.deepEqual(
    report.figures.map((path) => path.slice(folder.length + 1)),
    ['figure.svg', 'figure.png', 'terms.svg', 'terms.png', 'taylor.svg', 'taylor.png'],
  )
  assert.deepEqual(
    readdirSync(folder)
      .filter((name) => !['config.yaml', 'meta.json', 'runs.csv', 'terms.csv'].includes(name))
      .sort(),
    [
      ...report.files.map((path) => path.slice(folder.length + 1)),
      ...readdirSync(folder).filter((name) => name.endsWith('.lock')),
    ].sort(),
  )
  assert.equal(report.markdown, join(folder, 'table.md'))
  assert.ok(report.table.startsWith(readFileSync(report.markdown, 'utf8')))
  assert.match(report.table, /\*\*Made-up runs\*\*/)
  const before = report.files.map((path) => readFileSync(path))
  const again = await writeReport(folder)
  assert.deepEqual(
    again.files.map((path) => readFileSync(path)),
    before,
  )
})

test('a figure that cannot be drawn costs neither the table nor the other figures', async () => {
  const folder = await folderOf(
    'lossless',
    rows.map((row) => ({ ...row, taylor2: null })),
    `${config.replace('taylor1', 'taylor2')}`,
  )
  const report = await writeReport(folder)
  assert.equal(report.figures.length, 4)
  assert.match(
    report.table,
    /Figure taylor: .*config\.yaml:6:5: report\[2\]: nothing to draw: no finished run has taylor2/,
  )
})

test('runs that measure the divergence have the table for compression among their files', async () => {
  const measured = rows.map((row) => ({ ...row, others_edited: { kl: 0.5 } }))
  const { files } = await writeReport(await folderOf('divergence', measured, config))
  const compression = files.filter((file) => /compression\.(md|tex|csv)$/.test(file))
  assert.equal(compression.length, 3)
  assert.match(readFileSync(compression[0]!, 'utf8'), /\| bits\/parameter \|.*\| +KL, math \|/)
})

test('a scatter has no values to stand across the table: it stays one line per edit', async () => {
  const many = dropRateRows().map((row, i) => ({ ...row, others_edited: { kl: i } }))
  const source = await readSource(await folderOf('scatter', many, 'report: { kind: scatter, x: kl }\n'))
  assert.deepEqual(reportTable(source), makeTable(source.rows, source.title, {}, source.order))
})

test('a sweep of failed runs has a table and no figure', async () => {
  const folder = await folderOf(
    'failed',
    [makeRow({ status: 'failed', error: 'broke', score_edited: null })],
    'title: T\n',
  )
  const report = await writeReport(folder)
  assert.deepEqual(report.figures, [])
  assert.match(report.table, /1 failed run left out: broke/)
})

test('a wrong report section of a stored config names its key', async () => {
  const folder = await folderOf('wrong', rows, 'report: { kind: pie }\n')
  await assert.rejects(
    readSource(folder),
    /config\.yaml:1:11: report\.kind: must be one of line, box, heat, scatter; got "pie"/,
  )
  const source = await readSource(await folderOf('strange', rows, 'report:\n  - { x: drop_rte }\n  - {}\n'))
  await assert.rejects(
    writeFigures(join(root, 'strange'), source),
    /strange\/config\.yaml:2:5: report\[0\]: unknown column "drop_rte"; did you mean "drop_rate"/,
  )
})

test('the bar chart of an edit names the tensors and keeps their sum', async () => {
  const row = rows.find(({ status }) => status === 'ok')!
  const terms = makeTerms([row])
  const paths = await writeTerms(join(root, 'bars', 'deep'), { row, terms })
  assert.deepEqual(paths, [join(root, 'bars', 'deep', 'terms.svg'), join(root, 'bars', 'deep', 'terms.png')])
  const svg = readFileSync(paths[0]!, 'utf8')
  for (const { tensor } of terms) assert.ok(svg.includes(tensor))
  const many = Array.from({ length: 40 }, (_, i) => ({ ...terms[0]!, tensor: `t${i}`, term: 2 ** -i }))
  const text = readFileSync((await writeTerms(join(root, 'bars'), { row, terms: many }))[0]!, 'utf8')
  assert.ok(text.includes('11 other tensors') && text.includes('>t28<') && !text.includes('>t29<'))
  await assert.rejects(writeTerms(join(root, 'none'), { row, terms: [] }), /changed no tensor/)
})

test('the commands table and plot work from the folder, and say what is wrong in one line', async () => {
  const further = rows.map((row) => ({ ...row, others_edited: { kl_p99: 0.5 } }))
  const folder = await folderOf('commands', further, config)
  const main = join(packageRoot, 'dist', 'bundle', 'cli', 'main.js')
  const call = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], { encoding: 'utf8' })
    return { status, out: stdout, err: stderr }
  }
  const table = call('table', folder, '--format', 'csv', '--by', 'task,label', '--columns', 'score_edited')
  assert.equal(table.status, 0, table.err)
  assert.equal(table.out.split('\n')[0], 'task,label,runs,score_edited,score_edited_error,score_edited_n')
  const plot = call('plot', folder, '--y', 'others_edited.kl_p99', '--facet', 'task', '--out', join(folder, 'more'))
  assert.deepEqual(plot, {
    status: 0,
    out: `${join(folder, 'more', 'others-edited-kl-p99.svg')}\n${join(folder, 'more', 'others-edited-kl-p99.png')}\n`,
    err: '',
  })
  // The title of the experiment is that of its own figures.
  assert.match(readFileSync(join(folder, 'more', 'others-edited-kl-p99.svg'), 'utf8'), />made-up<\/text>/)
  const bits = call('table', folder, '--compression', '--format', 'csv')
  assert.match(
    bits.out,
    /^label,drop_rate,runs,bits_per_parameter,bits_per_parameter_error,bits_per_parameter_n,relative/,
  )
  assert.match(bits.err, /^warning: no run measures the divergence from post: .*sweep again\n$/m)
  assert.match(
    call('table', folder, '--compression', '--by', 'task').err,
    /compression and (--)?by cannot be given together/,
  )
  const wrong = call('table', folder, '--by', 'taks')
  assert.equal(wrong.status, 1)
  assert.match(wrong.err, /^deltalab: unknown column "taks"; did you mean "task"\?.*\n$/)
  writeFileSync(join(root, 'file'), '')
  for (const command of ['table', 'plot'])
    assert.match(call(command, join(root, 'nowhere')).err, /^deltalab: .*nowhere is not a results folder: .*\n$/)
})

test('a figure and a table show themselves in a notebook, to every kernel that asks', async () => {
  const folder = await folderOf('shown', rows, config)
  const results = await readResults(folder)
  const drawn = await figure(results)
  const bundle = drawn[Symbol.for('Jupyter.display') as typeof DISPLAY]()
  assert.equal(bundle['image/svg+xml'], drawn.svg)
  assert.deepEqual([...Buffer.from(bundle['image/png']!, 'base64')], [...drawn.png])
  assert.deepEqual(drawn._toMime(), bundle)
  assert.deepEqual(Object.keys(drawn), ['name', 'svg', 'png'])
  const made = table(results, { title: 'Chosen', by: ['label'] })
  assert.match(made._toMime()['text/markdown']!, /^\*\*Chosen\*\*\n\n\| method/)
  assert.deepEqual(
    JSON.parse(JSON.stringify(made)),
    JSON.parse(JSON.stringify(makeTable(rows, 'Chosen', { by: ['label'] }))),
  )
  const bars = await termsFigure({ row: rows[0]!, terms: makeTerms([rows[0]!]) })
  assert.match(bars.svg, /Terms of the Riemann sum/)
})
