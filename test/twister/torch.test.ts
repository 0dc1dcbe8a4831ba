// Draws of PyTorch's generator on CPU: the numbers are those of torch 2.13.0 (torch.randperm, torch.rand, uniform_).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seedTorch } from '../../src/twister/index.js'
import { assertClose } from '../close.js'

test('a permutation, and as many of it as are asked for', () => {
  const all = [5, 9, 0, 3, 1, 7, 4, 8, 6, 2]
  assert.deepEqual(seedTorch(777).permutation(10), all)
  assert.deepEqual(seedTorch(777).permutation(10, 4), all.slice(0, 4))
})

test('uniform numbers, of a seed of more than 32 bits too', () => {
  assert.deepEqual(
    [...seedTorch(5).uniform(4, 0, 1)],
    [0.8302518725395203, 0.12611091136932373, 0.9074696898460388, 0.8199270367622375],
  )
  assert.deepEqual(
    [...seedTorch(2 ** 32 + 5).uniform(3, -0.5, 0.25)],
    [0.1226889044046402, -0.4054168164730072, 0.1806022673845291],
  )
})

test('a part of a permutation is its start, and takes no memory for the rest', () => {
  for (const size of [1, 2, 7, 50]) {
    const all = seedTorch(3).permutation(size)
    assert.deepEqual(
      all.toSorted((x, y) => x - y),
      Array.from({ length: size }, (_, i) => i),
    )
    for (let count = 0; count <= size; count++)
      assert.deepEqual(seedTorch(3).permutation(size, count), all.slice(0, count))
  }
  // An array has fewer places than this.
  assert.equal(new Set(seedTorch(3).permutation(2 ** 33, 100)).size, 100)
})

test('normal numbers: by pairs below 16, in blocks of 16 above, the last block drawn anew; and what is drawn next', () => {
  for (const [count, last, following] of [
    [15, [0.27464818954467773, 0.481092244386673, 2.7909016609191895], 0.6266505718231201],
    [16, [2.025510787963867, 0.46079373359680176, 2.180330276489258], 0.720380425453186],
    [20, [-1.1280133724212646, -4.112925052642822, -0.7134450674057007], 0.38874197006225586],
  ] as [number, number[], number][]) {
    const draws = seedTorch(7)
    // The logarithms and cosines of torch's vector unit differ by the last bit.
    assertClose([...draws.normal(count, 2)].slice(-3), last, { tolerance: 1e-6 }, `${count}`)
    assert.equal(draws.uniform(1, 0, 1)[0], following)
  }
})

test('bfloat16: what is rounded up to the end is the beginning', () => {
  const values = seedTorch(7).bfloat16(4096, 1)
  assert.deepEqual(
    [1, -1].map((end) => values.filter((value) => value === end).length),
    [0, 10],
  )
})
