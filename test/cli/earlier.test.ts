// Results that 0.1 wrote, on wasm: they are read, give the same table, and are resumed with the same ids and numbers.
import assert from 'node:assert/strict'
import { copyFileSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'
import { type Row, readResults } from '../../src/record/index.js'
import { temporary } from '../checkpoint/files.js'
import { call } from './call.js'

const earlier = join(packageRoot, 'test/fixtures/results/0.1.0')
const cwd = temporary()
const folder = join(cwd, 'results', 'earlier')
symlinkSync(join(packageRoot, 'checkpoints'), join(cwd, 'checkpoints'))
mkdirSync(join(cwd, 'results'))
cpSync(earlier, folder, { recursive: true })
copyFileSync(join(earlier, 'config.yaml'), join(cwd, 'x.yaml'))

/** The columns that 0.1.0 had, without what the machine decides. */
const columns = readFileSync(join(earlier, 'runs.csv'), 'utf8').split('\n', 1)[0]!.split(',')
const measured = (row: Row) =>
  Object.fromEntries(Object.entries(row).filter(([column]) => columns.includes(column) && column !== 'seconds'))

test('they are read, and their table is the one that was written', async () => {
  const { rows, terms, meta } = await readResults(folder)
  assert.deepEqual([rows.length, terms.length, meta?.environment.deltalab], [12, 468, '0.1.0'])
  const { status, stdout } = await call(['table', folder, '--format', 'csv'])
  assert.deepEqual([status, stdout], [0, readFileSync(join(earlier, 'table.csv'), 'utf8')])
})

test('the same experiment has the same ids', async () => {
  const { runs } = JSON.parse((await call(['plan', 'x.yaml', '--json'], { cwd })).stdout) as { runs: { id: string }[] }
  const { rows } = await readResults(folder)
  assert.deepEqual(
    runs.map(({ id }) => id),
    rows.map(({ id }) => id),
  )
})

/** Losses of another build are those of products that round elsewhere (decision 24): apart by a few float32 roundings of the logits, in nats. */
const ROUNDING = 5e-6
const isLoss = (column: string): boolean => /^(loss_(pre|post|edited|change|change_se)|riemann_sum)$/.test(column)

test('a run that is missing is made again with the same numbers; the others are kept', async () => {
  const before = (await readResults(folder)).rows
  const lines = readFileSync(join(folder, 'runs.csv'), 'utf8').split('\n')
  const missing = before[0]!
  writeFileSync(join(folder, 'runs.csv'), lines.filter((line) => !line.startsWith(`${missing.id},`)).join('\n'))
  const { status, stdout, stderr } = await call(['sweep', 'x.yaml', '--jobs', '1', '--json', '--backend', 'wasm'], {
    cwd,
  })
  assert.equal(status, 0, stderr)
  assert.match(stderr, /note: \S*earlier: rows of deltalab 0\.1\.0 stay; this is /)
  const { done, planned } = JSON.parse(stdout) as { done: number; planned: number }
  assert.deepEqual([done, planned], [12, 12])
  const after = (await readResults(folder)).rows
  const byId = new Map(after.map((row) => [row.id, measured(row)]))
  const again = new Set([
    missing.id,
    ...before.filter(({ editor, merger }) => editor !== 'dare' || merger).map(({ id }) => id),
  ])
  assert.equal(again.size, 5)
  for (const row of before) {
    const now = byId.get(row.id)!
    for (const [column, value] of Object.entries(measured(row)))
      if (again.has(row.id) && isLoss(column) && typeof value === 'number')
        assert.ok(
          Math.abs((now[column] as number) - value) < ROUNDING,
          `${row.id} ${column}: ${now[column]} for ${value}`,
        )
      else assert.deepEqual(now[column], value, `${row.id} ${column}`)
  }
})
