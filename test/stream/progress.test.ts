// What is finished of an output: checksums of passes found again in the file, damage, and errors of files on their way from a thread.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UserError } from '../../src/errors/index.js'
import { type BlockJournal, type InputPiece, pieceName } from '../../src/files/journal.js'
import type { StoredFormat, TensorProgram } from '../../src/kernels/index.js'
import { openProgress, openStream, runTensor } from '../../src/stream/index.js'

const root = mkdtempSync(join(tmpdir(), 'progress-'))
const engine = openStream({ jobs: 2, memory: 300e6 })
after(async () => {
  await engine.close()
  rmSync(root, { recursive: true })
})
let count = 0

/** A journal in memory; `done` is what an earlier run noted. */
function journalOf(done = new Map<string, string>()): BlockJournal & { added: Map<string, string> } {
  const added = new Map<string, string>()
  const inputs: Map<string, InputPiece & { sum: string }> = new Map()
  const input = (piece: InputPiece, sum: string) => void inputs.set(pieceName(piece), { ...piece, sum })
  return { isKept: true, done, added, add: (key, value) => void added.set(key, value), earlier: [], inputs, input }
}

function* copies(): TensorProgram<void> {
  yield { reductions: [], write: { combine: { combine: 'sum', weights: [1] }, finish: 'plain' } }
}

/** Writes tensors of these shapes by passes, and returns where they are and what the journal holds. */
async function write(shapes: readonly number[][], dtype: Exclude<StoredFormat, 'F64'>) {
  const [from, to] = [join(root, `from-${count}`), join(root, `to-${count++}`)]
  const width = dtype === 'F32' ? 4 : 2
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1))
  const bytes = Buffer.alloc(width * sizes.reduce((a, b) => a + b, 0))
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 37 + (i >> 8)) % 61
  writeFileSync(from, bytes)
  writeFileSync(to, '')
  let begin = 0
  const tensors = shapes.map((shape, i) => {
    const place = { name: `t ${i}`, shape, file: to, begin, bytes: width * sizes[i]! }
    begin += place.bytes
    return place
  })
  const journal = journalOf()
  const progress = await openProgress(engine, journal, tensors, assert.fail)
  for (const { name, shape, file, begin } of tensors) {
    const source = { file: from, begin, dtype }
    const blocks = progress.blocksOf(name)
    const job = { shape, base: null, models: [source], deltas: [false], program: copies() }
    await runTensor(engine, { ...job, target: { file, begin, dtype }, ...blocks })
    await progress.finish(name, `note of ${name}`)
  }
  assert.deepEqual(readFileSync(to), bytes)
  return { tensors, journal, file: to }
}

test('the checksums of passes are found again in the file, for every shape and format', async () => {
  for (const dtype of ['F32', 'BF16', 'F16'] as const) {
    // Rows that are no whole vectors, one number, more than one block, and a row that is longer than a strip.
    const { tensors, journal } = await write([[7, 3], [1], [2100, 2048], [3, 20_011]], dtype)
    const said: string[] = []
    const progress = await openProgress(engine, journalOf(journal.added), tensors, (text) => said.push(text))
    assert.match(said.join(), /^goes on: (\d+\.\d MB) of \1 are done$/)
    for (const { name } of tensors) assert.equal(progress.noteOf(name), `note of ${name}`)
    assert.ok(progress.blocksOf('t 0').isDone(0, 21))
    assert.ok(progress.blocksOf('t 2').isDone(0, 1 << 22))
    assert.ok(!progress.blocksOf('t 2').isDone(0, 1 << 21))
  }
})

test('a changed byte, a missing end and a missing file are found; what is whole is kept', async () => {
  const { tensors, journal, file } = await write([[2100, 2048], [64], [64]], 'BF16')
  const bytes = readFileSync(file)
  bytes[2 * (1 << 22) + 5]! ^= 4
  writeFileSync(file, bytes)
  truncateSync(file, bytes.length - 1)
  const said: string[] = []
  const progress = await openProgress(engine, journalOf(journal.added), tensors, (text) => said.push(text))
  assert.deepEqual(said, ['goes on: 8.4 MB of 8.6 MB are done, 2 damaged blocks are done again'])
  assert.deepEqual(
    tensors.map(({ name }) => progress.noteOf(name)),
    [undefined, 'note of t 1', undefined],
  )
  assert.ok(progress.blocksOf('t 0').isDone(0, 1 << 22))
  assert.ok(!progress.blocksOf('t 0').isDone(1 << 22, 2100 * 2048))
  const gone = tensors.map((tensor) => ({ ...tensor, file: join(root, 'gone') }))
  const none = await openProgress(engine, journalOf(journal.added), gone, () => undefined)
  assert.equal(none.noteOf('t 1'), undefined)
})

test('blocks of two sizes that overlap count once: damage in both is not hidden by their sum', async () => {
  const file = join(root, 'halves')
  writeFileSync(file, Buffer.alloc(24, 7))
  const tensors = [{ name: 't', shape: [6], file, begin: 0, bytes: 24 }]
  const journal = journalOf()
  const { blocksOf, finish } = await openProgress(engine, journal, tensors, assert.fail)
  const sumOf = async (from: number, to: number) => {
    const lane = await engine.lease()
    const sum = await lane.check({ file, begin: 4 * from, bytes: 4 * (to - from) })
    lane.release()
    return sum
  }
  blocksOf('t').onBlock(0, 6, '')
  journal.added.clear()
  for (const [from, to] of [
    [0, 2],
    [0, 4],
    [4, 6],
    [2, 6],
  ] as const)
    journal.added.set(`block ${from} ${to} t`, await sumOf(from, to))
  await finish('t', 'note')
  const again = async () => (await openProgress(engine, journalOf(journal.added), tensors, () => {})).noteOf('t')
  assert.equal(await again(), 'note')
  const bytes = readFileSync(file)
  bytes[23] = 8
  writeFileSync(file, bytes)
  assert.equal(await again(), undefined, 'blocks 0 to 2 and 0 to 4 are whole, and have as many entries as the tensor')
})

test('a tensor that was written by another way is noted as one block; nothing is read where no journal is kept', async () => {
  const file = join(root, 'other')
  writeFileSync(file, Buffer.alloc(24, 7))
  const tensors = [{ name: 'ids', shape: [3], file, begin: 0, bytes: 24 }]
  const journal = journalOf()
  await (await openProgress(engine, journal, tensors, assert.fail)).finish('ids', 'whole')
  assert.deepEqual([...journal.added.keys()], ['block 0 3 ids', 'tensor ids'])
  const progress = await openProgress(engine, journalOf(journal.added), tensors, () => undefined)
  assert.equal(progress.noteOf('ids'), 'whole')
  const unkept = { ...journalOf(), isKept: false }
  await (await openProgress(engine, unkept, tensors, assert.fail)).finish('ids', '')
  assert.equal(unkept.added.size, 0)
})

test('a tensor is copied as it is stored, block by block, and not again where an earlier run did it', async () => {
  const [from, to] = [join(root, 'stored'), join(root, 'copied')]
  const widths = [1, 2, 8]
  const shape = [2100, 2049]
  const bytes = Buffer.alloc(11 + 8 * 2100 * 2049)
  for (let i = 0; i < bytes.length; i += 7) bytes[i] = i % 251
  writeFileSync(from, bytes)
  for (const width of widths) {
    writeFileSync(to, 'ab')
    const size = width * 2100 * 2049
    const tensors = [{ name: 't', shape, file: to, begin: 2, bytes: size }]
    const journal = journalOf()
    let entries = 0
    const count = (from: number, to: number) => void (entries += to - from)
    const progress = await openProgress(engine, journal, tensors, assert.fail)
    await progress.copy('t', { file: from, begin: 11 }, count)
    assert.equal(entries, 2100 * 2049)
    assert.ok(readFileSync(to).equals(Buffer.concat([Buffer.from('ab'), bytes.subarray(11, 11 + size)])))
    const again = await openProgress(engine, journalOf(journal.added), tensors, () => undefined)
    await again.copy('t', { file: join(root, 'gone'), begin: 11 }, count)
    assert.equal(entries, 2 * 2100 * 2049)
  }
})

test('errors of files come from threads with their codes; a file that became shorter is one line', async () => {
  const short = join(root, 'short')
  writeFileSync(short, 'short')
  const lane = await engine.lease()
  const check = (file: string) => lane.check({ file, begin: 0, bytes: 100 })
  await assert.rejects(check(join(root, 'gone')), { code: 'ENOENT', syscall: 'open', path: join(root, 'gone') })
  await assert.rejects(
    check(short),
    (error) => error instanceof UserError && /short: ends inside a tensor: the file changed/.test(error.message),
  )
  lane.release()
})
