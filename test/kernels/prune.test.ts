// The choice of MAGPRUNE by bins is that of sorted rows, whatever bytes lie behind the last row.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { instantiate, type Kernels } from '../../src/kernels/index.js'

const memory = new WebAssembly.Memory({ initial: 16 })
const kernels = instantiate<Kernels>('prune', memory)
const [VALUES, DRAWS, LIMITS, SPACE] = [1 << 10, 1 << 15, 1 << 16, 1 << 17]

const room = (at: number, size: number) => new Int32Array(memory.buffer, at, size)

/** Bits of float32 numbers with magnitudes from 1 to 2. */
const value = fc
  .tuple(fc.nat((1 << 23) - 1), fc.boolean())
  .map(([bits, isNegative]) => bits | 0x3f800000 | (isNegative ? 1 << 31 : 0))
const draw = fc.nat((1 << 24) - 1)
/** Around the lengths of groups of 64, and of rows that have finer bins. */
const length = fc.oneof(fc.integer({ min: 500, max: 530 }), fc.integer({ min: 2046, max: 2050 }))
const row = length.chain((columns) =>
  fc.record({
    values: fc.array(value, { minLength: columns, maxLength: columns }),
    draws: fc.array(draw, { minLength: columns, maxLength: columns }),
    behind: fc.constantFrom(0, 0x7f7fffff, 0x7fffffff, -1),
  }),
)

test('bins choose what sorted rows choose', () => {
  fc.assert(
    fc.property(row, ({ values, draws, behind }) => {
      const columns = values.length
      const limits = values.map((_, rank) => Math.ceil((0.75 - (0.5 * rank) / (columns - 1)) * 2 ** 24))
      room(LIMITS, columns).set(limits)
      new Float32Array(memory.buffer, LIMITS + 4 * columns, columns).fill(1)
      const start = () => {
        room(VALUES, columns + 4)
          .fill(behind)
          .set(values)
        room(DRAWS, columns).set(draws)
        room(SPACE, (memory.buffer.byteLength - SPACE) / 4).fill(0)
      }
      start()
      kernels.decideRows(VALUES, DRAWS, 1, columns, LIMITS, SPACE)
      const kept = Array.from(room(DRAWS, columns), (each) => each >= limits[0]!)
      start()
      kernels.prune(VALUES, DRAWS, 1, columns, LIMITS, LIMITS + 4 * columns, SPACE)
      assert.deepEqual(
        kept,
        Array.from(new Float32Array(memory.buffer, VALUES, columns), (each) => each !== 0),
      )
    }),
    { numRuns: 60 },
  )
})
