// The skills: right answers, held-out prompts, seeds, and the files that ship.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { itemsOf, SKILLS, writeTaskFiles } from '../../family/index.js'
import type { Item } from '../../src/tasks/index.js'
import { ANSWER_METRICS, runProgram } from '../../src/tasks/index.js'
import { assertClose } from '../close.js'
import { equationsOf, followRequest, followStory, followWords, rewrite } from './answers.js'

const train = (skill: keyof typeof SKILLS, count = 3000, seed = 1) =>
  itemsOf(SKILLS[skill], { count, seed, split: 'train' })
const held = (skill: keyof typeof SKILLS) => itemsOf(SKILLS[skill], { count: 512, seed: 0, split: 'test' })
const both = (skill: keyof typeof SKILLS) => [...train(skill), ...held(skill)]
const isStringProgram = (item: Item) => item.prompt.startsWith('Task: given s')

test('math: the working is true, follows the story, and ends in the answer', () => {
  for (const { prompt, target, fields } of both('math')) {
    const [, told] = /^Problem: (\w+ had .+)\. how many now\?\nSolution:$/.exec(prompt) ?? []
    const [first, second] = equationsOf(target)
    assert.equal(first![0]! + first![1]!, first![2], target)
    assert.equal(second![0]! + second![1]!, second![2], target)
    assert.equal(first![2], second![0], target)
    assert.equal(followStory(told!), second![2], prompt)
    assert.equal(target, ` ${target.split(' ')[1]} ${target.split(' ')[2]} #### ${followStory(told!)}`)
    assert.equal(fields.answer, followStory(told!))
  }
})

test('code: the expression computes what the words say, and the interpreter agrees', () => {
  for (const { prompt, target, fields } of both('code')) {
    const [, variable, words] = /^Task: given ([xs]) make \1 (.+)\nCode:$/.exec(prompt) ?? []
    const tests = fields.tests as Record<string, number | string>[]
    assert.equal(tests.length, variable === 'x' ? 4 : 3)
    assert.equal(new Set(tests.map((row) => row[variable!])).size, tests.length)
    for (const row of tests) {
      const value = followWords(words!, row[variable!]!)
      assert.equal(rewrite(target.slice(' return '.length), row[variable!]!), value, target)
      assert.equal(runProgram(target, row), value, target)
    }
  }
})

test('code: 70 % on numbers within four standard errors in both splits; 23 string programs', () => {
  for (const items of [train('code', 6000), held('code')]) {
    const share = items.filter((item) => !isStringProgram(item)).length / items.length
    assertClose(share, 0.7, { tolerance: 4 * Math.sqrt((0.7 * 0.3) / items.length) })
    assert.equal(new Set(items.filter(isStringProgram).map(({ target }) => target)).size, 23)
  }
})

test('code: the tests tell any two held-out programs with different values apart', () => {
  const items = held('code')
  for (const item of items) {
    for (const other of items) {
      const [variable, far] = isStringProgram(item) ? ['s', 'quartz'] : ['x', 1009]
      if (isStringProgram(item) !== isStringProgram(other)) continue
      const same = runProgram(item.target, { [variable]: far }) === runProgram(other.target, { [variable]: far })
      assert.equal(
        ANSWER_METRICS.program!.score(other.target, item),
        Number(same),
        `${item.target} and ${other.target}`,
      )
    }
  }
})

test('instruct: the answer does what was asked, in either word order', () => {
  const orders = new Set<string>()
  for (const { prompt, target, fields } of both('instruct')) {
    const [, request] = /^User: please (?:give|say|write) (.+)\nBot:$/.exec(prompt) ?? []
    const operation = fields.operation as string
    const before = request!.startsWith(`${operation} `)
    assert.ok(before || request!.endsWith(` ${operation}`), prompt)
    const list = before ? request!.slice(operation.length + 1) : request!.slice(0, -operation.length - 1)
    assert.equal(target, ` ${followRequest(operation, list)}`, prompt)
    orders.add(`${operation} ${before}`)
  }
  assert.equal(orders.size, 14)
})

for (const skill of ['math', 'code', 'instruct'] as const) {
  test(`${skill}: 512 held-out prompts, each once, none among 20,000 training items but for string programs`, () => {
    const prompts = held(skill)
      .filter((item) => !isStringProgram(item))
      .map(({ prompt }) => prompt)
    assert.ok(prompts.length >= (skill === 'code' ? 300 : 512))
    const unique = new Set(prompts)
    assert.equal(unique.size, prompts.length)
    for (const seed of [0, 1])
      for (const { prompt } of train(skill, 10_000, seed)) assert.ok(!unique.has(prompt), prompt)
  })

  test(`${skill}: a seed fixes the items, another gives others, ids are unique`, () => {
    assert.deepEqual(train(skill, 20, 3), train(skill, 30, 3).slice(0, 20))
    assert.notDeepEqual(train(skill, 20, 3), train(skill, 20, 4))
    assert.equal(new Set(held(skill).map(({ id }) => id)).size, 512)
  })
}

test('the task files that ship are the ones that the code writes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tasks-'))
  try {
    writeTaskFiles(folder)
    const files = readdirSync(folder).sort()
    assert.equal(files.length, 7)
    for (const name of files)
      assert.equal(
        readFileSync(join('checkpoints', 'tasks', name), 'utf8'),
        readFileSync(join(folder, name), 'utf8'),
        name,
      )
  } finally {
    rmSync(folder, { recursive: true })
  }
})
