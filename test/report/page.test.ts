// Records in few bytes and back, READMEs as safe HTML, filters of columns, and the data that a page holds.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { readFilter } from '../../src/page/filter.js'
import type { Row } from '../../src/record/index.js'
import { checkPageFile, makePage, type PageData, packRecords, unpackRecords } from '../../src/report/index.js'
import { readmeHtml } from '../../src/report/readme.js'
import { temporary } from '../checkpoint/files.js'
import { HOSTILE, writePageResults } from '../page/results.js'

test('records that were packed are the same records', () => {
  const record = fc.record({
    word: fc.constantFrom('a', 'b', null),
    number: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(0.1)),
    options: fc.constantFrom({ k: 0 }, { k: 1, steps: [{ editor: 'dare' }] }),
    same: fc.constant('x'),
  })
  fc.assert(
    fc.property(fc.array(record, { maxLength: 60 }), (records) => {
      const packed = JSON.parse(JSON.stringify(packRecords(records, ['word', 'number', 'options', 'same'])))
      assert.deepEqual(unpackRecords(packed), JSON.parse(JSON.stringify(records)))
    }),
  )
})

test('values that occur often are written once', () => {
  const { columns } = packRecords(
    Array.from({ length: 100 }, (_, i) => ({ id: String(i), task: i % 2 ? 'math' : 'code', model: 'small' })),
    ['id', 'task', 'model'],
  )
  assert.deepEqual(Object.keys(columns.id!), ['values'])
  assert.deepEqual((columns.task as { words: unknown[] }).words, ['code', 'math'])
  assert.deepEqual(columns.model, { all: 'small' })
})

test('a README becomes HTML that brings nothing in', async () => {
  const html = await readmeHtml(
    '# T\n\n## Q\n\na <script>x</script> ![p](a.png) [f](b.md) [l](https://e.org) [j](javascript:x)\n\n| a |\n|---|\n| 1 |\n',
  )
  assert.match(html, /<h4>Q<\/h4>/)
  assert.match(html, /&lt;script&gt;x/)
  assert.match(html, / f <a href="https:\/\/e\.org">l<\/a> j/)
  assert.match(html, /<table>/)
  assert.doesNotMatch(html, /<img|<h1|<script/)
})

test('filters: words anywhere, numbers as they are, conditions together; what compares no number is refused', () => {
  const cases = [
    ['', null, true],
    ['are', 'DARE', true],
    ['=are', 'dare', false],
    ['!=dare', 'dare', false],
    ['0.9', 0.9, true],
    ['0.9', 0.95, false],
    ['>=0.9', 0.9, true],
    ['>=0.9', null, false],
    ['>0.1 <0.5', 0.3, true],
    ['>0.1 <0.5', 0.5, false],
    ['< −1', -2, true],
    ['=', null, true],
  ] as const
  for (const [text, value, wanted] of cases) assert.equal(readFilter(text)!(value), wanted, `${text} of ${value}`)
  // What is rounded in the table is found as it stands there.
  assert.equal(readFilter('98.6')!(98.5546875, '98.6 ± 0.4'), true)
  assert.equal(readFilter('=-1.2')!(-1.2345, '−1.2'), true)
  assert.equal(readFilter('>=98.6')!(98.5546875, '98.6 ± 0.4'), false)
  assert.equal(readFilter('>x'), null)
})

test('a page holds its rows and terms, and nothing in it ends its data early', async () => {
  const folder = join(temporary(), 'results')
  const rows = await writePageResults(folder)
  const page = await makePage([folder])
  assert.equal(/<(img|b)\b/.test(page), false)
  assert.equal(page.match(/<script/g)!.length, 4)
  const [, text] = /id="data">([^<]*)</.exec(page)!
  const data = JSON.parse(gunzipSync(Buffer.from(text!, 'base64')).toString()) as PageData
  assert.equal(data.title, HOSTILE)
  const [experiment] = data.experiments
  assert.deepEqual(unpackRecords<Row>(experiment!.rows), rows)
  assert.equal(experiment!.terms.count, 6)
  const { headings, lines } = experiment!.tables[0]!
  assert.equal(lines.length, 12)
  // Shares are in per cent in what is sorted, filtered and saved, as they are in what is shown.
  const score = lines.find(
    ([task, label, rate]) => [task, label, rate].map((cell) => cell!.value).join() === 'code,dare,0.1',
  )
  assert.deepEqual(score![headings.indexOf('score (%)')], { text: '98.5 ± 0.5', value: 98.5 })
})

test('a page takes the place of a page, and of nothing else', async () => {
  const folder = temporary()
  const [page, rows] = [join(folder, 'page.html'), join(folder, 'runs.csv')]
  writeFileSync(page, '<!DOCTYPE html><p>')
  writeFileSync(rows, 'id\n')
  await checkPageFile(page)
  await checkPageFile(join(folder, 'new', 'page.html'))
  await assert.rejects(checkPageFile(rows), /runs\.csv exists and is not a page of results/)
  await assert.rejects(checkPageFile(folder), /is a folder; --html is the file/)
})
