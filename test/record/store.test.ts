// What a kill, a repeated start, another experiment or a full set of rows does to a results folder.
import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { formatLines, headerLine, parseLines } from '../../src/record/csv.js'
import {
  COLUMNS,
  checkUnlocked,
  describeColumn,
  lockFolder,
  namedOptions,
  openStore,
  type Row,
  readResults,
  readValue,
  rowSchema,
  type Term,
  termSchema,
  writerOf,
} from '../../src/record/index.js'
import { meta, plan, planOf, row, term } from './example.js'

const root = mkdtempSync(join(tmpdir(), 'record-'))
after(() => rmSync(root, { recursive: true }))

const fresh = () => join(mkdtempSync(join(root, 'one-')), 'results')

test('a row read back is the row written, to the last bit', () => {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true })
  fc.assert(
    fc.property(
      number,
      fc.option(number),
      fc.string().filter((s) => !/[\r\n]/.test(s) && s.length > 0),
      fc.jsonValue(),
      (x, y, label, json) => {
        const given: Row = { ...row, loss_pre: x, alpha: y, label, options: { json: JSON.parse(JSON.stringify(json)) } }
        const [read] = parseLines<Row>(
          rowSchema,
          headerLine(rowSchema) + formatLines<Row>(rowSchema, [given]),
          'runs.csv',
        )
        assert.deepEqual(
          read,
          Object.is(x, -0) || Object.is(y, -0)
            ? { ...given, loss_pre: x + 0, alpha: y === null ? null : y + 0 }
            : given,
        )
      },
    ),
  )
})

test('an error text of several lines becomes one line of the file', () => {
  const lines = formatLines<Row>(rowSchema, [{ ...row, error: 'first\n  second' }])
  assert.equal(lines.split('\n').length, 2)
  assert.equal(parseLines<Row>(rowSchema, headerLine(rowSchema) + lines, 'runs.csv')[0]!.error, 'first second')
})

test('every column has its sentence', () => {
  for (const column of COLUMNS) assert.match(describeColumn(column), /^[A-Z].*\.$/, column)
})

test('a value is a column, or else an option', () => {
  assert.equal(readValue({ ...row, options: { multiplier: 1.25 } }, 'multiplier'), 1.25)
  assert.equal(readValue(row, 'drop_rate'), 0.1)
  assert.equal(readValue(row, 'none'), null)
  const steps = [
    { editor: 'dare', drop_rate: 0.5 },
    { editor: 'bits', drop_rate: 2 },
    { editor: 'dare', task: 'x' },
  ]
  for (const options of [
    { task: ['a'], steps: null, k: 2, multiplier: null },
    { lambda: 3, steps },
  ] as const)
    for (const [name, value] of Object.entries(namedOptions(options as Row['options'])))
      assert.equal(readValue({ ...row, k: 2, options: options as Row['options'] }, name), value, name)
})

test('rows read together are those read one by one, and a line that is none is named', () => {
  const header = headerLine(rowSchema)
  const line = formatLines<Row>(rowSchema, [{ ...row, label: 'a "b", c', options: { list: [1, 2] } }])
  const read = (text: string, lenient = false) => parseLines<Row>(rowSchema, text, 'runs.csv', lenient)
  assert.deepEqual(
    read(header + line + line),
    [line, line].flatMap((each) => read(header + each)),
  )
  const quoted = formatLines<Row>(rowSchema, [{ ...row, error: 'so "far", and' }])
  assert.equal(read(header + quoted)[0]!.error, 'so "far", and')
  // Too many cells, quotes that are open, begin within a cell or end within one, and no cell at all.
  const wrongs = [`${line.trimEnd()},1\n`, `"${line}`, line.replace('"a', 'b"a'), line.replace(' c",', ' c"c,'), '\n']
  for (const wrong of wrongs) {
    assert.throws(() => read(header + line + wrong + line), /^UserError: runs\.csv:3: /)
    assert.equal(read(header + line + wrong, true).length, 1)
  }
  const terms = (term: string) =>
    parseLines<Term>(termSchema, `${headerLine(termSchema)}a,b,mlp,4,1,${term},\n`, 'terms.csv')
  assert.equal(terms('0')[0]!.term, 0)
  assert.throws(() => terms(''), /^UserError: terms\.csv:2: term: /, 'an empty cell is no 0')
})

test('a file of an earlier version, without a column that may be empty, is read and gets the column', async () => {
  const folder = fresh()
  const store = await openStore(folder, plan)
  await store.append(row, [])
  await store.close()
  const path = join(folder, 'runs.csv')
  const [header, line] = readFileSync(path, 'utf8').split('\n')
  const at = header!.split(',').indexOf('merger')
  assert.equal(header!.split(',')[at + 1], 'merged')
  // No cell before these columns holds a comma.
  const without = (text: string) => text.split(',').toSpliced(at, 2).join(',')
  writeFileSync(path, `${without(header!)}\n${without(line!)}\n`)
  const again = await openStore(folder, plan)
  await again.close()
  assert.deepEqual(again.found.get(row.id), row)
  assert.equal(readFileSync(path, 'utf8'), `${header}\n${line}\n`)
  writeFileSync(path, `${header!.replace('seed,', '')}\n`.replace('model,', ''))
  await assert.rejects(readResults(folder), /lacks model, seed/)
})

test('cut off at any byte, the folder opens with whole rows only, and terms only of these', async () => {
  const folder = fresh()
  const store = await openStore(folder, { ...plan, config: 'name: e\n' })
  await store.append(row, [term])
  await store.append({ ...row, id: 'b2' }, [
    { ...term, run: 'b2' },
    { ...term, run: 'b2', tensor: 'other' },
  ])
  await store.close()
  const whole = readFileSync(join(folder, 'runs.csv'))
  const wholeTerms = readFileSync(join(folder, 'terms.csv'))
  const ends = [...whole.entries()].filter(([, byte]) => byte === 10).map(([index]) => index + 1)
  for (let length = 0; length <= whole.length; length += 7) {
    writeFileSync(join(folder, 'runs.csv'), whole)
    writeFileSync(join(folder, 'terms.csv'), wholeTerms)
    truncateSync(join(folder, 'runs.csv'), length)
    const again = await openStore(folder, { ...plan, config: 'name: e\n' })
    await again.close()
    const rows = Math.max(0, ends.filter((end) => end <= length).length - 1)
    assert.deepEqual([...again.found.keys()], ['a1', 'b2'].slice(0, rows), `after ${length} bytes`)
    const text = readFileSync(join(folder, 'terms.csv'), 'utf8')
    assert.equal(text.split('\n').length - 2, [0, 1, 3][rows])
  }
})

test('rows that a killed run left out are appended to the others', async () => {
  const folder = fresh()
  const store = await openStore(folder, plan)
  await store.append(row, [])
  await store.close()
  appendFileSync(join(folder, 'runs.csv'), 'b2,e,small')
  appendFileSync(join(folder, 'terms.csv'), `${formatLines(termSchema, [{ ...term, run: 'b2' }])}b2,half`)
  const again = await openStore(folder, planOf(['a1', 'b2'], { started: 'later' }))
  await again.append({ ...row, id: 'b2' }, [{ ...term, run: 'b2' }])
  await again.finish(['b2', 'a1'], 'end')
  await again.close()
  const results = await readResults(folder)
  assert.deepEqual(
    results.rows.map((r) => r.id),
    ['b2', 'a1'],
  )
  assert.deepEqual(results.terms, [{ ...term, run: 'b2' }])
  assert.deepEqual(results.meta, { ...meta, finished: 'end' })
  assert.deepEqual(readdirSync(folder).sort(), ['config.yaml', 'meta.json', 'runs.csv', 'terms.csv'])
})

test('concurrent appends are written one after the other', async () => {
  const folder = fresh()
  const store = await openStore(folder, plan)
  await Promise.all(
    Array.from({ length: 50 }, (_, i) => store.append({ ...row, id: `r${i}` }, [{ ...term, run: `r${i}` }])),
  )
  await store.close()
  const { rows, terms } = await readResults(folder)
  assert.deepEqual([rows.length, terms.length], [50, 50])
})

test('a folder has one writer; the lock of a process that is gone is taken over', async () => {
  const folder = fresh()
  const store = await openStore(folder, plan)
  await assert.rejects(openStore(folder, plan), new RegExp(`is being written by process ${process.pid}`))
  await store.close()
  assert.ok(!readdirSync(folder).includes('sweep.lock'))
  // No process has this id; another start time makes another process of this id; a kill can leave an empty lock.
  for (const left of [`${2 ** 22 + 1} 1`, `${process.pid} 1`, '']) {
    writeFileSync(join(folder, 'sweep.lock'), left)
    await (await openStore(folder, plan)).close()
  }
})

test('failed rows are kept, or dropped to be tried again', async () => {
  const folder = fresh()
  const failing = planOf(['f', 'a1'])
  const store = await openStore(folder, failing)
  await store.append({ ...row, id: 'f', status: 'failed', error: 'no memory' }, [])
  await store.append(row, [])
  await store.close()
  const kept = await openStore(folder, failing)
  await kept.close()
  assert.deepEqual([...kept.found.keys()], ['f', 'a1'])
  const retried = await openStore(folder, failing, { retryFailed: true })
  await retried.close()
  assert.deepEqual([...retried.found.keys()], ['a1'])
})

test('a folder of another experiment is refused, and nothing is changed', async () => {
  const folder = fresh()
  const store = await openStore(folder, { ...plan, config: 'first' })
  await store.append(row, [term])
  await store.close()
  const before = readFileSync(join(folder, 'runs.csv'), 'utf8')
  await assert.rejects(
    openStore(folder, planOf(['a1'], { experiment: 'other' }, 'second')),
    /results holds the experiment e, and this one is other: give another folder with --out, or delete this one/,
  )
  assert.equal(readFileSync(join(folder, 'runs.csv'), 'utf8'), before)
  assert.equal(readFileSync(join(folder, 'config.yaml'), 'utf8'), 'first')
})

test('a run that is there twice is refused: it would count twice in every mean', async () => {
  const folder = fresh()
  const store = await openStore(folder, { ...plan, config: 'name: a' })
  await store.append(row, [])
  await store.close()
  appendFileSync(join(folder, 'runs.csv'), formatLines<Row>(rowSchema, [row]))
  await assert.rejects(readResults(folder), /runs\.csv:3: the run .* has two rows/)
  await assert.rejects(openStore(folder, { ...plan, config: 'name: a' }), /has two rows/)
})

test('a file of other columns or a bad cell in the middle names the line and the column', async () => {
  const folder = fresh()
  await (await openStore(folder, plan)).close()
  const path = join(folder, 'runs.csv')
  const lines = formatLines<Row>(rowSchema, [row, row])
  writeFileSync(path, headerLine(rowSchema).replace('seed', 'sead') + lines)
  await assert.rejects(readResults(folder), /runs\.csv:1: .*lacks seed; has unknown sead/)
  writeFileSync(path, headerLine(rowSchema) + lines.replace(',ok,', ',fine,'))
  await assert.rejects(readResults(folder), /runs\.csv:2: status: /)
})

test("a config.yaml of somebody else's project is not replaced", async () => {
  const folder = mkdtempSync(join(root, 'theirs-'))
  writeFileSync(join(folder, 'config.yaml'), 'theirs: true\n')
  await assert.rejects(
    openStore(folder, { ...plan, config: 'name: e\n' }),
    /holds a config\.yaml but no meta\.json, so deltalab did not write it/,
  )
  assert.deepEqual(readdirSync(folder), ['config.yaml'])
  assert.equal(readFileSync(join(folder, 'config.yaml'), 'utf8'), 'theirs: true\n')
})

test('a process on another host that gives no sign of life is taken for dead, and one that does is not', async () => {
  const folder = fresh()
  const path = join(folder, 'sweep.lock')
  mkdirSync(folder)
  writeFileSync(path, '1 1 elsewhere x')
  const now = Date.now()
  assert.equal(writerOf(folder, now)?.host, 'elsewhere')
  assert.equal(writerOf(folder, now + 60_000), null)
  const alive = setInterval(() => utimesSync(path, Date.now() / 1000, Date.now() / 1000), 200)
  await assert.rejects(
    lockFolder(folder),
    /is being written by process 1 of elsewhere: wait for it, or give another --out/,
  )
  await assert.rejects(checkUnlocked(folder, 'wait'), /of elsewhere: wait/)
  clearInterval(alive)
  // What a writer that was halted for too long finds when it goes on.
  rmSync(path)
  const lock = await lockFolder(folder)
  writeFileSync(path, '1 1 elsewhere x')
  assert.throws(() => lock.check(), /was taken over by another process while this one was halted/)
  lock.release()
  assert.equal(readFileSync(path, 'utf8'), '1 1 elsewhere x')
})
