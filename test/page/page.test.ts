// The page of `report --html` in a real Chromium: filters, sorting, notes on marks, legend, axes, map of tensors, phone, dark, print.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { readFilter } from '../../src/page/filter.js'
import { type Row, writeTables } from '../../src/record/index.js'
import { makePage } from '../../src/report/index.js'
import { temporary } from '../checkpoint/files.js'
import { findChromium, startBrowser } from './browser.js'
import { HOSTILE, writePageResults } from './results.js'

const chromium = findChromium()
const skip = chromium === null && 'no Chromium: install it, or name its path in CHROMIUM'
const file = join(temporary(), 'page.html')
let browser: Browser
let page: Page
let rows: Row[]
const faults: string[] = []

before(async () => {
  if (chromium === null) return
  const folder = join(temporary(), 'results')
  rows = await writePageResults(folder)
  writeFileSync(file, await makePage([folder]))
  browser = await startBrowser(chromium)
  page = await browser.newPage({ viewport: { width: 1200, height: 900 }, colorScheme: 'light' })
  page.on('console', (message) => faults.push(message.text()))
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('dialog', (dialog) => faults.push(dialog.message()))
  page.on('request', (request) => {
    if (!/^(file|data|blob):/.test(request.url())) faults.push(request.url())
  })
  await open()
})
after(() => browser?.close())

async function open(): Promise<void> {
  await page.goto(`file://${file}`)
  await page.waitForSelector('html[data-ready]')
}

const all = () => page.locator('article[aria-label="All rows"]')
const filter = (name: string) => all().getByLabel(`Filter ${name}`, { exact: true })
const cells = (column: number) => all().locator(`tbody tr td:nth-child(${column})`).allTextContents()
const columnOf = async (name: string) => 1 + (await all().locator('thead th').allTextContents()).indexOf(name)
const tip = () => page.locator('.tip')

test('what a row, a title or a README says is text', { skip }, async () => {
  assert.equal(await page.title(), HOSTILE)
  assert.equal(await page.locator('h1').textContent(), HOSTILE)
  assert.equal(await page.locator('b, img, a[href^="javascript"], a[href^=".."]').count(), 0)
  assert.equal(
    await page
      .locator('.failures')
      .textContent()
      .then((text) => text!.includes(HOSTILE)),
    true,
  )
  assert.match((await page.locator('.notes').textContent())!, /nearly nothing is kept 8 runs/)
  assert.equal(await page.locator('.readme a').getAttribute('href'), 'https://example.org/')
})

test('a table filters by words and by numbers, sorts both ways, and saves what it shows', { skip }, async () => {
  await filter('drop_rate').fill('>=0.5 <0.95')
  await filter('task').fill('MAT')
  const count = all().locator('output')
  assert.equal(await count.textContent(), '8 of 25 lines')
  await filter('drop_rate').fill('>=many')
  assert.equal(await filter('drop_rate').getAttribute('aria-invalid'), 'true')
  assert.match((await all().getByRole('alert').textContent())!, /^drop_rate: >=many compares with no number/)
  await filter('drop_rate').fill('0.5')
  assert.equal(await count.textContent(), '4 of 25 lines')
  const scores = await columnOf('score_edited')
  const head = all().getByRole('button', { name: 'score_edited', exact: true })
  await head.click()
  assert.deepEqual(await cells(scores), ['0.5', '0.5', '0.9', '0.95'])
  await head.click()
  assert.deepEqual(await cells(scores), ['0.95', '0.9', '0.5', '0.5'])
  // The failed run has no score: it is last both ways.
  await filter('drop_rate').fill('>=0.9')
  assert.deepEqual(await cells(scores), ['0.91', '0.82', '0.5', '0.5', ''])
  await head.click()
  assert.deepEqual(await cells(scores), ['0.5', '0.5', '0.82', '0.91', ''])
  await head.click()
  await filter('drop_rate').fill('0.5')
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    all().getByRole('button', { name: 'Save as CSV' }).click(),
  ])
  const csv = readFileSync(await download.path(), 'utf8')
  assert.match(csv, /^model,task,label,drop_rate/)
  assert.equal(csv.split('\r\n').length, 6)
  await page.reload()
  await page.waitForSelector('html[data-ready]')
  assert.equal(await count.textContent(), '4 of 25 lines')
  for (const name of ['drop_rate', 'task']) await filter(name).fill('')
})

test('a bound is within <= and >=, and not within < and >', () => {
  assert.deepEqual(
    ['<=0.5', '>=0.5', '<0.5', '>0.5'].map((text) => readFilter(text)!(0.5)),
    [true, true, false, false],
  )
})

test('a mark says its mean, options and seeds to a pointer and to keys', { skip }, async () => {
  const mark = page.locator('figure').first().locator('path[aria-label^="dare, code"]').first()
  await mark.hover({ force: true })
  const text = (await tip().textContent())!
  assert.match(text, /^dare, code/)
  // 1 − 0.1 · (1 + 2) / 20 in per cent; the error of 99 and 98 is 0.5.
  assert.match(text, /score \(%\)98\.50 ± 0\.50/)
  assert.match(text, /rescaletrue.*runs2.*seeds1–2/)
  await mark.focus()
  await page.keyboard.press('ArrowRight')
  assert.match((await tip().textContent())!, /score \(%\)92\.50/)
  await page.keyboard.press('Escape')
  assert.equal(await tip().isVisible(), false)
})

test('the legend hides a series', { skip }, async () => {
  const figure = page.locator('figure').first()
  const marks = figure.locator('g.mark-symbol path')
  assert.equal(await marks.count(), 12)
  const entry = figure.getByRole('button', { name: 'dare' })
  await entry.click()
  await page.waitForFunction(
    () => document.querySelector('figure')!.querySelectorAll('g.mark-symbol path').length === 6,
  )
  assert.equal(await entry.getAttribute('aria-pressed'), 'false')
  await entry.click()
})

test('the reader chooses axes, series and panels', { skip }, async () => {
  const figure = page.locator('.explorer figure')
  const choose = (label: string, value: string) =>
    page.locator('.explorer').getByLabel(label, { exact: true }).selectOption(value)
  await choose('y', 'loss_change')
  await figure.getByText('loss change').first().waitFor()
  await choose('panels across', 'label')
  await choose('panels down', 'status')
  await choose('series', 'task')
  await figure.getByRole('button', { name: 'code' }).waitFor()
  await choose('kind', 'heat')
  await figure.locator('g.mark-rect').first().waitFor()
  await page.locator('.explorer').getByLabel('log y').check()
  await choose('kind', 'scatter')
  await figure.locator('g.mark-symbol').first().waitFor()
  assert.match(page.url(), /y=loss_change/)
  await choose('kind', '')
  await figure.locator('g.mark-line').first().waitFor({ state: 'attached' })
})

test('the map of tensors shows the terms of the chosen run', { skip }, async () => {
  const map = page.locator('table.map')
  assert.deepEqual(await map.locator('tbody th').allTextContents(), ['outside', 'model.layers.0', 'model.layers.1'])
  assert.deepEqual(await map.locator('td[tabindex]').allTextContents(), ['0.0010', '−0.0010', '0'])
  await map.locator('td.lowers').hover()
  assert.match((await tip().textContent())!, /^model\.layers\.0\.mlp\.up_proj\.weightterm−0\.001/)
  await page.getByLabel('run', { exact: true }).selectOption({ index: 1 })
  assert.deepEqual(await map.locator('td[tabindex]').allTextContents(), ['0.0020', '−0.0020', '0'])
})

test('nothing is wider than a phone; dark follows the system and the choice; print has no controls', {
  skip,
}, async () => {
  await page.setViewportSize({ width: 360, height: 740 })
  await open()
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360)
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const light = await paper()
  await page.emulateMedia({ colorScheme: 'dark' })
  assert.notEqual(await paper(), light)
  await page.getByLabel('colours').selectOption('light')
  assert.equal(await paper(), light)
  await page.emulateMedia({ media: 'print' })
  assert.equal(await page.locator('.explorer .controls').isVisible(), false)
  assert.equal(await page.locator('.filters').first().isVisible(), false)
  await page.emulateMedia({ media: 'screen' })
})

test('a page of a sweep that runs loads itself again, and keeps what the reader chose', { skip }, async () => {
  const folder = join(temporary(), 'running')
  await writePageResults(folder)
  writeFileSync(file, await makePage([folder], { refresh: 0.3 }))
  await open()
  await filter('task').fill('math')
  writeFileSync(join(folder, 'README.md'), '# New\n\nOne more sentence.\n')
  writeFileSync(file, await makePage([folder]))
  await page.waitForTimeout(500)
  assert.equal(
    await page
      .locator('.readme')
      .textContent()
      .then((text) => text!.includes('One more')),
    false,
  )
  await filter('task').blur()
  await page.getByText('One more sentence.').waitFor()
  assert.equal(await all().locator('output').textContent(), '13 of 25 lines')
})

test('print has the first lines of a long table, and says how many are left out and where they are', {
  skip,
}, async () => {
  const folder = join(temporary(), 'long')
  await writePageResults(folder)
  const many = Array.from({ length: 230 }, (_, i) => ({ ...rows[0]!, id: `r${i}`, seed: i }))
  await writeTables(folder, many, [])
  writeFileSync(file, await makePage([folder]))
  await open()
  const lines = all().locator('tbody tr')
  assert.equal(await lines.count(), 50)
  await filter('seed').fill('<210')
  await page.emulateMedia({ media: 'print' })
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')))
  assert.equal(await lines.count(), 200)
  assert.equal(
    await all().locator('.printed').textContent(),
    `10 more lines are not printed: all are in the page that this is a print of, and in ${folder}/runs.csv.`,
  )
  // The filter is printed, because it is set.
  assert.equal(await filter('seed').isVisible(), true)
  await page.evaluate(() => dispatchEvent(new Event('afterprint')))
  await page.emulateMedia({ media: 'screen' })
  assert.equal(await lines.count(), 50)
  assert.equal(await all().locator('.printed').isVisible(), false)
})

test('nothing was fetched, said or wrong', { skip }, () => assert.deepEqual(faults, []))
