// `deltalab mergers` as a person and as a program call it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergers } from '../../src/mergers/index.js'
import { call } from './call.js'

const run = async (...words: string[]) => (await call(['mergers', ...words])).stdout

test('lists every merger with its paper, conventions, needs, and every option with its range and default', async () => {
  const text = await run()
  for (const { name, cite, conventions, options, modelOptions } of mergers) {
    assert.match(text, new RegExp(`^${name}: `, 'm'))
    assert.ok(text.includes(cite))
    assert.ok(text.includes(`conventions: ${conventions.join(', ')}`))
    for (const option of Object.keys(options.shape)) assert.ok(text.includes(`\n  ${option} (`))
    for (const option of Object.keys(modelOptions.shape)) assert.ok(text.includes(`\n  of each model: ${option} (`))
  }
  assert.match(text, /t \(a number, required\)/)
  assert.match(text, /needs Gram matrices/)
})

test('--json lists the same for scripts', async () => {
  const list = JSON.parse(await run('--json')) as {
    name: string
    models: { fewest: number; most: number | null }
    model_options: { name: string }[]
  }[]
  assert.deepEqual(
    list.map(({ name }) => name),
    mergers.map(({ name }) => name),
  )
  assert.deepEqual(list.find(({ name }) => name === 'slerp')!.models, { fewest: 2, most: 2 })
  assert.deepEqual(list[0]!.models, { fewest: 1, most: null })
  assert.deepEqual(
    list[0]!.model_options.map(({ name }) => name),
    ['weight'],
  )
})
