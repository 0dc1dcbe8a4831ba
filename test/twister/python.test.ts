// Draws of the Mersenne Twister against CPython 3.11: random.Random(seed).sample(range(size), count), call after call.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seedTwister } from '../../src/twister/index.js'

const DRAWS: [seed: number, size: number, count: number, calls: number[][]][] = [
  // The 7,473 training problems of GSM8K: the first three items' examples.
  [
    1234,
    7473,
    5,
    [
      [6374, 3610, 957, 61, 742],
      [7462, 6610, 4769, 286, 5501],
      [5677, 687, 806, 6279, 2905],
    ],
  ],
  [
    1234,
    20,
    5,
    [
      [14, 3, 0, 2, 1],
      [2, 3, 11, 7, 0],
      [0, 19, 11, 15, 14],
    ],
  ],
  [
    1234,
    60,
    6,
    [
      [49, 28, 7, 0, 5, 51],
      [37, 2, 42, 44, 5, 6],
      [49, 22, 15, 1, 56, 50],
    ],
  ],
  // The largest pool that is swapped in, and the smallest whose draws are remembered.
  [
    1234,
    85,
    6,
    [
      [56, 14, 0, 11, 74, 4],
      [10, 12, 45, 30, 2, 3],
    ],
  ],
  [
    1234,
    86,
    6,
    [
      [56, 14, 0, 11, 74, 4],
      [85, 10, 12, 45, 30, 2],
    ],
  ],
  [
    0,
    1000000,
    3,
    [
      [885440, 403958, 794772],
      [933488, 441001, 42450],
    ],
  ],
  [
    4294967295,
    3,
    3,
    [
      [2, 0, 1],
      [2, 1, 0],
    ],
  ],
  [1234, 1, 1, [[0]]],
  [
    42,
    700,
    25,
    [
      [
        654, 114, 25, 281, 250, 228, 142, 104, 692, 558, 89, 604, 432, 32, 30, 95, 223, 238, 517, 616, 27, 574, 203,
        665, 429,
      ],
      [
        225, 459, 603, 284, 6, 163, 432, 348, 159, 220, 344, 104, 94, 389, 99, 367, 352, 618, 270, 44, 470, 549, 127,
        387, 80,
      ],
    ],
  ],
]

for (const [seed, size, count, calls] of DRAWS) {
  test(`${count} of ${size} from ${seed}`, () => {
    const twister = seedTwister(seed)
    assert.deepEqual(
      calls.map(() => twister.sample(size, count)),
      calls,
    )
  })
}

test('past the 624 words of the state: the 2,000th and 2,001st draw of one in a thousand', () => {
  const twister = seedTwister(7)
  const draws = Array.from({ length: 2001 }, () => twister.sample(1000, 1)[0])
  assert.deepEqual(draws.slice(-2), [514, 987])
})

test('no index twice, none outside, as many as asked for', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 1, max: 300 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (seed, size, share) => {
        const drawn = seedTwister(seed).sample(size, Math.floor(share * size))
        assert.equal(new Set(drawn).size, Math.floor(share * size))
        assert.ok(drawn.every((index) => index >= 0 && index < size))
      },
    ),
    { numRuns: 50 },
  )
})
