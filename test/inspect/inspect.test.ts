// Delta statistics against numbers worked by hand, PyTorch's norms in the fixture, and plain definitions.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { openCheckpoint, pairCheckpoints } from '../../src/checkpoint/index.js'
import { type GroupReport, inspectPair, statisticsOf, sumPair, type TensorReport } from '../../src/inspect/index.js'
import { BINS, coarseQuantiles, countMagnitudes, quantiles } from '../../src/inspect/quantile.js'
import { LLAMA3 } from '../checkpoint/files.js'
import { assertClose } from '../close.js'

async function reportsOf(post: string, options = {}): Promise<{ tensors: TensorReport[]; groups: GroupReport[] }> {
  const pair = await pairCheckpoints(await openCheckpoint(`${LLAMA3}/base`), await openCheckpoint(`${LLAMA3}/${post}`))
  const tensors: TensorReport[] = []
  const reports = inspectPair(pair, options)
  let next = await reports.next()
  for (; !next.done; next = await reports.next()) tensors.push(next.value)
  await Promise.all([pair.base.close(), pair.post.close()])
  return { tensors, groups: next.value }
}

test('a delta worked by hand', () => {
  const base = Float32Array.of(3, 0, 4, 0)
  const delta = Float32Array.of(0, 3, -1, 0)
  const post = Float32Array.of(3, 3, 3, 0)
  const s = statisticsOf(sumPair(base, post, delta), delta)
  assert.deepEqual([s.parameters, s.base_norm, s.delta_norm, s.relative_norm], [4, 5, Math.sqrt(10), Math.sqrt(10) / 5])
  assert.deepEqual([s.mean, s.std, s.zeros], [0.5, Math.sqrt(2.5 - 0.25), 0.5])
  assert.deepEqual([s.p50, s.p90, s.p99, s.max], [0, 3, 3, 3])
  assert.equal(s.cosine, (3 * 3 + 4 * 3) / (5 * Math.sqrt(27)))
})

test('a base of zeros has no relative norm and no cosine', () => {
  const s = statisticsOf(
    sumPair(new Float32Array(2), Float32Array.of(1, 1), Float32Array.of(1, 1)),
    Float32Array.of(1, 1),
  )
  assert.deepEqual([s.relative_norm, s.cosine, s.mean, s.std], [null, null, 1, 0])
})

test('quantiles are the ⌈qn⌉-th smallest magnitudes; from the histogram they are within 0.2 %', () => {
  fc.assert(
    fc.property(fc.float32Array({ minLength: 1, maxLength: 200, noNaN: true, noDefaultInfinity: true }), (values) => {
      const sorted = Float32Array.from(values, Math.abs).sort()
      const qs = [0.01, 0.5, 0.9, 0.99, 1]
      const expected = qs.map((q) => sorted[Math.ceil(q * values.length) - 1])
      const counts = countMagnitudes(values)
      assert.equal(counts.length, BINS)
      assert.deepEqual(quantiles(values, counts, qs), expected)
      for (const [i, coarse] of coarseQuantiles(counts, qs).entries()) {
        assertClose(coarse, expected[i]!, { tolerance: 0.002 * expected[i]! + 2 ** -133 })
      }
    }),
    { numRuns: 300 },
  )
})

test('norms and mean magnitudes of the fixture are PyTorch’s', async () => {
  const { delta } = JSON.parse(readFileSync(`${LLAMA3}/expected.json`, 'utf8')) as {
    delta: { norm: number; per_tensor_norm: Record<string, number> }
  }
  const { tensors, groups } = await reportsOf('post')
  const near = (a: number, b: number): void => assertClose(a, b, { tolerance: 1e-5 * Math.max(b, 1e-3) })
  assert.equal(tensors.length, 30)
  for (const { name, delta_norm } of tensors) near(delta_norm, delta.per_tensor_norm[name] ?? 0)
  near(groups.at(-1)!.delta_norm, delta.norm)
  const still = tensors.find(({ name }) => name === 'model.norm.weight')!
  assert.deepEqual(
    [still.delta_norm, still.zeros, still.effective_rank, still.cosine],
    [0, 1, null, 1],
    'the tensor that did not move',
  )
})

test('groups add up: parameters, squared norms, and each tensor in one role', async () => {
  const { tensors, groups } = await reportsOf('post-bf16')
  const all = groups.at(-1)!
  assert.equal(all.role, 'all')
  assert.deepEqual(
    groups.map(({ role }) => role),
    ['embedding', 'attention', 'mlp', 'norm', 'head', 'all'],
  )
  for (const group of groups) {
    const members = tensors.filter(({ role }) => group.role === 'all' || role === group.role)
    assert.equal(group.tensors, members.length)
    assert.equal(
      group.parameters,
      members.reduce((sum, { parameters }) => sum + parameters, 0),
    )
    const norm = Math.hypot(...members.map(({ delta_norm }) => delta_norm))
    assertClose(group.delta_norm, norm, { tolerance: 1e-12 * norm + 1e-15 })
    assert.equal(group.max, Math.max(...members.map(({ max }) => max)))
  }
})

test('effective rank: between 1 and the smaller side, and left out above the limit', async () => {
  const include = ['lm_head.weight', 'model.layers.0.self_attn.k_proj.weight', 'model.norm.weight']
  const { tensors } = await reportsOf('post', { names: include, rankLimit: 24 })
  assert.deepEqual(
    tensors.map(({ effective_rank: rank }) => rank !== null),
    [false, true, false],
  )
  const rank = tensors[1]!.effective_rank!
  assert.ok(rank > 1 && rank < 24, String(rank))
})
