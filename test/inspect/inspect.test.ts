// Delta statistics against numbers worked by hand, PyTorch's norms in the fixture, and plain definitions.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { openCheckpoint, pairCheckpoints, writeCheckpoint } from '../../src/checkpoint/index.js'
import {
  type GroupReport,
  inspectPair,
  type Statistics,
  statisticsOf,
  type TensorReport,
} from '../../src/inspect/index.js'
import { coarseQuantiles, Histogram, type Lists } from '../../src/inspect/quantile.js'
import { QUANTILES } from '../../src/inspect/statistics.js'
import { surveyDelta } from '../../src/inspect/survey.js'
import { hardValues, sampleValues } from '../../src/laws/samples.js'
import { openStream, runTensor } from '../../src/stream/index.js'
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

const engine = openStream({ jobs: 1, memory: 200e6 })
after(() => engine.close())
const partOf = (values: Float32Array) => async (from: number, to: number) => values.slice(from, to)

const survey = (base: Float32Array, post: Float32Array, shape: readonly number[] = [post.length]) =>
  runTensor(engine, {
    shape,
    base: partOf(base),
    models: [partOf(post)],
    deltas: [true],
    program: surveyDelta(post.length),
    target: null,
  })

async function statistics(base: Float32Array, post: Float32Array): Promise<Statistics> {
  const { sums, quantiles } = await survey(base, post)
  return statisticsOf(sums, quantiles)
}

const histogramOf = (bins: Lists) => new Histogram().add(bins)

test('a delta worked by hand', async () => {
  const s = await statistics(Float32Array.of(3, 0, 4, 0), Float32Array.of(3, 3, 3, 0))
  assert.deepEqual([s.parameters, s.base_norm, s.delta_norm, s.relative_norm], [4, 5, Math.sqrt(10), Math.sqrt(10) / 5])
  assert.deepEqual([s.mean, s.std, s.zeros], [0.5, Math.sqrt(2.5 - 0.25), 0.5])
  assert.deepEqual([s.p50, s.p90, s.p99, s.max], [0, 3, 3, 3])
  assert.equal(s.cosine, (3 * 3 + 4 * 3) / (5 * Math.sqrt(27)))
})

test('a base of zeros has no relative norm and no cosine; a tensor without entries has no quantiles', async () => {
  const s = await statistics(new Float32Array(2), Float32Array.of(1, 1))
  assert.deepEqual([s.relative_norm, s.cosine, s.mean, s.std], [null, null, 1, 0])
  const none = await statistics(new Float32Array(0), new Float32Array(0))
  assert.deepEqual([none.parameters, none.delta_norm, none.p50, none.max, none.zeros], [0, 0, NaN, 0, 0])
})

test('sums over strips are those of plain float64 arithmetic, with what is left of a vector of four', async () => {
  for (const shape of [[1], [7], [300, 131], [2, 20003]]) {
    const n = shape.reduce((product, side) => product * side)
    const base = sampleValues(n)
    const post = hardValues(n, 1).map((value, i) => (i % 6 ? value : base[i]!))
    const delta = post.map((value, i) => value - base[i]!)
    const { sums, bins } = await survey(base, post, shape)
    const sum = (of: (i: number) => number) => delta.reduce((total, _, i) => total + of(i), 0)
    const expected = {
      base2: sum((i) => base[i]! ** 2),
      post2: sum((i) => post[i]! ** 2),
      cross: sum((i) => base[i]! * post[i]!),
      delta: sum((i) => delta[i]!),
      delta2: sum((i) => delta[i]! ** 2),
    }
    for (const [key, value] of Object.entries(expected))
      assertClose(sums[key as 'base2'], value, { tolerance: 1e-12 * (1 + Math.abs(value)) }, `${key} of [${shape}]`)
    assert.equal(sums.zeros, delta.filter((value) => value === 0).length)
    assert.equal(sums.max, Math.max(...delta.map(Math.abs)))
    assert.equal(
      histogramOf(bins)
        .bins()
        .reduce((total, count, i) => total + (i % 2 ? count : 0), 0),
      n,
    )
  }
})

test('sums of differences of few bits come from the histogram: exact, also of numbers below all bins, of both zeros and of infinity', async () => {
  // Of nine bits; of a few with more; so small that their bin begins with 0; and what is no number of float32.
  const bf16 = Float32Array.from({ length: 4099 }, (_, i) => (i % 3 ? 1 : -1) * (256 + (i % 255)) * 2 ** -(i % 90))
  const some = { more: bf16.map((value, i) => (i % 97 ? value : value * (1 + 2 ** -20))), none: bf16 }
  for (const [name, post] of Object.entries(some)) {
    post.set([2 ** -149, -(2 ** -140), -0, 0, 3 * 2 ** -134], 7)
    const { sums } = await survey(new Float32Array(post.length), post)
    const exact = (of: (value: number) => number) => post.reduce((total, value) => total + of(value), 0)
    assertClose(
      sums.delta,
      exact((value) => value),
      { tolerance: 1e-15 * exact(Math.abs) },
      name,
    )
    assertClose(
      sums.delta2,
      exact((value) => value ** 2),
      { tolerance: 1e-14 * sums.delta2 },
      name,
    )
    assert.deepEqual([sums.zeros, sums.max], [2, Math.max(...post.map(Math.abs))], name)
  }
  assert.equal((await survey(Float32Array.of(0, -3e38), Float32Array.of(1, 3e38))).sums.delta2, Infinity)
})

test('quantiles are the ⌈qn⌉-th smallest magnitudes; from the histogram they are within 0.2 %', async () => {
  const lists = fc.float32Array({ minLength: 1, maxLength: 200, noNaN: true, noDefaultInfinity: true })
  await fc.assert(
    fc.asyncProperty(lists, async (values) => {
      const sorted = Float32Array.from(values, Math.abs).sort()
      const expected = QUANTILES.map((q) => sorted[Math.ceil(q * values.length) - 1])
      const { bins, quantiles } = await survey(new Float32Array(values.length), values)
      assert.deepEqual(quantiles, expected)
      for (const [i, coarse] of coarseQuantiles(histogramOf(bins), QUANTILES).entries())
        assertClose(coarse, expected[i]!, { tolerance: 0.002 * expected[i]! + 2 ** -133 })
    }),
    { numRuns: 300 },
  )
})

test('quantiles of many entries: few magnitudes with many bits, and more than are listed', async () => {
  const shape = [300, 600]
  const n = 300 * 600
  const values = sampleValues(n)
  const coarse = values.map((value, i) => (i % 50 ? Math.round(value * 16) / 16 : value))
  for (const post of [values, coarse]) {
    const sorted = post.map(Math.abs).sort()
    const { quantiles } = await survey(new Float32Array(n), post, shape)
    assert.deepEqual(
      quantiles,
      QUANTILES.map((q) => sorted[Math.ceil(q * n) - 1]),
    )
  }
})

test('threads and memory change no report; the reports come in the order of the tensors', async () => {
  const reports = await Promise.all(
    [{ jobs: 1 }, { jobs: 4, memory: 400e6 }].map((how) => reportsOf('post', { ...how, rankLimit: 0 })),
  )
  assert.deepEqual(reports[0], reports[1])
  const names = ['model.norm.weight', 'lm_head.weight', 'model.embed_tokens.weight']
  const { tensors } = await reportsOf('post', { names, rankLimit: 0 })
  assert.deepEqual(
    tensors.map(({ name }) => name),
    names,
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

test('large ranks are found in threads, and are those of this one; a bound of memory that is too small says which would do', async () => {
  const root = mkdtempSync(join(tmpdir(), 'ranks-'))
  const names = ['model.layers.0.mlp.up_proj.weight', 'model.layers.1.mlp.up_proj.weight', 'model.norm.weight']
  const plan = names.map((name) => ({ name, dtype: 'F32', shape: name === names[2] ? [500] : [500, 520] }))
  for (const [phase, folder] of ['base', 'post'].entries())
    await writeCheckpoint(join(root, folder), {
      plan,
      tensors: plan.map(({ name, shape }, i) => ({
        name,
        values: sampleValues(
          shape.reduce((product, side) => product * side),
          3 * i + phase,
        ),
      })),
    })
  const pair = await pairCheckpoints(await openCheckpoint(join(root, 'base')), await openCheckpoint(join(root, 'post')))
  const ranksOf = async (how: object): Promise<(number | null)[]> => {
    const ranks: (number | null)[] = []
    for await (const { effective_rank: rank } of inspectPair(pair, how)) ranks.push(rank)
    return ranks
  }
  // This thread must have time for signals, so it finds small ranks alone, also where it is to start one thread.
  let threads = 0
  const count = () => void threads++
  process.on('worker', count)
  const one = await ranksOf({ jobs: 1 })
  process.off('worker', count)
  assert.equal(threads, 1)
  assert.deepEqual(await ranksOf({ jobs: 2 }), one)
  const alone: (number | null)[] = []
  for (const name of names) alone.push((await ranksOf({ names: [name] }))[0]!)
  assert.deepEqual(alone, one)
  assert.ok(one[0]! > 1 && one[1]! > 1 && one[2] === null)
  await assert.rejects(ranksOf({ jobs: 2, memory: 180e6 }), {
    message:
      'model.layers.0.mlp.up_proj.weight: its effective rank needs the whole matrix in memory: --memory 180MB is too small, ' +
      '186MB would do; or leave ranks out with --rank-limit 0',
  })
  await Promise.all([pair.base.close(), pair.post.close()])
  rmSync(root, { recursive: true })
})
