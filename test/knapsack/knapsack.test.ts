// The multiple-choice knapsack: the best choice, as found by trying all of them, and a bound that is no lie where the search ends early.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Option, pack } from '../../src/knapsack/index.js'
import { undominated } from '../../src/knapsack/relax.js'

/** Numbers in [0, 1) that are the same each time (Park and Miller's generator). */
function draws(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48271) % 2147483647) / 2147483647
}

function tryAll(groups: readonly (readonly Option[])[], capacity: number, at = 0, cost = 0): number {
  if (capacity < 0) return Infinity
  if (at === groups.length) return cost
  return Math.min(...groups[at]!.map((option) => tryAll(groups, capacity - option.weight, at + 1, cost + option.cost)))
}

test('as good as the best of all choices, within the capacity', () => {
  const next = draws(1)
  for (let trial = 0; trial < 800; trial++) {
    const whole = trial % 2 === 0
    const option = (): Option =>
      whole
        ? { cost: Math.floor(next() * 8) - 2, weight: Math.floor(next() * 8) }
        : { cost: next(), weight: 3 * next() }
    const groups = Array.from({ length: 1 + Math.floor(next() * 5) }, () =>
      Array.from({ length: 1 + Math.floor(next() * 5) }, option),
    )
    const most = next() * groups.length * (whole ? 6 : 2)
    // Whole weights may fill it up.
    const capacity = whole ? Math.floor(most) : most
    const best = tryAll(groups, capacity)
    const found = pack(groups, capacity, trial % 3 ? undefined : 1)
    if (found === null) {
      assert.equal(best, Infinity)
      continue
    }
    const own = groups.map((group, k) => group[found.chosen[k]!]!)
    assert.equal(
      found.cost,
      own.reduce((sum, { cost }) => sum + cost, 0),
    )
    assert.ok(own.reduce((sum, { weight }) => sum + weight, 0) <= capacity)
    assert.ok(found.bound <= best + 1e-9 && best <= found.cost + 1e-9)
    if (trial % 3) assert.ok(Math.abs(found.cost - best) < 1e-9)
  }
})

test('the price is what a unit of weight saves at the margin', () => {
  const group = [
    { cost: 9, weight: 0 },
    { cost: 3, weight: 2 },
    { cost: 1, weight: 6 },
  ]
  assert.deepEqual(pack([group], 5), { chosen: [1], cost: 3, weight: 2, bound: 3, price: 0.5 })
  assert.equal(pack([group], 6)!.price, 0)
})

test('hundreds of groups within a thousandth of the bound', () => {
  const next = draws(7)
  const groups = Array.from({ length: 300 }, () => {
    const [size, damage] = [1000 * (1 + Math.floor(next() * 300)), Math.exp(3 * next())]
    return Array.from({ length: 20 }, () => {
      const bits = 16 * next()
      return { weight: Math.ceil((size * bits) / 8), cost: damage * size * 2 ** (-1.3 * bits) * (0.5 + next()) }
    })
  })
  const { cost, bound, weight } = pack(groups, 8e6)!
  assert.ok(weight <= 8e6 && bound <= cost && cost - bound < 1e-3 * cost)
})

test('an option goes where another of at most its weight costs no more', () => {
  const group = [
    { cost: 3, weight: 1 },
    { cost: 3, weight: 2 },
    { cost: 1, weight: 3 },
    { cost: 2, weight: 2 },
    { cost: 1, weight: 3 },
  ]
  assert.deepEqual(
    undominated(group).map(({ i }) => i),
    [0, 3, 2],
  )
})
