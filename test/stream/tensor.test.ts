// Tensors through worker threads: the same bytes for any number of threads, blocks, files and ways to hold values; and what stops them.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { decode, encode, WRITABLE, type WritableDtype } from '../../src/checkpoint/dtype.js'
import { programOf } from '../../src/editors/index.js'
import { UserError } from '../../src/errors/index.js'
import { type EntriesProgram, PassError, type TensorProgram, together } from '../../src/kernels/index.js'
import { hardValues, sampleValues } from '../../src/laws/samples.js'
import {
  type ChoiceMemory,
  openChoices,
  openStream,
  runTensor,
  type StreamEngine,
  type TensorJob,
  type TensorSource,
} from '../../src/stream/index.js'
import { stepOf } from '../editors/step.js'

const root = mkdtempSync(join(tmpdir(), 'stream-'))
after(() => rmSync(root, { recursive: true }))
const [rows, columns] = [301, 257]
const size = rows * columns

const values = {
  base: Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
  one: hardValues(size).map((value, i) => value + Math.sin(i)),
  two: sampleValues(size, 1).map((value, i) => value + Math.sin(i)),
}

/** Writes values into a file of their own, behind some bytes, and takes them back as the format rounds them. */
function store(name: keyof typeof values, dtype: WritableDtype): TensorSource {
  const file = join(root, name)
  const bytes = encode(dtype, values[name])
  writeFileSync(file, Buffer.concat([Buffer.alloc(24, 255), bytes]))
  if (dtype !== 'F32') decode(dtype, bytes, values[name])
  return { file, begin: 24, dtype }
}
const sources = { base: store('base', 'BF16'), one: store('one', 'F16'), two: store('two', 'F32') }
const computed =
  (name: keyof typeof values): TensorSource =>
  async (from, to) =>
    values[name].slice(from, to)

function edit(model: string, chain: readonly [string, object][], seed = 1): EntriesProgram<string[]> {
  const steps = chain.map(([name, options]) => stepOf(name, options))
  return programOf(steps, [rows, columns], { seed, tensor: model })!
}

/** Two models, each with editors, and their sum on the base. */
function* sums(): TensorProgram<void> {
  yield* together([
    edit('one', [
      ['magnitude', { drop_rate: 0.3, convention: 'mergekit', rescale: true }],
      // Drawn in the pass that finds its factor, and needed again in the last one.
      ['dare', { drop_rate: 0.5, convention: 'mergekit' }],
    ]),
    edit('two', [['magprune', { drop_rate: 0.5, epsilon: 0.4, convention: 'mergekit' }]]),
  ])
  yield { reductions: [], write: { combine: { combine: 'sum', weights: [1, -0.5] }, finish: 'base' } }
}

let jobs = 0

/** What a job writes. */
async function bytesOf(engine: StreamEngine, more: Partial<TensorJob<void>> = {}): Promise<Buffer> {
  const file = join(root, `out-${++jobs}`)
  const dtype = more.target?.dtype ?? 'BF16'
  writeFileSync(file, Buffer.alloc(8 + 4 * size, 1))
  await runTensor(engine, {
    shape: [rows, columns],
    base: sources.base,
    models: [sources.one, sources.two],
    deltas: [true, true],
    program: sums(),
    ...more,
    target: { file, begin: 8, dtype },
  })
  return readFileSync(file)
}

test('memory for choices stays within its bound, and is used again', () => {
  const memory = openChoices(100)
  const first = memory.take(60)!
  assert.equal(memory.take(60), null)
  const second = memory.take(40)!
  assert.deepEqual([first.byteLength, second.byteLength, memory.take(1)], [60, 40, null])
  memory.giveBack([first])
  assert.equal(memory.take(50), first)
})

test('choices of an earlier tensor are not believed', async () => {
  const engine = openStream({ jobs: 1, memory: 300e6 })
  function* drop(seed: number): TensorProgram<void> {
    const dare = edit('one', [['dare', { drop_rate: 0.5, convention: 'mergekit' }]], seed)
    yield* together([dare])
    yield { reductions: [], write: { combine: { combine: 'sum', weights: [1] }, finish: 'base' } }
  }
  const dropped = (seed: number, choices: ChoiceMemory) =>
    bytesOf({ ...engine, bytes: 0, choices }, { models: [sources.one], deltas: [true], program: drop(seed) })
  try {
    const again = [await dropped(1, engine.choices), await dropped(2, engine.choices)]
    assert.deepEqual(again, [await dropped(1, openChoices(0)), await dropped(2, openChoices(0))])
    assert.ok(!again[0]!.equals(again[1]!))
  } finally {
    await engine.close()
  }
})

test('threads, blocks, files and ways to hold the values change no byte', async () => {
  let expected: Buffer | undefined
  const models = [computed('one'), computed('two')]
  for (const jobs of [1, 2, 4]) {
    const engine = openStream({ jobs, memory: 600e6 })
    assert.equal(engine.jobs, jobs)
    try {
      // A tensor that stays in memory; one that is read again in each pass; in blocks of several strips, and of one.
      for (const bytes of [engine.bytes, 0])
        for (const block of [engine.block, 50_000, 1])
          for (const more of [{}, { base: computed('base'), models }]) {
            // Without memory for choices the same is drawn again.
            const choices = block === 1 ? openChoices(0) : engine.choices
            const found = await bytesOf({ ...engine, bytes, block, choices }, more)
            expected ??= found
            const where = `${jobs} threads, ${bytes ? 'resident' : 'streamed'}, blocks of ${block}, ${Object.keys(more)}`
            assert.ok(found.equals(expected), where)
          }
    } finally {
      await engine.close()
    }
  }
  assert.deepEqual([...expected!.subarray(0, 8)], Array(8).fill(1))
  assert.deepEqual(new Set(expected!.subarray(8 + 2 * size)), new Set([1]))
})

test('a sum of two models is what plain arithmetic makes of them, in every format', async () => {
  const engine = openStream({ jobs: 1, memory: 300e6 })
  const { base, one, two } = values
  const expected = base.map((b, i) => Math.fround(Math.fround(one[i]! - b) + Math.fround((two[i]! - b) * 0.5)) + b)
  function* program(): TensorProgram<void> {
    yield { reductions: [], write: { combine: { combine: 'sum', weights: [1, 0.5] }, finish: 'base' } }
  }
  for (const dtype of WRITABLE) {
    const found = await bytesOf(engine, { program: program(), target: { file: '', begin: 0, dtype } })
    const bytes = encode(dtype, expected)
    assert.ok(found.subarray(8, 8 + bytes.length).equals(bytes), dtype)
  }
  await engine.close()
})

test('where an edit leaves an entry alone, the model stays as it is stored', async () => {
  const engine = openStream({ jobs: 2, memory: 300e6 })
  const { base, one } = values
  function* program(): TensorProgram<void> {
    yield* together([edit('one', [['magnitude', { drop_rate: 0.5 }]])])
    yield { reductions: [], write: { combine: { combine: 'sum', weights: [1] }, finish: 'restore' } }
  }
  const more = { models: [sources.one], deltas: [true], target: { file: '', begin: 0, dtype: 'F32' } as const }
  const [held, streamed] = [
    await bytesOf(engine, { ...more, program: program() }),
    await bytesOf({ ...engine, bytes: 0, block: 20_000 }, { ...more, program: program() }),
  ]
  assert.ok(held.equals(streamed))
  const found = new Float32Array(held.buffer, held.byteOffset + 8, size)
  let kept = 0
  for (let i = 0; i < size; i++) {
    if (found[i] === one[i]) kept++
    else assert.equal(found[i], base[i], `entry ${i}`)
  }
  assert.ok(kept >= Math.trunc(size / 2) && kept < 0.7 * size, `${kept}`)
  await engine.close()
})

test('inputs that are not finite, results that are too large, files that end early, threads that die', async () => {
  const engine = openStream({ jobs: 2, memory: 300e6 })
  const blocks = { ...engine, block: 10_000 }
  const broken = values.one.slice()
  broken.set([Infinity, NaN], 70_001)
  const stops = (of: PassError['of'], index: number) => (error: unknown) => {
    assert.ok(error instanceof PassError)
    assert.deepEqual([error.of, error.index], [of, index])
    return true
  }
  const file = join(root, 'broken')
  writeFileSync(file, encode('F32', broken))
  const source = { file, begin: 0, dtype: 'F32' } as const
  await assert.rejects(bytesOf(blocks, { models: [source, sources.two] }), stops(0, 70_001))
  await assert.rejects(bytesOf(blocks, { models: [sources.one, source] }), stops(1, 70_001))
  await assert.rejects(bytesOf(blocks, { base: source }), stops('base', 70_001))
  const large = values.one.map((value, i) => (i === 60_000 ? 65_530 : value))
  const more = { models: [async (from: number, to: number) => large.slice(from, to)], base: null, deltas: [false] }
  function* copies(): TensorProgram<void> {
    yield { reductions: [], write: { combine: { combine: 'sum', weights: [1] }, finish: 'plain' } }
  }
  const target = { file: '', begin: 0, dtype: 'F16' } as const
  await assert.rejects(bytesOf(blocks, { ...more, program: copies(), target }), stops('result', 60_000))
  truncateSync(file, 4 * 70_000)
  await assert.rejects(bytesOf(blocks, { models: [source, sources.two] }), (error: unknown) => {
    assert.ok(error instanceof UserError && error.message.includes(`${file}: ends inside a tensor`), `${error}`)
    return true
  })
  // The engine is as good as before.
  assert.ok((await bytesOf(engine)).equals(await bytesOf(blocks)))
  await engine.close()

  const threads: Worker[] = []
  const note = (worker: Worker) => void threads.push(worker)
  process.on('worker', note)
  const doomed = openStream({ jobs: 1, memory: 300e6 })
  const work = bytesOf({ ...doomed, block: 1 })
  setImmediate(() => void threads[0]!.terminate())
  await assert.rejects(work, /a worker thread ended with exit code/)
  await assert.rejects(bytesOf(doomed), /a worker thread ended with exit code/)
  await doomed.close()
  process.off('worker', note)
})

test('numbers that bound nothing are refused before a thread starts', () => {
  for (const jobs of [0, -1, 1.5, NaN])
    assert.throws(() => openStream({ jobs }), new UserError(`jobs must be a positive integer; got ${jobs}`))
  for (const memory of [0, NaN])
    assert.throws(
      () => openStream({ memory }),
      new UserError(`memory must be a positive number of bytes; got ${memory}`),
    )
})
