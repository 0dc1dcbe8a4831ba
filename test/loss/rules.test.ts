// Integration rules by what they must integrate exactly, and the class of an edit by hand-worked numbers.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  classifyChange,
  classifyDivergence,
  gradientNodes,
  type Loss,
  RULES,
  type Rule,
  reusesGradient,
  ruleNodes,
} from '../../src/loss/index.js'
import { assertClose } from '../close.js'

const integrate = (rule: Rule, steps: number, f: (t: number) => number) =>
  ruleNodes(rule, steps).reduce((sum, { t, weight }) => sum + weight * f(t), 0)

/** Highest power of t that each rule integrates exactly with any number of steps. */
const DEGREE: Record<Rule, (steps: number) => number> = {
  left: () => 0,
  right: () => 0,
  midpoint: () => 1,
  trapezoid: () => 1,
  simpson: () => 3,
  gauss: (steps) => 2 * steps - 1,
}

test('a known gradient serves rules that begin at post, of one batch, and no divergence', () => {
  const reusing = RULES.filter((rule) => reusesGradient({ rule, steps: 2 }, 1))
  assert.deepEqual([...reusing].sort(), ['left', 'simpson', 'trapezoid'])
  // The gradient of several batches is a sum in float32: other bits.
  assert.ok(!reusesGradient({ rule: 'left', steps: 2 }, 2))
  assert.ok(!reusesGradient({ rule: 'left', steps: 2, kind: 'kl' }, 1))
  // A divergence has no gradient where it begins.
  const nodes = (kind: 'task' | 'kl') => gradientNodes({ rule: 'trapezoid', steps: 2, kind }).map(({ t }) => t)
  assert.deepEqual(
    [nodes('task'), nodes('kl')],
    [
      [0, 0.5, 1],
      [0.5, 1],
    ],
  )
})

test('every rule is exact up to its degree and not beyond', () => {
  fc.assert(
    fc.property(fc.constantFrom(...RULES), fc.integer({ min: 1, max: 8 }), (rule, steps) => {
      const degree = DEGREE[rule](steps)
      for (let power = 0; power <= degree; power++) {
        assertClose(
          integrate(rule, steps, (t) => t ** power),
          1 / (power + 1),
          { tolerance: 1e-12 },
          `${rule}-${steps} t^${power}`,
        )
      }
      assert.ok(
        Math.abs(integrate(rule, steps, (t) => t ** (degree + 1)) - 1 / (degree + 2)) > 1e-12,
        `${rule}-${steps} is not exact beyond`,
      )
    }),
  )
})

test('the left sum with C = 5 captures 80 % of the curvature of a quadratic', () => {
  const slope = (t: number) => 2 * t // d/dt of t²: the exact change is 1, of which all is curvature
  assertClose(integrate('left', 5, slope), 0.8, { tolerance: 1e-12 })
})

test('the nodes of the fixtures: Simpson over 4 intervals has 5 nodes, over 5 intervals 11', () => {
  assert.deepEqual(
    ruleNodes('simpson', 4).map(({ t, weight }) => [t, weight * 12]),
    [
      [0, 1],
      [0.25, 4],
      [0.5, 2],
      [0.75, 4],
      [1, 1],
    ],
  )
  assert.equal(ruleNodes('simpson', 5).length, 11)
  assert.deepEqual(
    ruleNodes('left', 5).map(({ t }) => t),
    [0, 0.2, 0.4, 0.6, 0.8],
  )
})

const loss = (sums: number[], tokens: number[]): Loss => {
  const total = tokens.reduce((a, b) => a + b, 0)
  return {
    mean: sums.reduce((a, b) => a + b, 0) / total,
    tokens: total,
    itemSums: Float64Array.from(sums),
    itemTokens: Int32Array.from(tokens),
  }
}

test('the class is decided by two standard errors over paired items', () => {
  const post = loss([1, 1, 1, 1], [1, 1, 1, 1])
  // Differences 1, 2, 3, 4: mean 2.5, sample deviation 1.2910, standard error .6455.
  const worse = classifyChange(post, loss([2, 3, 4, 5], [1, 1, 1, 1]))
  assert.equal(worse.change, 2.5)
  assertClose(worse.standardError, 0.6454972, { tolerance: 1e-6 })
  assert.equal(worse.class, 'decreased')
  assert.equal(classifyChange(post, loss([0, -1, -2, -3], [1, 1, 1, 1])).class, 'improved')
  assert.equal(classifyChange(post, loss([2, 0, 2, 0.1], [1, 1, 1, 1])).class, 'competitive')
  assert.equal(classifyChange(post, post).class, 'competitive')
})

test('items weigh by their tokens', () => {
  const { change, standardError } = classifyChange(loss([0, 0], [1, 3]), loss([1, 3], [1, 3]))
  assert.equal(change, 1)
  assert.equal(standardError, 0, 'one nat on every token: no spread')
})

test('a divergence is competitive up to 8 nats on all positions, and never an improvement', () => {
  // 16 positions: 8 nats are 0.5 each, where 2·√(2·0.5 / 16) = 0.5 too.
  assert.equal(classifyDivergence(loss([4, 4], [8, 8])).class, 'competitive')
  const above = classifyDivergence(loss([4, 4.1], [8, 8]))
  assert.equal(above.class, 'decreased')
  assertClose(above.change, 8.1 / 16, { tolerance: 1e-15 })
  // The items' means are .5 and .5125: residuals ∓.05 of sums, √(2·(.05² + .05²)) / 16.
  assertClose(above.standardError, 0.1 / 16, { tolerance: 1e-9 })
  assert.equal(classifyDivergence(loss([0, 0], [1, 1])).class, 'competitive')
})
