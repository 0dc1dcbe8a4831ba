// A draw of the curvature is the same however the vocabulary is cut: the noise is numbered by place.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pullCurvature } from '../../src/loss/index.js'
import { holding } from '../../src/models/index.js'
import { keyOf } from '../../src/tensor/index.js'
import { openFixture } from '../models/fixture.js'

for (const name of ['llama3', 'gpt2', 't5'] as const)
  test(`${name}: any cut of the vocabulary draws the same`, async () => {
    const { model, post, batch } = await openFixture(name)
    const items = batch('main')
    const names = new Set(Object.keys(model.shapes))
    const head = model.blocks.at(-1)!
    assert.equal(head.split!.join, 'concat')
    const draw = async (bounds: readonly number[]): Promise<Map<string, Float64Array>> => {
      const found = new Map<string, Float64Array>()
      const sink = (tensor: string, values: Float32Array, rows: { from: number } | null): void => {
        const shape = model.shapes[tensor]!
        const size = shape.reduce((a, b) => a * b, 1)
        const sum = found.get(tensor) ?? new Float64Array(size)
        found.set(tensor, sum)
        const from = rows ? rows.from * (size / shape[0]!) : 0
        for (const [i, value] of values.entries()) sum[from + i]! += value
      }
      const parts = bounds.slice(1).map((to, i) => ({ from: bounds[i]!, to }))
      const whole = { blocks: model.blocks.slice(0, -1), parts: [null] }
      const source = holding(model, post, [whole, { blocks: [head], parts: parts.length ? parts : [null] }])
      await pullCurvature(model, source, [items], { names, sink, key: keyOf('cut') })
      return found
    }
    const words = head.split!.units ?? model.shapes[head.split!.weights[0]!]![0]!
    const expected = await draw([])
    for (const bounds of [
      [0, words >> 1, words],
      [0, 1, 6, words - 3, words],
    ])
      for (const [tensor, values] of await draw(bounds)) {
        const all = expected.get(tensor)!
        // Sums over parts are rounded in another order; other noise would change all of a gradient.
        const scale = Math.sqrt(all.reduce((sum, x) => sum + x * x, 0) / all.length)
        const off = values.reduce((most, x, i) => Math.max(most, Math.abs(x - all[i]!)), 0)
        assert.ok(off <= 1e-4 * scale, `${tensor} in ${bounds}: off by ${off}, of ${scale}`)
      }
  })
