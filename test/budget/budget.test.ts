// The codec of each tensor within a budget: what is asked for is kept, the choice is better than one codec for all, and what cannot be
// done is refused with the least that would do.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { apply, compress, evaluate } from '../../src/api/index.js'
import { fittingChoices } from '../../src/budget/candidates.js'
import { type ChangeFile, openChanges } from '../../src/budget/changes.js'
import { type ChoiceRecord, chooseCodecs, parseBudget } from '../../src/budget/index.js'
import { priceTensors } from '../../src/budget/tensors.js'
import { openStoredPair } from '../../src/compress/index.js'
import { openBase } from '../../src/delta/index.js'
import { UserError } from '../../src/errors/index.js'
import { packageRoot } from '../../src/files/index.js'
import { encodeValues } from '../../src/kernels/index.js'
import { countEntries, setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { temporary } from '../checkpoint/files.js'
import { call } from '../cli/call.js'
import { writeCodecPair } from '../compress/pairs.js'
import { type Raw, rawFile } from '../delta/pairs.js'
import { makePair } from '../run/pair.js'

const root = temporary()
const checkpoint = (name: string): string => join(packageRoot, 'checkpoints', name)
const [base, post] = [checkpoint('vision/base'), checkpoint('vision/digit')]

test('a budget in words', () => {
  assert.deepEqual(parseBudget('0.5bit'), { bits: 0.5 })
  assert.deepEqual(parseBudget('2 bits'), { bits: 2 })
  assert.deepEqual(parseBudget('1.5GB'), { bytes: 1.5e9 })
  assert.deepEqual(parseBudget('3MiB'), { bytes: 3 * 2 ** 20 })
  assert.deepEqual(parseBudget('.5 tb'), { bytes: 5e11 })
  for (const text of ['', '1', '0bit', '-1GB', '1TBs', 'bit', '1e3MB'])
    assert.throws(() => parseBudget(text), UserError, text)
  for (const text of ['-1bit', '0GB', '-.5 MB']) assert.throws(() => parseBudget(text), /is above 0; got/, text)
})

test('within a budget: measured on other items, and the file no larger than it says', async (context) => {
  const pair = makePair()
  context.after(() => rmSync(pair, { recursive: true }))
  const [from, to, items] = [join(pair, 'base'), join(pair, 'post'), join(pair, 'items.jsonl')]
  const out = join(root, 'pair.delta')
  const settings = { task: items, items: 3, loss: 'kl', out, overwrite: true } as const
  const report = await compress(from, to, { ...settings, budget: '4bit', jobs: 1 })
  const choice = report.choice as unknown as ChoiceRecord
  assert.deepEqual(
    [choice.budget, choice.loss, choice.verified!.items, choice.learned!.items],
    [{ bits: 4 }, 'kl', 3, 3],
  )
  assert.ok(choice.estimated! > 0 && choice.together! > 0 && choice.gap >= 0 && choice.gap < 1)
  const codecs = new Set(report.tensors.map(({ codec }) => codec))
  assert.ok(codecs.size > 2, [...codecs].join())
  const parameters = report.tensors.reduce((sum, { shape }) => sum + shape!.reduce((a, b) => a * b, 1), 0)
  const data = report.tensors.reduce((sum, { stored }) => sum + stored, 0)
  assert.ok((8 * data) / parameters <= 4, `${(8 * data) / parameters} bits`)
  // The same words give the same bytes, however many threads write them; what it costs is what the folder of it is measured to.
  const bytes = readFileSync(out)
  await compress(from, to, { ...settings, budget: '4bit', jobs: 2 })
  assert.ok(bytes.equals(readFileSync(out)))
  await apply(from, out, { out: join(root, 'applied') })
  const { others } = await evaluate(join(root, 'applied'), { task: items, items: 3, post: to })
  assert.ok(Math.abs(others!.kl! / choice.verified!.change - 1) < 1e-3, `${others!.kl} and ${choice.verified!.change}`)
  // The other way round, and what may not be asked for.
  const within = await compress(from, to, { ...settings, targetLoss: 0.01, jobs: 1 })
  assert.ok((within.choice as unknown as ChoiceRecord).learned!.change <= 0.01)
  await assert.rejects(compress(from, to, { ...settings, targetLoss: -1 }), /at least 0; got -1/)
  await assert.rejects(compress(from, to, { ...settings, budget: 0 }), /above 0; got 0/)
  await assert.rejects(compress(from, to, { ...settings, budget: 'much' }), /^UserError: the budget "much": give bytes/)
  await assert.rejects(compress(from, to, settings), /give `budget` or `targetLoss`/)
  await assert.rejects(compress(from, to, { out, budget: '4bit', loss: 'kl' }), /`loss` needs a `task`/)
  await assert.rejects(
    compress(from, to, { ...settings, budget: '4bit', memory: 1e8 }),
    /--memory 100MB is too small.*would do/,
  )
})

test('the bound on memory changes no byte, from the least that would do on', async (context) => {
  const pair = makePair()
  context.after(() => rmSync(pair, { recursive: true }))
  const [from, to, task, out] = ['base', 'post', 'items.jsonl', 'bound.delta'].map((name) => join(pair, name))
  const write = async (memory: number): Promise<Buffer> => {
    const settings = { budget: '4bit', task: task!, items: 3, loss: 'kl', jobs: 1, memory } as const
    await compress(from!, to!, { ...settings, out: out!, overwrite: true })
    return readFileSync(out!)
  }
  const refused = await write(1e8).then(String, (error: Error) => error.message)
  const least = Number(/; (\d+)MB would do/.exec(refused)![1]) * 1e6
  await assert.rejects(write(least - 1e6), /is too small/)
  const all = await write(4e9)
  assert.ok(all.equals(await write(least)))
})

test('one item to choose by and one to check: a loss without a standard error', async (context) => {
  const pair = makePair()
  context.after(() => rmSync(pair, { recursive: true }))
  const [from, to, task, out] = ['base', 'post', 'items.jsonl', 'one.delta'].map((name) => join(pair, name))
  const words = [from!, to!, '--out', out!, '--budget', '4bit', '--task', task!, '--items', '1', '--jobs', '1']
  const { status, stdout, stderr } = await call(['compress', ...words, '--backend', BACKEND])
  assert.equal(status, 0, stderr)
  assert.match(stdout, /loss change in nats: \S+ on one item not chosen by, \S+ on one item chosen by/)
})

test('what a candidate takes, loses and changes is what compress writes by it', async () => {
  await setBackend(BACKEND)
  const folders = writeCodecPair(join(root, 'codecs'))
  const [opened, pair] = [await openBase(folders.base), await openStoredPair(folders.base, folders.post)]
  const changes = openChanges()
  const price = (kept: ChangeFile | null, jobs: number) =>
    priceTensors(
      { pair, base: opened, post: folders.post, name: 'base' },
      { whyKept: () => null, memory: 1e9, writes: 1e9, changes: kept },
      { jobs },
    )
  const [priced, again] = [await price(changes, 1), await price(null, 2)]
  const [candidates, others] = [priced, again].map(({ tensors }) => tensors.map((tensor) => tensor.candidates))
  assert.deepEqual(others, candidates)
  assert.deepEqual(structuredClone(candidates), candidates)
  const wanted = priced.tensors.flatMap(({ shape, candidates }, tensor) =>
    [...candidates.keys()]
      .slice(1)
      .map((candidate) => ({ tensor, candidate, to: new Float32Array(countEntries(shape)) })),
  )
  for (const { tensor, candidate, to } of wanted) priced.read(tensor, candidate, 0, to)
  for (const { tensor, candidate, to } of wanted) {
    const { error, choice } = priced.tensors[tensor]!.candidates[candidate]!
    const squares = to.reduce((sum, value) => sum + value * value, 0)
    assert.ok(Math.abs(squares - error) <= 1e-6 * error, `${JSON.stringify(choice)}: ${squares}, ${error}`)
    const part = new Float32Array(3)
    priced.read(tensor, candidate, 5, part)
    assert.deepEqual(part, to.slice(5, 8))
  }
  // The k-th candidate of each tensor, as the file has it.
  for (const k of [3, 9, 14, 19]) {
    const chosen = new Map(priced.tensors.map(({ name, candidates }) => [name, candidates[k % candidates.length]!]))
    const out = join(root, `codecs-${k}.delta`)
    const codec = new Map([...chosen].map(([name, { choice }]) => [name, choice]))
    const report = await compress(folders.base, folders.post, { out, codec, jobs: 1 })
    for (const [name, { bytes }] of chosen)
      assert.equal(report.tensors.find((row) => row.name === name)!.stored, bytes, name)
  }
  changes.remove()
  await Promise.all([opened.close(), pair.base.close(), pair.post.close()])
})

test('without memory for singular vectors, the codecs that need none are left', () => {
  const tensor = { name: 't', dtype: 'F32', shape: [24, 64], matrices: 1 }
  const [all, cut] = [fittingChoices(tensor, 1e9), fittingChoices(tensor, 1000)]
  assert.ok(all.choices.length > 20 && all.needed === 0 && all.vectors)
  assert.ok(cut.choices.length > 10 && cut.needed > 1000 && !cut.vectors)
  assert.ok(!cut.choices.some(({ codec }) => codec === 'low_rank' || codec === 'bands'))
})

test('without a task: by relative error, in bytes of the file; too few bytes name the least', async () => {
  const notes: string[] = []
  const note = (text: string) => void notes.push(text)
  const [found] = await chooseCodecs(base, post, { budgets: [{ bytes: 80_000 }], note, jobs: 1 })
  assert.match(notes.join(), /no task or text.*relative errors/)
  assert.deepEqual([found!.by, found!.loss, found!.verified], ['relative error', null, null])
  assert.ok(found!.fileBytes <= 80_000)
  const out = join(root, 'digit.delta')
  await compress(base, post, { budget: 80_000, out, jobs: 1 })
  assert.ok(statSync(out).size <= found!.fileBytes)
  await assert.rejects(chooseCodecs(base, post, { budgets: [{ bytes: 1000 }], jobs: 1 }), (error: Error) => {
    const least = Number(/the least that would do is (\d+)B/.exec(error.message)?.[1])
    return error instanceof UserError && least > 1000 && least < 80_000
  })
  await assert.rejects(chooseCodecs(base, post, { budgets: [{ bits: 0.001 }] }), /the least that would do is 0\.\d+bit/)
  await assert.rejects(chooseCodecs(base, post, { budgets: [{ loss: 0.1 }] }), /only with a task/)
})

test('tensors of the same weights are counted apart, for each may get a codec of its own', async () => {
  const size = 96 * 64
  const noise = (seed: number, by: number) => Array.from({ length: size }, (_, i) => by * Math.sin(seed * (i + 1) ** 2))
  const weights = (values: number[]): Raw[string] => ['F32', [96, 64], encodeValues(Float32Array.from(values), 'F32')]
  const [one, two] = [noise(1, 1), noise(2, 1)]
  const change = noise(3, 0.02)
  const moved = weights(one.map((value, i) => value + change[i]!))
  const [from, to, out] = [join(root, 'twins-base'), join(root, 'twins-post'), join(root, 'twins.delta')]
  for (const [folder, tensors] of [
    [from, { 'a.weight': weights(one), 'b.weight': weights(two) }],
    [to, { 'a.weight': moved, 'b.weight': moved }],
  ] as const) {
    mkdirSync(folder)
    writeFileSync(join(folder, 'model.safetensors'), rawFile(tensors))
  }
  const { tensors } = await compress(from, to, { out, budget: '3bit', jobs: 1 })
  const data = tensors.reduce((sum, { stored }) => sum + stored, 0)
  assert.ok(8 * data <= 3 * 2 * size, `${data} bytes`)
})
