// The laws of the house, over the whole list of editors: what every editor must keep whatever it does.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import {
  applySteps,
  bitsOf,
  describeOptions,
  type Editor,
  editorNamed,
  editors,
  type Options,
  parseOptions,
  scanModel,
} from '../../src/editors/index.js'
import { type Key, keyOf, setBackend, type Tensor, tf } from '../../src/tensor/index.js'
import { gramOf } from './cases.js'

before(() => setBackend('wasm'))

/** Options to try per editor; the first and the last stand at the ends of the axis. A new editor needs its line here. */
const tried: Record<string, Record<string, unknown>[]> = {
  dare: [
    { drop_rate: 0 },
    { drop_rate: 0.3, k: -1 },
    { drop_rate: 0.4, convention: 'mergekit' },
    { drop_rate: 0.5, rescale: false, k: 0.5 },
    { drop_rate: 1, rescale: false },
    { drop_rate: 0.99 },
  ],
  magnitude: [
    { drop_rate: 0 },
    { drop_rate: 0.5, rescale: true },
    { drop_rate: 0.4, granularity: 'row' },
    { drop_rate: 0.4, granularity: 'model' },
    { drop_rate: 0.3, convention: 'mergelm' },
    { drop_rate: 0.3, convention: 'mergekit', rescale: true },
    { drop_rate: 0.3, convention: 'ties', granularity: 'row' },
    { drop_rate: 0.9 },
    { drop_rate: 1 },
  ],
  bitdelta: [
    { multiplier: 0 },
    { blocks: 4 },
    { magnitudes: 'normal' },
    { magnitudes: 'uniform', blocks: 2 },
    { passes: 3 },
    { multiplier: 3 },
  ],
  lowrank: [{ rank: 1 }, { fraction: 0 }, { fraction: 0.5 }, { energy: 0.5 }, { energy: 1 }, { rank: 100 }],
  expo: [{ alpha: -1 }, { alpha: 0.3 }, { alpha: 1 }],
  biased: [{ k: -1 }, { k: 0.5 }, { by: 'product', k: 0.9, drop_rate: 0.3 }, { k: 1.5 }],
  darex: [
    { drop_rate: 0, q: 1 },
    { drop_rate: 0.5, q: 0.5 },
    { drop_rate: 0.9, q: 0.2 },
    { drop_rate: 1, q: 0.1 },
  ],
  magprune: [
    { drop_rate: 0, epsilon: 0 },
    { drop_rate: 0.5, epsilon: 0.4 },
    { drop_rate: 0.4, epsilon: 0.3, granularity: 'tensor' },
    { drop_rate: 0.4, by: 'magnitude' },
    { drop_rate: 0.5, convention: 'mergekit' },
    { drop_rate: 0.6, convention: 'della', rescale: false },
    { drop_rate: 0.99, epsilon: 0 },
  ],
  breadcrumbs: [
    { drop_rate: 0, gamma: 0.2 },
    { drop_rate: 0.5, gamma: 0.1, rescale: true },
    { drop_rate: 0.5, gamma: 0.1, convention: 'mergekit' },
    { drop_rate: 0.9, gamma: 0.05 },
    { drop_rate: 1 },
  ],
  quantise: [{ bits: 1 }, { bits: 4, group: 5 }, { bits: 3, group: 0 }, { bits: 16 }],
  delta_come: [{ group: 0 }, { bands: '8x1+3x2+2x3', group: 2 }, { quantiser: 'gptq', bands: '4x6' }, { group: 1024 }],
  impart: [
    { drop_rate: 0.6, beta: 0 },
    { drop_rate: 0.6, beta: 0.3, exponent: 0.5 },
    { drop_rate: 0.7, beta: 0.7 },
    { drop_rate: 0.5, beta: 0.2, exponent: 0.5 },
  ],
  ultradelta: [
    { drop_rate: 0, step: 0 },
    { drop_rate: 0.5 },
    { drop_rate: 0.3, bits: 2, factor: 0.5, step: 0 },
    { drop_rate: 0.95 },
  ],
}

const shapes = [[1], [1, 1], [3], [1, 5], [5, 1], [8, 12], [37]]

/** Heavy-tailed values with exact zeros and ties. */
function values(size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) =>
    i % 9 === 4 ? 0 : i % 7 === 2 ? -0.5 : Math.tan(i * 1.7) * 0.01,
  )
}

/** Of a layer whose matrix has that shape. */
function gramFor(shape: number[]): Float64Array | undefined {
  const [, columns] = shape
  return shape.length === 2
    ? gramOf({ shape: [7, columns!], values: values(7 * columns!).map((value) => value + 0.1) })
    : undefined
}

const gradientOf = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.cos(i * 2.3))

/** A model of this tensor alone. */
const modelOf = (input: Float32Array) =>
  async function* () {
    yield ['w', input] as const
  }

interface Run {
  shape?: number[]
  seed?: number
  input?: Float32Array
}

async function run(editor: Editor, raw: Record<string, unknown>, { shape = [8, 12], seed = 1, ...given }: Run = {}) {
  const input = given.input ?? values(tf.util.sizeFromShape(shape))
  const steps = [{ editor, options: parseOptions(editor, raw) }]
  const scanned = await scanModel(steps, modelOf(input))
  const gradient = gradientOf(input.length)
  return applySteps(steps, input, shape, { seed, tensor: 'w', gradient, gram: gramFor(shape), scanned })
}

async function readFor(editor: Editor, options: Options, input: Float32Array, key: Key) {
  const [model] = await scanModel([{ editor, options }], modelOf(input))
  const about = { tensor: 'w', shape: [8, 12], key, model }
  const scans = editor.reads === 'model' || (editor.reads === 'tensor' && editor.needsScan(options))
  const x = tf.tensor2d(input, [8, 12])
  const factors = editor.reads === 'matrix' ? await editor.factorise(x, options) : undefined
  x.dispose()
  return { scanned: scans ? editor.scanTensor(input, options, about) : undefined, factors }
}

test('every editor has options to try, and names are unique', () => {
  assert.deepEqual(
    editors.map(({ name }) => name),
    Object.keys(tried),
  )
})

for (const editor of editors) {
  describe(editor.name, () => {
    const options = tried[editor.name]!

    test('neutral options return the delta bit for bit', async () => {
      if (!editor.neutral) return
      for (const shape of shapes) {
        const result = await run(editor, { ...editor.neutral }, { shape })
        assert.deepEqual(result, values(result.length))
      }
    })

    test('a tensor without entries is left alone and takes no bits', async () => {
      for (const raw of options) {
        for (const shape of [[0], [0, 4], [4, 0]]) {
          assert.equal((await run(editor, raw, { shape })).length, 0)
          assert.equal(
            await bitsOf([{ editor, options: parseOptions(editor, raw) }], shape, 0, { seed: 0, tensor: 'w' }),
            0,
          )
        }
      }
    })

    test('zero stays zero', async () => {
      for (const raw of options) {
        const result = await run(editor, raw, { input: new Float32Array(96) })
        assert.ok(
          result.every((value) => value === 0),
          JSON.stringify(raw),
        )
      }
    })

    test('shape, dtype and input are kept; results are finite; tiny shapes survive', async () => {
      for (const raw of options) {
        for (const shape of shapes) {
          const input = values(tf.util.sizeFromShape(shape))
          const result = await run(editor, raw, { shape, input })
          assert.equal(result.length, input.length)
          assert.deepEqual(input, values(result.length))
          assert.ok(result.every(Number.isFinite), JSON.stringify([raw, shape]))
        }
      }
    })

    test('exactly one new tensor', async () => {
      for (const raw of options) {
        const input = values(96)
        const options = parseOptions(editor, raw)
        const x = tf.tensor(input, [8, 12])
        const gradient = tf.tensor(gradientOf(96), [8, 12])
        const before = tf.memory().numTensors
        const key = keyOf(1, 'w')
        const found = await readFor(editor, options, input, key)
        const out = tf.tidy(() =>
          editor.edit(x, { options, key, offset: 0, ...found, gradient, gram: gramFor([8, 12]) }),
        )
        assert.equal(tf.memory().numTensors, before + 1)
        assert.notEqual(out.id, x.id)
        assert.deepEqual([out.shape, out.dtype], [[8, 12], 'float32'])
        assert.deepEqual(await x.data(), input)
        tf.dispose([x, gradient, out])
      }
    })

    test('same key, same bits; another key, other bits if and only if stochastic', async () => {
      for (const raw of options) {
        const first = await run(editor, raw)
        assert.deepEqual(await run(editor, raw), first)
        const other = await run(editor, raw, { seed: 2 })
        const differs = other.some((value, i) => value !== first[i])
        assert.equal(differs, editor.stochastic(parseOptions(editor, raw)), JSON.stringify(raw))
      }
    })

    test('an unknown option is refused by name', () => {
      const parse = () => parseOptions(editor, { ...options[0], density: 0.5 }, 'x.yaml:3')
      assert.throws(parse, new RegExp(`^UserError: x.yaml:3: .*${editor.name} "density"`))
    })

    test('the axis is an option; every option is described; storage is never above 16 bits per entry', async () => {
      assert.ok(editor.axis! in editor.options.shape)
      for (const option of describeOptions(editor)) assert.match(option.description, /^.{20,}\.$/)
      for (const raw of options) {
        const steps = [{ editor, options: parseOptions(editor, raw) }]
        for (const shape of shapes) {
          const n = tf.util.sizeFromShape(shape)
          const bits = await bitsOf(steps, shape, n, { seed: 1, tensor: 'w' })
          assert.ok(bits >= 0 && bits <= 16 * n, `${bits}`)
        }
      }
    })

    test('cpu and wasm agree', async () => {
      for (const raw of options) {
        const wasm = await run(editor, raw)
        await tf.setBackend('cpu')
        const cpu = await run(editor, raw).finally(() => tf.setBackend('wasm'))
        const largest = wasm.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
        wasm.forEach((value, i) => assert.ok(Math.abs(value - cpu[i]!) <= 1e-6 * largest, `${value} against ${cpu[i]}`))
      }
    })

    test('block by block equals the whole', async () => {
      if (editor.reads === 'matrix') return
      const input = values(96)
      const cut = (offset: number, size: number, part: Float32Array) =>
        tf.tensor(part.slice(offset, offset + size), [size])
      for (const raw of options) {
        const parsed = parseOptions(editor, raw)
        const found = await readFor(editor, parsed, input, keyOf(1, 'w'))
        const edit = (offset: number, size: number): Tensor =>
          tf.tidy(() =>
            editor.edit(cut(offset, size, input), {
              options: parsed,
              key: keyOf(1, 'w'),
              offset,
              ...found,
              gradient: cut(offset, size, gradientOf(96)),
            }),
          )
        const whole = edit(0, 96)
        const blocks = [edit(0, 13), edit(13, 50), edit(63, 33)]
        assert.deepEqual(
          blocks.flatMap((block) => [...block.dataSync()]),
          [...whole.dataSync()],
        )
        tf.dispose([whole, ...blocks])
      }
    })

    test('the mean over 400 keys is the delta within 4 standard errors, where that is claimed', async () => {
      for (const raw of options) {
        const parsed = parseOptions(editor, raw)
        if (!editor.unbiased(parsed) || !editor.stochastic(parsed) || raw.drop_rate === 0.99) continue
        const input = values(2000)
        const sum = new Float64Array(2000)
        let spread = 0
        for (let seed = 0; seed < 400; seed++) {
          const result = await run(editor, raw, { seed, input, shape: [2000] })
          result.forEach((value, i) => {
            sum[i]! += value / 400
            spread += (value - input[i]!) ** 2 / 400
          })
        }
        // Every entry alone, and all together: 2000 tests at 5.5 standard errors fail less than once in 10 000 correct codes.
        // The window of magprune ends at p + epsilon/2.
        const { p, k } = { p: Number(parsed.drop_rate) + Number(parsed.epsilon ?? 0) / 2, k: Number(parsed.k ?? 0) }
        const perEntry = Math.sqrt(((k - 1) ** 2 * p) / (1 - p) / 400)
        input.forEach((value, i) =>
          assert.ok(Math.abs(sum[i]! - value) <= 5.5 * perEntry * Math.abs(value) + 1e-7, `entry ${i}`),
        )
        const total = input.reduce((bias, value, i) => bias + (sum[i]! - value) * Math.sign(value), 0)
        assert.ok(Math.abs(total) < 4 * Math.sqrt(spread / 400))
      }
    })
  })
}

test('unknown editors name the nearest', () => {
  assert.throws(() => editorNamed('dear'), /unknown editor "dear"; did you mean "dare"/)
})
