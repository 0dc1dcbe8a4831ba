// `deltalab editors` as a person and as a program call it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editors } from '../../src/editors/index.js'
import { call } from './call.js'

const run = async (...words: string[]) => (await call(['editors', ...words])).stdout

test('lists every editor with its paper and every option with its range and default', async () => {
  const text = await run()
  for (const { name, cite, options } of editors) {
    assert.match(text, new RegExp(`^${name}: `, 'm'))
    assert.ok(text.includes(cite))
    for (const option of Object.keys(options.shape)) assert.ok(text.includes(`  ${option} (`))
  }
  assert.match(text, /rescale \(true or false, default true\)/)
})

test('--json lists the same for scripts', async () => {
  const list = JSON.parse(await run('--json')) as {
    name: string
    options: { name: string; maximum?: number; required: boolean }[]
  }[]
  assert.deepEqual(
    list.map(({ name }) => name),
    editors.map(({ name }) => name),
  )
  const [rate] = list[0]!.options
  assert.deepEqual([rate!.name, rate!.maximum, rate!.required], ['drop_rate', 1, true])
})
