// What is noted of inputs: every byte once, by passes or besides, whatever the threads; what an earlier run read is compared.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, test } from 'node:test'
import { JOURNAL, openBlockJournal } from '../../src/files/journal.js'
import { readComparison, type TensorProgram } from '../../src/kernels/index.js'
import { inputChecksum, openProgress, openStream, readRest, runTensor } from '../../src/stream/index.js'
import { contentSum } from '../kernels/content.js'

const root = mkdtempSync(join(tmpdir(), 'inputs-'))
after(() => rmSync(root, { recursive: true }))

/** A sample, a pass over all, and one that writes. */
function* surveyed(): TensorProgram<void> {
  yield { reductions: [{ sum: 'bracket', of: 0, low: 0, high: 1, first: 1, second: 1, sample: true }] }
  const [counts] = yield { reductions: [{ sum: 'compare', of: 'base', with: 'post' }] }
  assert.ok(readComparison(counts as Int32Array).bins.length)
  yield { reductions: [], write: { combine: { combine: 'sum', weights: [1, 1] }, finish: 'base' } }
}

/** [rows, columns] of bf16: rows that are whole vectors, and others; 11 bytes before them. */
const SHAPES = [
  [300, 512],
  [101, 1023],
]
const BEGIN = 11

for (const [rows, columns] of SHAPES as [number, number][])
  test(`[${rows}, ${columns}]: passes note what they read, and the rest is read besides`, async () => {
    const size = rows * columns
    const file = (name: string, seed: number) => {
      const bytes = Buffer.alloc(BEGIN + 2 * size + 5)
      for (let i = 0; i < bytes.length; i++) bytes[i] = (i * seed + (i >> 9)) % 63
      writeFileSync(join(root, name), bytes)
      return { place: { file: join(root, name), begin: BEGIN, dtype: 'BF16' as const }, whole: contentSum(bytes) }
    }
    const [base, one, two] = [file('base', 37), file('one', 41), file('two', 43)]
    const target = join(root, 'out')
    const tensors = [{ name: 't', shape: [rows, columns], file: target, begin: 0, bytes: 2 * size }]
    const block = 1 << 16
    for (const how of [
      { jobs: 1, memory: 300e6 },
      { jobs: 2, memory: 1e9 },
    ]) {
      rmSync(join(root, JOURNAL), { force: true })
      writeFileSync(target, '')
      const engine = { ...openStream(how), block }
      const journal = openBlockJournal(root, 'work')
      const { blocksOf } = await openProgress(engine, journal, tensors, assert.fail)
      const blocks = blocksOf('t')
      const read: string[] = []
      await runTensor(engine, {
        ...blocks,
        onRead(piece, sum) {
          read.push(`${piece.file} ${piece.begin}`)
          blocks.onRead(piece, sum)
        },
        shape: [rows, columns],
        base: base.place,
        models: [one.place, two.place],
        deltas: [true, true],
        program: surveyed(),
        target: { file: target, begin: 0, dtype: 'BF16' },
      })
      assert.equal(new Set(read).size, read.length, 'no byte is counted in two passes')
      assert.equal(read.length, 3 * Math.ceil(size / (columns * Math.floor(block / columns))))
      const files = [base, one, two].map(({ place }) => place.file)
      await readRest(engine, journal, files)
      for (const { place, whole } of [base, one, two]) assert.equal(inputChecksum(journal, place.file), whole)
      journal.close()

      const again = openBlockJournal(root, 'work')
      await openProgress(engine, again, tensors, () => undefined)
      assert.equal(inputChecksum(again, one.place.file), one.whole, 'nothing is left to read')
      again.close()
      assert.notEqual(file('one', 47).whole, one.whole)
      const changed = openBlockJournal(root, 'work')
      await assert.rejects(openProgress(engine, changed, tensors, assert.fail), /one changed$/)
      changed.close()
      file('one', 41)
      await engine.close()
    }
  })

test('pieces that overlap count once; what passes will read is left to them', async () => {
  const engine = openStream({ jobs: 1 }, [])
  const path = join(root, 'pieces')
  const bytes = Buffer.from({ length: 1000 } as ArrayLike<number>).map((_, i) => i % 251)
  writeFileSync(path, bytes)
  const journal = openBlockJournal(mkdtempSync(join(root, 'journal-')), null)
  const piece = (begin: number, end: number) => ({ file: path, begin, bytes: end - begin })
  const note = async (begin: number, end: number) => {
    const lane = await engine.lease()
    journal.input(piece(begin, end), await lane.check(piece(begin, end)))
    lane.release()
  }
  for (const [begin, end] of [
    [100, 300],
    [200, 400],
    [250, 260],
    [390, 500],
  ] as const)
    await note(begin, end)
  await readRest(engine, journal, [path], [piece(600, 700), piece(650, 660), piece(690, 750)])
  assert.deepEqual(
    [...journal.inputs.keys()].map((name) => name.split(' ').slice(0, 2).join(' ')),
    ['100 200', '200 200', '250 10', '390 110', '0 100', '300 90', '500 100', '750 250'],
  )
  await readRest(engine, journal, [path])
  assert.equal(inputChecksum(journal, path), contentSum(bytes))
  assert.throws(() => journal.input(piece(100, 300), ''), /pieces: changed while it was read; start again/)
  await engine.close()
})

test('a run that goes on may be in another folder', async () => {
  const [engine, here, folder] = [openStream({ jobs: 1 }, []), process.cwd(), mkdtempSync(join(root, 'moved-'))]
  writeFileSync(join(folder, 'a'), 'some bytes')
  try {
    process.chdir(folder)
    const first = openBlockJournal(folder, 'work')
    await readRest(engine, first, ['a'])
    first.add('block 0 1 t', '')
    first.close()
    process.chdir(root)
    const again = openBlockJournal(folder, 'work')
    await openProgress(engine, again, [], assert.fail)
    assert.equal(inputChecksum(again, join(basename(folder), 'a')), contentSum(Buffer.from('some bytes')))
    again.close()
  } finally {
    process.chdir(here)
    await engine.close()
  }
})
