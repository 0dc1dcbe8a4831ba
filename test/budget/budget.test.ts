// The codec of each tensor within a budget: what is asked for is kept, the choice is better than one codec for all, and what cannot be
// done is refused with the least that would do.
import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { chooseCodecs, parseBudget, parseChoices } from '../../src/budget/index.js'
import { openStoredPair, planCompression } from '../../src/compress/index.js'
import { openBase, openDelta, reportDelta } from '../../src/delta/index.js'
import { UserError } from '../../src/errors/index.js'
import { packageRoot } from '../../src/files/index.js'
import { temporary } from '../checkpoint/files.js'
import '../backend.js'

const root = temporary()
const checkpoint = (name: string): string => join(packageRoot, 'checkpoints', name)
const [base, post] = [checkpoint('vision/base'), checkpoint('vision/digit')]
const task = checkpoint('tasks/digit.yaml')

test('a budget in words', () => {
  assert.deepEqual(parseBudget('0.5bit'), { bits: 0.5 })
  assert.deepEqual(parseBudget('2 bits'), { bits: 2 })
  assert.deepEqual(parseBudget('1.5GB'), { bytes: 1.5e9 })
  assert.deepEqual(parseBudget('3MiB'), { bytes: 3 * 2 ** 20 })
  for (const text of ['', '1', '0bit', '-1GB', '1TBs', 'bit', '1e3MB'])
    assert.throws(() => parseBudget(text), UserError, text)
})

test('within a budget: measured on other items, and the file no larger than it says', {
  timeout: 300_000,
}, async () => {
  const [byBits, byLoss] = await chooseCodecs(base, post, {
    ...{ task, items: 4, jobs: 1 },
    budgets: [{ bits: 1 }, { loss: 0.5 }],
  })
  assert.ok(byBits!.bitsPerParameter <= 1)
  assert.equal(byBits!.verified!.items, 4)
  assert.ok(byBits!.learned!.change < 1, `loses ${byBits!.learned!.change}`)
  assert.ok(byBits!.estimated! > 0 && byBits!.together! > 0 && byBits!.gap >= 0 && byBits!.gap < 1)
  assert.ok(byLoss!.learned!.change <= 0.5)
  const opened = await openBase(base)
  const pair = await openStoredPair(base, post)
  const out = join(root, 'digit.delta')
  const planned = await planCompression(pair, { base: opened, post, choices: parseChoices(byBits!.codecs) })
  assert.equal(planned.left.size, 0)
  await planned.write(out, { name: 'base', jobs: 1, choice: { by: byBits!.by } })
  await Promise.all([pair.base.close(), pair.post.close(), opened.close()])
  const report = reportDelta(await openDelta(out))
  const data = report.tensors
    .filter(({ name }) => pair.names.includes(name!))
    .reduce((sum, { stored }) => sum + stored, 0)
  assert.equal(data, byBits!.bytes)
  assert.ok(statSync(out).size <= byBits!.fileBytes)
  assert.deepEqual(report.choice, { by: byBits!.by })
  assert.ok(readFileSync(out).length > data)
})

test('without a task: by relative error, in bytes of the file; too few bytes name the least', async () => {
  const notes: string[] = []
  const note = (text: string) => void notes.push(text)
  const [found] = await chooseCodecs(base, post, { budgets: [{ bytes: 80_000 }], note, jobs: 1 })
  assert.match(notes.join(), /no --task or --text.*relative errors/)
  assert.deepEqual([found!.by, found!.loss, found!.verified], ['relative error', null, null])
  assert.ok(found!.fileBytes <= 80_000)
  await assert.rejects(chooseCodecs(base, post, { budgets: [{ bytes: 1000 }], jobs: 1 }), (error: Error) => {
    const least = Number(/the least that would do is (\d+)B/.exec(error.message)?.[1])
    return error instanceof UserError && least > 1000 && least < 80_000
  })
  await assert.rejects(chooseCodecs(base, post, { budgets: [{ bits: 0.001 }] }), /the least that would do is 0\.\d+bit/)
  await assert.rejects(chooseCodecs(base, post, { budgets: [{ loss: 0.1 }] }), /only with a task/)
})
