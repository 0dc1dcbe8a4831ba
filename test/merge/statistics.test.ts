// Statistics of batch norms in merges: they are no parameters (torch.nn.Module.named_parameters leaves them out).
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { folder } from '../checkpoint/files.js'
import { merge, readWords, scratch, yaml } from './fixtures.js'

const model = (name: string, variance: number[], mean: number[], weight: number[]) =>
  folder(
    join(scratch, name),
    { 'bn.running_mean': [[2], mean], 'bn.running_var': [[2], variance], 'bn.weight': [[2], weight] },
    { model_type: 'resnet' },
  )
const base = model('base', [1, 0.25], [0, 1], [1, 2])
const one = model('one', [0.5, 0.125], [2, 1], [2, 4])
const two = model('two', [0.25, 0.5], [4, 0], [3, 4])
const models = (parameters: string) =>
  `models:\n  - { model: ${one}, ${parameters} }\n  - { model: ${two}, ${parameters} }\n`

async function merged(text: string, out: string) {
  await merge(yaml(text), join(scratch, out))
  const words = readWords(join(scratch, out, 'model.safetensors'))
  return (name: string) => [...words.get(`bn.${name}`)!.values]
}

test('methods on deltas give the mean of the statistics, and merge the weights', async () => {
  // Task arithmetic would give a variance of 1 + (0.5 - 1) + (0.25 - 1) = -0.25.
  const file = `merge_method: task_arithmetic\nbase_model: ${base}\n${models('parameters: { weight: 1 }')}`
  const of = await merged(file, 'sum')
  assert.deepEqual(of('running_var'), [0.375, 0.3125])
  assert.deepEqual(of('running_mean'), [3, 0.5])
  assert.deepEqual(of('weight'), [1 + 1 + 2, 2 + 2 + 2])
})

test('models with editors too, and a random mask drops none of them', async () => {
  const file = `merger: average\nbase_model: ${base}\n${models('editors: [{ editor: dare, drop_rate: 0.9 }]')}`
  assert.deepEqual((await merged(file, 'edited'))('running_var'), [0.375, 0.3125])
})

test('an average weighs them like any other tensor; mergekit’s own arithmetic does what mergekit does', async () => {
  const file = `merge_method: linear\nmodels:\n  - { model: ${one}, parameters: { weight: 3 } }\n  - { model: ${two}, parameters: { weight: 1 } }\n`
  assert.deepEqual((await merged(file, 'weighed'))('running_var'), [0.4375, 0.21875])
  const own = `merge_method: task_arithmetic\nbase_model: ${base}\n${models('parameters: { weight: 1 }')}arithmetic: stored\n`
  assert.deepEqual((await merged(own, 'own'))('running_var'), [-0.25, 0.375])
})

test('a negative weight, or an arc that goes on behind a model, gives the mean too', async () => {
  // 2 × 0.5 - 1 × 0.25 would be a variance of 0.75 of the first, and 2 × 0.125 - 1 × 0.5 = -0.25 of the second.
  const file = `merge_method: linear\nmodels:\n  - { model: ${one}, parameters: { weight: 2 } }\n  - { model: ${two}, parameters: { weight: -1 } }\n`
  const of = await merged(file, 'negative')
  assert.deepEqual(of('running_var'), [0.375, 0.3125])
  assert.deepEqual(of('weight'), [2 * 2 - 3, 2 * 4 - 4])
  const arc = (t: number) =>
    merged(
      `merge_method: slerp\nbase_model: ${one}\nmodels:\n  - { model: ${two} }\nparameters: { t: ${t} }\n`,
      `arc-${t}`,
    )
  assert.deepEqual((await arc(3))('running_var'), [0.375, 0.3125])
  assert.deepEqual((await arc(1))('running_var'), [0.25, 0.5])
  const own = await merged(`${file}arithmetic: stored\n`, 'negative-own')
  assert.deepEqual(own('running_var'), [0.75, -0.25])
})

test('a model that is turned around keeps its statistics', async () => {
  const file = `merge_method: passthrough\nmodels:\n  - { model: ${one}, parameters: { scale: -2 } }\n`
  const of = await merged(file, 'turned')
  assert.deepEqual(of('running_var'), [0.5, 0.125])
  assert.deepEqual(of('running_mean'), [2, 1])
  assert.deepEqual(of('weight'), [-4, -8])
  const own = await merged(`${file}arithmetic: stored\n`, 'turned-own')
  assert.deepEqual(own('running_var'), [-1, -0.25])
})
