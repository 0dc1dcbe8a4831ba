// Hands small models to a merger, checks what every run must keep, and returns what came out.
import assert from 'node:assert/strict'
import { mergeTensors, parseMerging, surveyModels, type Convention, type Inputs, type Merger, type Part } from '../../src/mergers/index.js'
import { tf } from '../../src/tensor/index.js'

export interface Try {
  options?: Record<string, unknown>
  /** Options of the models, taken in turn. */
  models?: Record<string, unknown>[]
}

const shapes = [[1], [1, 1], [3], [1, 5], [5, 1], [8, 12], [37]]
const sizeOf = (shape: readonly number[]) => shape.reduce((n, side) => n * side, 1)

/** Heavy-tailed values with exact zeros and ties; another `phase`, another model. */
export const values = (size: number, phase: number) =>
  Float32Array.from({ length: size }, (_, i) => (i % 9 === 4 ? 0 : i % 7 === 2 ? -0.5 : Math.tan((i + 7 * phase) * 1.7) * 0.01))
const baseOf = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * 2.1 + 1))

export interface Setting extends Try {
  /** Post minus base of each model, by the size of the tensor. */
  deltas: ((size: number) => Float32Array)[]
  convention?: Convention
  /** Order in which the models are handed in. */
  order?: number[]
}

/** Whether the merger gets and returns deltas, in these laws with a base whenever it takes one. */
export const ofDeltas = (merger: Merger) => merger.input !== 'weights'

/** What was handed in and what came out, for a model that has a tensor of every shape. */
export async function run(merger: Merger, { options, models = [{}], convention, deltas, order = [...deltas.keys()] }: Setting) {
  const own = order.map((m) => ({ delta: deltas[m], options: models[m % models.length], m }))
  const merging = parseMerging(merger, { convention, options, models: own.map((one) => one.options) })
  const data = (shape: number[], m: number): Float32Array | undefined => {
    if (merger.data === 'fisher') return values(sizeOf(shape), m + 3).map((v) => v * v)
    if (merger.data !== 'gram' || shape.length !== 2) return undefined
    const n = shape[1]
    return Float32Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 2 + m : Math.cos(Math.floor(i / n) * (i % n) + m) / n))
  }
  const parts = shapes.map((shape): Part => {
    const [base, size] = [baseOf(sizeOf(shape)), sizeOf(shape)]
    const given = own.map(({ m }) => data(shape, m))
    return {
      name: String(shape),
      shape,
      given: given.every((one) => one) ? (given as Float32Array[]) : undefined,
      models: own.map(({ delta }) => (ofDeltas(merger) ? delta(size) : delta(size).map((d, i) => d + base[i]))),
    }
  })
  const before = tf.memory().numTensors
  const walk = async function* () {
    yield* parts
  }
  const survey = await surveyModels(merging, walk)
  assert.equal(tf.memory().numTensors, before, 'the survey leaves no tensor behind')
  const results = []
  const warnings: string[] = []
  for (const { name, shape, models: given, given: information } of parts) {
    const square = merger.data === 'gram' ? [shape[1], shape[1]] : shape
    const inputs: Inputs = {
      name,
      models: given.map((v) => tf.tensor(v, [...shape])),
      given: information?.map((v) => tf.tensor(v, [...square])),
      base: tf.tensor(baseOf(sizeOf(shape)), [...shape]),
      embedding: false,
    }
    const held = tf.memory().numTensors
    const out = await mergeTensors({ ...merging, survey }, inputs, (text) => warnings.push(text))
    assert.equal(tf.memory().numTensors, held + 1, 'exactly one new tensor')
    assert.deepEqual([out.shape, out.dtype], [shape, 'float32'])
    const alive = await Promise.all(inputs.models.map((t) => t.data()))
    alive.forEach((v, m) => assert.deepEqual(v, given[m], 'the inputs are as they were'))
    results.push({ shape, result: (await out.data()) as Float32Array, inputs: given })
    tf.dispose([out, inputs.base!, inputs.models, inputs.given ?? []] as Parameters<typeof tf.dispose>[0])
  }
  assert.equal(tf.memory().numTensors, before)
  return { results, warnings }
}

export function close(actual: Float32Array, expected: ArrayLike<number>, what: string, tolerance = 2e-6) {
  const size = actual.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3)
  actual.forEach((v, i) => assert.ok(Math.abs(v - expected[i]) <= tolerance * size, `${what}[${i}]: ${v} against ${expected[i]}`))
}

test("every merger has settings to try; names are unique and those of their files' words", () => {
  assert.deepEqual(
    mergers.map(({ name }) => name),
    Object.keys(tried),
  )
})

for (const merger of mergers) {
  const { tries, one, same } = tried[merger.name]
  const [fewest, most] = merger.count
  const several = Math.min(3, most)
  const different = Array.from({ length: several }, (_, m) => (size: number) => values(size, m))
  const settings = tries.flatMap((each) => merger.conventions.map((convention) => ({ ...each, convention })))

  describe(merger.name, () => {
    test('shape and dtype are kept, results are finite, inputs stay, nothing leaks; equal runs give equal bits', async () => {
      for (const setting of settings) {
        const first = await run(merger, { ...setting, deltas: different })
        for (const { result, shape } of first.results) assert.ok(result.every(Number.isFinite), JSON.stringify([setting, shape]))
        assert.deepEqual(await run(merger, { ...setting, deltas: different }), first)
      }
    })

    test('zero deltas give the base', async () => {
      const nothing = Array.from({ length: several }, () => (size: number) => new Float32Array(size))
      for (const setting of settings) {
        if (setting.models?.some(({ scale }) => scale !== undefined)) continue
        const { results } = await run(merger, { ...setting, deltas: nothing })
        for (const { result, inputs } of results) close(result, inputs[0], JSON.stringify(setting), ofDeltas(merger) ? 0 : 1e-6)
      }
    })

    test('one model comes out as it went in', async () => {
      if (!one || fewest > 1) return
      for (const convention of merger.conventions) {
        const { results } = await run(merger, { ...one, convention, deltas: [different[0]] })
        for (const { result, inputs, shape } of results) close(result, inputs[0], `${convention} ${shape}`)
      }
    })

    test('equal models come out as they are', async () => {
      if (!same) return
      for (const convention of merger.conventions) {
        const { results } = await run(merger, { ...same, convention, deltas: different.map(() => different[0]) })
        for (const { result, inputs, shape } of results) close(result, inputs[0], `${convention} ${shape}`)
      }
    })

    test('the order of the models matters only where they have parts to play', async () => {
      const order = [...different.keys()].reverse()
      let differs = false
      for (const setting of settings) {
        const [there, back] = [
          await run(merger, { ...setting, deltas: different }),
          await run(merger, { ...setting, deltas: different, order }),
        ]
        there.results.forEach(({ result, shape }, i) => {
          if (!merger.ordered) close(result, back.results[i].result, JSON.stringify([setting, shape]), 1e-5)
          else differs ||= result.some((v, j) => Math.abs(v - back.results[i].result[j]) > 1e-3)
        })
      }
      assert.equal(differs, merger.ordered ?? false)
    })

    test('cpu and wasm agree', async () => {
      for (const setting of settings) {
        const wasm = await run(merger, { ...setting, deltas: different })
        await tf.setBackend('cpu')
        const cpu = await run(merger, { ...setting, deltas: different }).finally(() => tf.setBackend('wasm'))
        wasm.results.forEach(({ result }, i) => close(result, cpu.results[i].result, JSON.stringify(setting), 1e-5))
      }
    })

    test('options are described and strict; conventions are known; the number of models is checked', () => {
      for (const schema of [merger.options, merger.modelOptions])
        for (const fact of factsOf(schema)) assert.match(fact.description, /^.{15,}\.$/)
      const models = Array.from({ length: several }, (_, m) => tries[0].models?.[m] ?? {})
      const parse = (more: object) => parseMerging(merger, { options: tries[0].options, models, ...more })
      assert.throws(() => parse({ options: { ...tries[0].options, colour: 1 } }), /^UserError: .*unknown option of .*"colour"/)
      assert.throws(
        () => parse({ models: models.map((m) => ({ ...m, colour: 1 })) }),
        /^UserError: .*unknown option of each model of .*"colour"/,
      )
      for (const convention of CONVENTIONS) {
        if (!merger.conventions.includes(convention)) assert.throws(() => parse({ convention }), /^UserError: .*has no convention/)
      }
      assert.throws(() => parse({ models: [] }), /^UserError: .* merges (exactly|at least) \d models? \(the base not counted\); got 0/)
      assert.equal(merger.conventions[0], 'paper')
      assert.match(merger.cite, /\d{4}/)
    })
  })
}

test('unknown mergers name the nearest', () => {
  assert.throws(() => mergerNamed('tie'), /unknown merger "tie"; did you mean "ties"/)
})

test('what degenerates is said', async () => {
  const said = async (name: string, setting: Partial<Setting>) =>
    (await run(mergerNamed(name), { deltas: [(n) => values(n, 0), (n) => values(n, 1)], ...setting })).warnings.join('\n')
  assert.match(await said('slerp', { options: { t: 0.5, threshold: 0 } }), /linear branch: the cosine of the models is 0\.\d+, beyond 0/)
  assert.match(
    await said('ties', { options: { granularity: 'tensor' }, convention: 'mergekit' }),
    /trim of model 2: 3 entries: the number of kept ones rounds to 0/,
  )
  assert.match(
    await said('ties', { options: { granularity: 'tensor' }, models: [{ drop_rate: 0.95 }] }),
    /entries are tied at the threshold/,
  )
  assert.match(
    await said('model_stock', { deltas: [(n) => values(n, 0), (n) => values(n, 0).map((v) => -0.5 * v)] }),
    /infinite|outside \[0, 1\]/,
  )
  assert.match(await said('tsv_merge', {}), /1 × 5 has no singular vector for each of 2 models/)
})
