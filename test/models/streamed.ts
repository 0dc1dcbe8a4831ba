// A fixture's weights read block by block, as finely as can be: every block by itself, a vocabulary in parts of 50 rows, one
// batch after the other.
import { type Model, type Plan, type ReadRows, streaming } from '../../src/models/index.js'
import type { Fixture } from './fixture.js'
import type { Way } from './probe.js'

export const readerOf =
  (model: Model, values: ReadonlyMap<string, Float32Array>): ReadRows =>
  async (name, rows) => {
    const all = values.get(name)!
    const width = all.length / (model.shapes[name]![0] ?? 1)
    return rows ? all.slice(rows.from * width, rows.to * width) : all.slice()
  }

export const finest = (model: Model): Plan => ({
  together: 0,
  largest: Infinity,
  stretches: model.blocks.map((block) => {
    if (!block.split) return { blocks: [block], parts: [null] }
    const rows = model.shapes[block.split.weights[0]!]![0]!
    const parts = Array.from({ length: Math.ceil(rows / 50) }, (_, i) => ({
      from: 50 * i,
      to: Math.min(rows, 50 * (i + 1)),
    }))
    return { blocks: [block], parts }
  }),
})

export const streamedWay =
  ({ base, values }: Fixture): Way =>
  (model, weights) =>
    streaming(model, finest(model), readerOf(model, weights === base ? values.base : values.post))
