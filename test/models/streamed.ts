// A fixture's weights read block by block, as finely as can be: every block by itself, a vocabulary in parts of 50 rows, experts
// one by one, one batch after the other.
import { type Model, type Plan, type ReadRows, streaming, unitsOf } from '../../src/models/index.js'
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
    const units = unitsOf(model, block.split)
    const size = block.split.passed ? 1 : 50
    const parts = Array.from({ length: Math.ceil(units / size) }, (_, i) => ({
      from: size * i,
      to: Math.min(units, size * (i + 1)),
    }))
    return { blocks: [block], parts }
  }),
})

export const streamedWay =
  ({ base, values }: Fixture): Way =>
  (model, weights) =>
    streaming(model, finest(model), readerOf(model, weights === base ? values.base : values.post))
