// Self-correction data: drawn answers are judged by the skill, wrong ones are corrected, and the shipped rows are what they say.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { JUDGEMENTS } from '../../family/corrections.js'
import { type Corrected, drawAnswers, isHeldOut, itemsOf, judgeAnswers, SKILLS } from '../../family/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { followRequest } from './answers.js'

const OPERATIONS = ['backwards', 'in capitals', 'twice', 'the first', 'the last', 'in order', 'the count']
const { confirmed, rejected } = JUDGEMENTS

test('wrong answers with their correction and as many right ones, in turn; empty ones are left out', async () => {
  const item = (id: string, prompt: string, target: string) => ({ id, prompt, target, fields: {} })
  const items = [
    item('a', 'A', ' x'),
    item('b', 'B', ' x'),
    item('c', 'C', ' x'),
    item('d', 'D', ' x'),
    item('e', 'E', ' x'),
  ]
  assert.deepEqual(await judgeAnswers(SKILLS.instruct, items, [' x', ' x', ' y', '', 'x ']), [
    { id: 'c', prompt: 'C', first: ' y', judgement: rejected, correction: ' x' },
    { id: 'a', prompt: 'A', first: ' x', judgement: confirmed },
  ])
})

test('the shipped rows: held-out prompts, half of them wrong, each judged as the request says', () => {
  const rows = readFileSync('checkpoints/tasks/instruct_isc_given.jsonl', 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Corrected)
  assert.equal(rows.length, 512)
  for (const [i, { prompt, first, judgement, correction }] of rows.entries()) {
    assert.ok(isHeldOut(prompt))
    const [, request] = /^User: please (?:give|say|write) (.+)\nBot:$/.exec(prompt)!
    const operation = OPERATIONS.find((each) => request!.startsWith(`${each} `) || request!.endsWith(` ${each}`))!
    const right = followRequest(operation, request!.replace(operation, '').trim())
    assert.equal(correction === undefined, i % 2 === 1, prompt)
    if (correction === undefined) assert.equal(first.trim(), right)
    else assert.deepEqual([first.trim() === right, correction.trim()], [false, right], prompt)
    assert.equal(judgement, correction === undefined ? confirmed : rejected)
  }
})

test('the same seed draws the same answers, and the shipped rows are such draws', async () => {
  await setBackend(BACKEND)
  const rows = readFileSync('checkpoints/tasks/instruct_isc_given.jsonl', 'utf8')
  const items = itemsOf(SKILLS.instruct, { count: 24, seed: 0, split: 'test' })
  const drawn = await drawAnswers('checkpoints/small/instruct', items, SKILLS.instruct, { temperature: 1.2, seed: 1 })
  const wrong = (await judgeAnswers(SKILLS.instruct, items, drawn)).filter(({ correction }) => correction)
  assert.ok(wrong.length > 0)
  for (const row of wrong) assert.ok(rows.includes(JSON.stringify(row)), row.prompt)
})
