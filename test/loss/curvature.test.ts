// Draws of the curvature: their mean square along a direction is the second derivative of the divergence from the model as it stands.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { divergenceOf } from '../../src/divergence/index.js'
import { classifyDivergence, pullCurvature } from '../../src/loss/index.js'
import { countOutputs } from '../../src/models/index.js'
import { keyOf, tf } from '../../src/tensor/index.js'
import { openFixture } from '../models/fixture.js'

const DRAWS = 60
/** Length of the step of the finite difference, as a part of the delta. */
const STEP = 0.02

for (const [name, batchName] of [
  ['llama3', 'main'],
  ['bert', 'main'],
] as const)
  test(`${name}: the mean square of draws is the curvature of the divergence`, async () => {
    const { model, post, base, batch } = await openFixture(name)
    const items = batch(batchName)
    const names = Object.keys(model.shapes).filter((_, i) => i % 5 === 0)
    const deltas = new Map(names.map((tensor) => [tensor, post[tensor]!.sub(base[tensor]!)]))
    const values = new Map(
      await Promise.all([...deltas].map(async ([tensor, delta]) => [tensor, await delta.data()] as const)),
    )
    let squares = 0
    for (let draw = 0; draw < DRAWS; draw++) {
      let slope = 0
      const sink = (tensor: string, gradient: Float32Array, rows: { from: number } | null): void => {
        const width = values.get(tensor)!.length / (model.shapes[tensor]![0] ?? 1)
        const from = rows ? rows.from * width : 0
        for (const [i, value] of gradient.entries()) slope += value * values.get(tensor)![from + i]!
      }
      await pullCurvature(model, post, [items], { names: new Set(names), sink, key: keyOf('test', draw) })
      squares += slope ** 2
    }
    const moved = [...deltas].map(([tensor, delta]) => [tensor, post[tensor]!.add(delta.mul(STEP))] as const)
    const { kl } = await divergenceOf(model, { post, edited: { ...post, ...Object.fromEntries(moved) } }, [items])
    const second = (2 * classifyDivergence(kl).change * countOutputs(model, items).at.length) / STEP ** 2
    const ratio = squares / DRAWS / second
    // The standard error of the mean of so many squares is 0.18.
    assert.ok(ratio > 0.6 && ratio < 1.5, `${ratio} times ${second}`)
    tf.dispose([[...deltas.values()], moved.map(([, tensor]) => tensor)])
  })

test('roberta-regression: the curvature of squared errors in the bias of the value is 2 for each item', async () => {
  const { model, post, batch } = await openFixture('roberta-regression')
  const items = batch('main')
  const names = new Set(['classifier.out_proj.bias'])
  const draws = 800
  let squares = 0
  const sink = (_: string, [slope]: Float32Array): void => void (squares += slope! ** 2)
  for (let draw = 0; draw < draws; draw++)
    await pullCurvature(model, post, [items], { names, sink, key: keyOf('test', draw) })
  const ratio = squares / draws / (2 * countOutputs(model, items).at.length)
  // The standard error of the mean of so many squares is 0.05.
  assert.ok(ratio > 0.8 && ratio < 1.2, `${ratio}`)
})
