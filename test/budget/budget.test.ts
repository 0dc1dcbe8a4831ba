// The codec of each tensor within a budget: what is asked for is kept, the choice is better than one codec for all, and what cannot be
// done is refused with the least that would do.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { apply, compress, evaluate } from '../../src/api/index.js'
import { candidatesOf, fittingChoices, openChanges, parsedChoice } from '../../src/budget/candidates.js'
import { type ChoiceRecord, chooseCodecs, parseBudget } from '../../src/budget/index.js'
import { UserError } from '../../src/errors/index.js'
import { packageRoot } from '../../src/files/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { temporary } from '../checkpoint/files.js'
import { makePair } from '../run/pair.js'

const root = temporary()
const checkpoint = (name: string): string => join(packageRoot, 'checkpoints', name)
const [base, post] = [checkpoint('vision/base'), checkpoint('vision/digit')]

test('a budget in words', () => {
  assert.deepEqual(parseBudget('0.5bit'), { bits: 0.5 })
  assert.deepEqual(parseBudget('2 bits'), { bits: 2 })
  assert.deepEqual(parseBudget('1.5GB'), { bytes: 1.5e9 })
  assert.deepEqual(parseBudget('3MiB'), { bytes: 3 * 2 ** 20 })
  for (const text of ['', '1', '0bit', '-1GB', '1TBs', 'bit', '1e3MB'])
    assert.throws(() => parseBudget(text), UserError, text)
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
  await assert.rejects(compress(from, to, settings), /give `budget` or `targetLoss`/)
  await assert.rejects(
    compress(from, to, { ...settings, budget: '4bit', memory: 1e8 }),
    /--memory 100MB is too small.*would do/,
  )
})

test('candidates are plain data that hold no weights; what they change comes back with the error that they say', async () => {
  await setBackend(BACKEND)
  const [shape, base] = [[24, 64], new Float32Array(24 * 64)]
  const post = base.map((_, i) => Math.fround(Math.sin(i * i)))
  const tensor = { name: 't', dtype: 'F32' as const, shape, matrices: 1, base, post }
  const fitting = fittingChoices(tensor, 1e9)
  const candidates = await candidatesOf(tensor, fitting, 4 * post.length, null)
  assert.deepEqual(structuredClone(candidates), candidates)
  assert.ok(candidates.length > 20)
  const { delta, toChange } = openChanges(tensor, fitting.vectors)
  for (const { choice, error } of candidates.slice(1)) {
    const change = toChange(await delta(parsedChoice(choice)))
    assert.equal(
      change.reduce((sum, value) => sum + value * value, 0),
      error,
      JSON.stringify(choice),
    )
  }
  // Without memory for singular vectors, the codecs that need none are left.
  const cut = fittingChoices(tensor, 1000)
  assert.ok(cut.isCut && !fitting.isCut && cut.choices.length > 0)
  assert.ok(!cut.choices.some(({ codec }) => codec === 'low_rank' || codec === 'bands'))
})

test('without a task: by relative error, in bytes of the file; too few bytes name the least', async () => {
  const notes: string[] = []
  const note = (text: string) => void notes.push(text)
  const [found] = await chooseCodecs(base, post, { budgets: [{ bytes: 80_000 }], note, jobs: 1 })
  assert.match(notes.join(), /no --task or --text.*relative errors/)
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
