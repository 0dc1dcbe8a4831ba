// Weights read block by block give the numbers of weights that are held, within the bound, each read once per pass.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fitBatches, gradientOf, lossOf, pullBack, pullDivergence, type Sink } from '../../src/loss/index.js'
import {
  type Batch,
  type Load,
  loadModel,
  type Model,
  planStretches,
  type Source,
  sourceOf,
  streaming,
  type Weights,
} from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { assertClose } from '../close.js'
import { NAMES, openFixture, worst } from '../models/fixture.js'
import { type Errors, probeGradient, probeRiemann, probeText, type Quantity, TOLERANCES } from '../models/probe.js'
import { finest, readerOf, streamedWay } from '../models/streamed.js'

const check = (errors: Errors) => {
  for (const [quantity, error] of Object.entries(errors))
    assert.ok(error < TOLERANCES[quantity as Quantity], `${quantity}: ${error}`)
}

for (const name of NAMES) {
  test(`${name}: losses, gradients, Riemann sums and text of streamed weights against PyTorch`, async () => {
    const fixture = await openFixture(name)
    const before = tf.memory().numTensors
    const way = streamedWay(fixture)
    check(await probeGradient(fixture, way))
    check(await probeRiemann(fixture, 'scale-0.5', ['midpoint-5'], way))
    if (fixture.expected.generation) check(await probeText(fixture, way))
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
    tf.dispose([fixture.base, fixture.post])
  })
}

test('batches walk together or one by one: the same gradient', async () => {
  const { model, values, batch, post } = await openFixture('llama3')
  const batches = [batch('main'), batch('left'), batch('single')]
  const held = await gradientOf(model, post, batches)
  for (const together of [0, 1e6]) {
    const { loss, gradient } = await gradientOf(
      model,
      streaming(model, { ...finest(model), together }, readerOf(model, values.post)),
      batches,
    )
    assertClose(loss.mean, held.loss.mean, { tolerance: 1e-6 })
    assert.deepEqual([...gradient.keys()].sort(), [...held.gradient.keys()].sort())
    for (const [name, right] of held.gradient)
      assert.ok(worst(gradient.get(name)!, right, 1e-3) < 1e-5, `${together} ${name}`)
  }
})

test('a forward pass reads each weight once, a gradient twice, and the next part before this one is used', async () => {
  const { model, values, batch } = await openFixture('gpt2')
  const reads = new Map<string, number>()
  const read = readerOf(model, values.post)
  const source = streaming(model, { ...finest(model), together: 1e6 }, (name, rows) => {
    reads.set(name, (reads.get(name) ?? 0) + (rows ? (rows.to - rows.from) / model.shapes[name]![0]! : 1))
    return read(name, rows)
  })
  const uses = (name: string) => (name === 'transformer.wte.weight' ? 2 : 1) // tied: embedding and head
  const counts = (factor: number) =>
    Object.keys(model.shapes).forEach((name) =>
      assertClose(reads.get(name)!, factor * uses(name), { tolerance: 1e-9 }, name),
    )
  await lossOf(model, source, [batch('main'), batch('left'), batch('single')])
  counts(1)
  reads.clear()
  await pullBack(model, source, [batch('main'), batch('left')], {
    names: new Set(Object.keys(model.shapes)),
    sink: () => {},
  })
  counts(2)

  const events: string[] = []
  let fetched = 0
  const watched = {
    ...source,
    async fetch(...visit: Parameters<typeof source.fetch>) {
      const index = fetched++
      events.push(`read ${index}`)
      const upload = await source.fetch(...visit)
      return () => {
        events.push(`use ${index}`)
        return upload()
      }
    },
  }
  await lossOf(model, watched, [batch('main')])
  for (let i = 0; i + 1 < fetched; i++)
    assert.ok(events.indexOf(`read ${i + 1}`) < events.indexOf(`use ${i}`), events.join(', '))
})

test('an error while reading comes out and leaves no tensor', async () => {
  const { model, values, batch } = await openFixture('qwen2')
  const read = readerOf(model, values.post)
  const before = tf.memory().numTensors
  const broken = streaming(model, finest(model), async (name, rows) => {
    if (name.includes('layers.1.mlp')) throw new Error('the file is gone')
    return read(name, rows)
  })
  await assert.rejects(lossOf(model, broken, [batch('main')]), /the file is gone/)
  await assert.rejects(gradientOf(model, broken, [batch('main')]), /the file is gone/)
  assert.equal(tf.memory().numTensors, before)
})

const llama = {
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 160,
  num_hidden_layers: 12,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 3000,
}
const bert = {
  model_type: 'bert',
  architectures: ['BertForMaskedLM'],
  hidden_size: 64,
  intermediate_size: 256,
  num_hidden_layers: 12,
  num_attention_heads: 4,
  vocab_size: 3000,
}
const load: Load = { total: 512, largest: 256, columns: 64, counted: 64 }

test('a plan covers the chain and the vocabulary in order; the least that an error names would do, and hardly less', () => {
  for (const config of [llama, bert]) {
    const model = loadModel(config)
    fc.assert(
      fc.property(
        fc.option(fc.integer({ min: 1e5, max: 4e8 }), { nil: Infinity }),
        fc.constantFrom('forward', 'gradient', 'generation', 'divergence'),
        (bytes, kind) => {
          try {
            const { stretches, together } = planStretches(model, bytes, load, { kind })
            assert.deepEqual(
              stretches.flatMap(({ blocks }) => blocks),
              model.blocks,
            )
            assert.ok(together >= load.largest && together <= load.total)
            if (kind === 'divergence') assert.deepEqual(stretches.at(-1)!.blocks, [model.blocks.at(-1)])
            for (const { blocks, parts } of stretches.filter(({ parts }) => parts.length > 1)) {
              const rows = model.shapes[blocks[0]!.split!.weights[0]!]![0]
              assert.deepEqual(
                parts.map((part) => part!.from),
                [0, ...parts.slice(0, -1).map((part) => part!.to)],
              )
              assert.equal(parts.at(-1)!.to, rows)
            }
          } catch (error) {
            const [, least] =
              /the least that would do is ([\d.]+) MB/.exec((error as Error).message) ?? assert.fail(String(error))
            assert.ok(bytes < Number(least) * 1e6)
            planStretches(model, Number(least) * 1e6, load, { kind })
            assert.throws(
              () => planStretches(model, 0.9 * Number(least) * 1e6, load, { kind }),
              /too small for the block/,
            )
          }
        },
      ),
    )
  }
})

const textBatch = (rows: number, columns: number, first: number): Batch => {
  const ids = Int32Array.from({ length: rows * columns }, (_, i) => (37 * i + first) % 3000)
  return {
    rows,
    columns,
    ids,
    mask: new Int32Array(ids.length).fill(1),
    positions: ids.map((_, i) => i % columns),
    labels: ids.map((id, i) => (i % 4 ? -100 : id)),
    items: Int32Array.from({ length: rows }, (_, i) => first + i),
  }
}

/** Most bytes of the wasm heap in use at a time during `work`, beside those in use before. */
async function peakOf(work: () => Promise<unknown>): Promise<number> {
  const { wasm } = tf.backend() as unknown as { wasm: { _malloc(bytes: number): number; _free(address: number): void } }
  const { _malloc, _free } = wasm
  const sizes = new Map<number, number>()
  let [now, peak] = [0, 0]
  wasm._malloc = (bytes) => {
    const address = _malloc(bytes)
    sizes.set(address, bytes)
    peak = Math.max(peak, (now += bytes))
    return address
  }
  wasm._free = (address) => {
    now -= sizes.get(address) ?? 0
    sizes.delete(address)
    _free(address)
  }
  await work().finally(() => Object.assign(wasm, { _malloc, _free }))
  return peak
}

const nowhere: Sink = () => {}

/** Gradients of a model, of its loss or of its divergence from itself, at two places. */
const PULLS = {
  gradient: (model: Model, weights: Weights | Source, batches: Batch[]) =>
    pullBack(model, weights, batches, { names: new Set(Object.keys(model.shapes)), sink: nowhere }),
  divergence: (model: Model, weights: Weights | Source, batches: Batch[]) => {
    const still = sourceOf(model, weights)
    const points = [still, still].map((source) => ({ source, sink: nowhere }))
    return pullDivergence(model, { still, points }, batches, new Set(Object.keys(model.shapes)))
  },
}
const KINDS = ['gradient', 'divergence'] as const

test('tensors stay within the bound where held weights do not', async () => {
  await setBackend('wasm')
  for (const config of [llama, bert]) {
    const model = loadModel(config)
    const values = new Map(
      Object.entries(model.shapes).map(([name, shape]) => {
        const size = shape.reduce((a, b) => a * b, 1)
        return [name, Float32Array.from({ length: size }, (_, i) => (shape.length === 1 ? 1 : 0.1 * Math.sin(i * i)))]
      }),
    )
    const encode = (tokens: number) =>
      Array.from({ length: 4 }, (_, i) => textBatch(Math.max(1, Math.min(4, tokens / 64)), 64, 10 * i))
    const weights = Object.fromEntries([...values].map(([name, each]) => [name, tf.tensor(each, model.shapes[name])]))
    const bytes = 16e6
    assert.ok((await peakOf(() => PULLS.gradient(model, weights, encode(4096)))) > bytes)
    tf.dispose(weights)
    for (const kind of KINDS) {
      const { batches, over } = await fitBatches(model, bytes, kind, async (tokens) => encode(tokens))
      const peak = await peakOf(() => PULLS[kind](model, over(readerOf(model, values)), batches))
      assert.ok(peak < bytes, `${kind}: ${peak} bytes of tensors under a bound of ${bytes}`)
      assert.ok(peak > bytes / 5, `${kind}: ${peak} bytes: the bound is put to use`)
    }
  }
})

test('Gemma 2, whose caps keep scores and logits again, stays within the least bound of a gradient', async () => {
  await setBackend('wasm')
  const sizes = { hidden_size: 32, intermediate_size: 64, num_hidden_layers: 1, num_attention_heads: 4, head_dim: 8 }
  const model = loadModel({ ...sizes, model_type: 'gemma2', num_key_value_heads: 2, vocab_size: 3000 })
  const values = new Map(
    Object.entries(model.shapes).map(([name, shape]) => [
      name,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 0.1 * Math.sin(i * i)),
    ]),
  )
  // Long texts, where scores take most; short ones in a bound with room for the logits of a whole vocabulary.
  for (const [columns, factor] of [
    [256, 1],
    [32, 2],
  ] as const) {
    const encode = async () => [textBatch(256 / columns, columns, 0)]
    for (const kind of KINDS) {
      const refused = await fitBatches(model, 1, kind, encode).catch((error: Error) => error.message)
      const bytes = factor * 1e6 * Number(/would do is ([\d.]+) MB/.exec(refused as string)![1])
      const { batches, over } = await fitBatches(model, bytes, kind, encode)
      const peak = await peakOf(() => PULLS[kind](model, over(readerOf(model, values)), batches))
      assert.ok(peak < bytes, `${columns} columns, ${kind}: ${peak} bytes of tensors under a bound of ${bytes}`)
    }
  }
})

test('a generation has room for the keys and values of T5-11b, which are wider than its hidden states', () => {
  const model = loadModel({
    model_type: 't5',
    architectures: ['T5ForConditionalGeneration'],
    vocab_size: 100,
    d_model: 8,
    d_kv: 64,
    num_heads: 64,
    d_ff: 8,
    num_layers: 24,
    decoder_start_token_id: 0,
  })
  const cached = 24 * 2 * 1000 * 64 * 64 * 4
  const wide: Load = { total: 1000, largest: 1000, columns: 10, counted: 1 }
  assert.throws(() => planStretches(model, cached, wide, { kind: 'generation' }), /too small/)
})
