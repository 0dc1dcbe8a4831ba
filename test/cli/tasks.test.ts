// `deltalab tasks` as a person and as a program call it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call } from './call.js'

const run = async (...words: string[]) => (await call(['tasks', ...words])).stdout

test('lists each shipped task with its metric and number of items', async () => {
  const text = await run()
  for (const line of [/^code +1 +program +512 /m, /^instruct +1 +exact_match +512 /m, /^math +1 +final_number +512 /m])
    assert.match(text, line)
})

test('--json gives the same without the items', async () => {
  const { tasks, metrics } = JSON.parse(await run('--json')) as {
    tasks: { name: string; n: number; items?: unknown }[]
    metrics: { name: string }[]
  }
  const local = tasks.filter(({ n }) => n !== null)
  const sizes = new Map(local.map(({ name, n }) => [name, n]))
  for (const name of ['code', 'instruct', 'math', 'math_choices', 'sentiment']) assert.equal(sizes.get(name), 512, name)
  assert.equal(sizes.get('digit'), 640)
  assert.ok(tasks.every(({ items }) => items === undefined))
  const names = metrics.map(({ name }) => name)
  for (const name of ['exact_match', 'final_number', 'program', 'acc_norm', 'matthews'])
    assert.ok(names.includes(name), name)
})
