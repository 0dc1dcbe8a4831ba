// A gradient of held weights keeps no larger tape than fits: its stretches, and that they change nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gradientOf, riemannSum, taylor2 } from '../../src/loss/index.js'
import { loadOf } from '../../src/loss/stream.js'
import { tapeSource, taylorBatches } from '../../src/loss/tape.js'
import {
  type Batch,
  holding,
  loadModel,
  planHeld,
  type Stretch,
  sliceBatch,
  tapeBytes,
  type Weights,
} from '../../src/models/index.js'
import { heapBytes, keyedNormal, keyOf, setBackend, tf } from '../../src/tensor/index.js'
import { openFixture, worst } from '../models/fixture.js'
import { changeOf } from '../models/probe.js'
import { finest } from '../models/streamed.js'

/** rxnfp: BERT of 12 layers of width 256, whose gradient of 8,192 tokens of texts of 128 tokens takes more than the wasm heap has. */
const deep = () =>
  loadModel({
    model_type: 'bert',
    architectures: ['BertForSequenceClassification'],
    hidden_size: 256,
    num_hidden_layers: 12,
    num_attention_heads: 4,
    intermediate_size: 512,
    vocab_size: 591,
    max_position_embeddings: 512,
    num_labels: 50,
  })

const padded = (rows: number, columns: number): Batch => ({
  rows,
  columns,
  ids: new Int32Array(rows * columns),
  mask: new Int32Array(rows * columns).fill(1),
  positions: Int32Array.from({ length: rows * columns }, (_, i) => i % columns),
  labels: new Int32Array(rows * columns),
  items: Int32Array.from({ length: rows }, (_, i) => i),
  targets: new Float32Array(rows),
})

/** Bytes of all tensors at most while it works. */
const peakOf = async (work: () => Promise<unknown>) => {
  const { peakBytes, result } = await tf.profile(async () => (await work(), tf.scalar(0)))
  tf.dispose(result)
  return peakBytes
}

/** Bytes of the heap that wasm holds at most while it works, beyond those that it holds already: TensorFlow.js counts what clones share twice. */
async function heapPeakOf(work: () => Promise<unknown>): Promise<number> {
  const { wasm } = tf.backend() as unknown as { wasm: Record<'_malloc' | '_free', (number: number) => number> }
  const { _malloc: allocate, _free: free } = wasm
  const sizes = new Map<number, number>()
  let [held, peak] = [0, 0]
  wasm._malloc = (bytes) => {
    const address = allocate(bytes)
    sizes.set(address, bytes)
    peak = Math.max(peak, (held += bytes))
    return address
  }
  wasm._free = (address) => {
    held -= sizes.get(address) ?? 0
    sizes.delete(address)
    return free(address)
  }
  await work()
  Object.assign(wasm, { _malloc: allocate, _free: free })
  return peak
}

const filled = (shape: number[]) => new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1e-3)

test('a deep model is passed in stretches whose tapes fit, a shallow one or a small batch in one', async () => {
  await setBackend('wasm')
  const blocksOf = (rows: number) =>
    tapeSource(deep(), {}, [padded(1, 8), padded(rows, 128)]).stretches.map(({ blocks }) => blocks.length)
  const cut = blocksOf(64)
  assert.ok(cut.length > 1, `${cut}`)
  assert.equal(
    cut.reduce((a, b) => a + b),
    deep().blocks.length,
  )
  assert.deepEqual(blocksOf(4), [deep().blocks.length])
  // The bound is that of the heap, without what is there already.
  const load = { largest: 8192, columns: 128, counted: 64 }
  assert.ok(planHeld(deep(), heapBytes() / 2, load, 'gradient').length > cut.length)
  // A second derivative is taken of fewer rows at a time.
  const pieces = taylorBatches(deep(), [padded(1, 8), padded(32, 128)])
  assert.ok(pieces.length > 2)
  assert.deepEqual(
    pieces.flatMap(({ items }) => [...items]),
    [0, ...padded(32, 128).items],
  )
  assert.equal(taylorBatches(deep(), [padded(2, 128)]).length, 1)
  // Where not even one block has room, as fine as may be.
  assert.equal(planHeld(deep(), 1, load, 'gradient').length, deep().blocks.length)
})

test('a tape takes at most what is reckoned, and half of it or more', async () => {
  await setBackend('wasm')
  const sizes = { hidden_size: 64, num_hidden_layers: 3, num_attention_heads: 4, vocab_size: 200 }
  const shared = { ...sizes, intermediate_size: 192, max_position_embeddings: 64 }
  const configs = [
    { ...shared, model_type: 'llama', num_key_value_heads: 2 },
    { ...shared, model_type: 'gemma2', num_key_value_heads: 2, head_dim: 16 },
    { ...shared, model_type: 'bert', architectures: ['BertForSequenceClassification'] },
    { model_type: 'gpt2', n_embd: 64, n_layer: 3, n_head: 4, vocab_size: 200, n_positions: 64 },
  ]
  for (const config of configs) {
    const model = loadModel(config)
    const drawn = Object.entries(model.shapes).map(([name, shape]) => [name, keyedNormal(shape, keyOf(name)).mul(0.1)])
    const weights: Weights = Object.fromEntries(drawn)
    const change = new Map(Object.entries(model.shapes).map(([name, shape]) => [name, filled(shape)]))
    for (const [rows, columns] of [
      [1, 2],
      [8, 48],
    ] as const) {
      const batch = padded(rows, columns)
      const bound = tapeBytes(model, loadOf(model, [batch]))
      const path = { post: holding(model, weights), change }
      const sum = (kind: 'task' | 'kl') => riemannSum(model, path, [batch], { rule: 'gauss', steps: 2, kind })
      const peaks = [await heapPeakOf(() => sum('task')), await heapPeakOf(() => sum('kl'))]
      for (const peak of peaks)
        assert.ok(peak < bound, `${config.model_type}, ${rows} × ${columns}: ${peaks} of ${bound}`)
      assert.ok(Math.max(...peaks) > bound / 2, `${config.model_type}, ${rows} × ${columns}: ${peaks} of ${bound}`)
    }
    tf.dispose(weights)
  }
})

for (const name of ['llama3', 'mixtral', 't5'])
  test(`${name}: held weights in stretches give the gradient and the sum of one stretch, with less memory`, async () => {
    const fixture = await openFixture(name)
    const { model, post, batch, base } = fixture
    const batches = [batch('main'), batch('single')]
    const change = changeOf(fixture, 'scale-0.5')
    const before = tf.memory().numTensors
    const single: Stretch[] = model.blocks.map((block) => ({ blocks: [block], parts: [null] }))
    const found: Awaited<ReturnType<typeof gradientOf>>[] = []
    const peaks: number[] = []
    for (const stretches of [undefined, single, finest(model).stretches])
      peaks.push(
        await peakOf(async () => found.push(await gradientOf(model, holding(model, post, stretches), batches))),
      )
    const [whole, cut, fine] = found
    assert.ok(peaks[1]! < peaks[0]!, `${peaks}`)
    assert.equal(cut!.loss.mean, whole!.loss.mean)
    // What several blocks share (T5's distances and embeddings) is summed in another order.
    const near = (tensor: string) => name === 't5' && /relative_attention_bias|shared/.test(tensor)
    for (const [tensor, values] of whole!.gradient) {
      if (!near(tensor)) assert.deepEqual(cut!.gradient.get(tensor), values, tensor)
      for (const other of [cut!, fine!]) assert.ok(worst(other.gradient.get(tensor)!, values, 1e-3) < 1e-5, tensor)
    }
    const sums: number[] = []
    for (const stretches of [undefined, single, finest(model).stretches])
      for (const kind of ['task', 'kl'] as const)
        sums.push(
          (
            await riemannSum(model, { post: holding(model, post, stretches), change }, batches, {
              rule: 'gauss',
              steps: 2,
              kind,
            })
          ).sum,
        )
    for (const [i, sum] of sums.entries())
      assert.ok(Math.abs(sum - sums[i % 2]!) < 1e-6 * Math.abs(sums[i % 2]!) + 1e-9, `${sums}`)
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
    tf.dispose([base, post])
  })

for (const name of ['roberta-regression', 'vit', 't5'])
  test(`${name}: the second-order estimate of a batch is the sum of those of its rows`, async () => {
    const fixture = await openFixture(name)
    const { model, post, batch, base } = fixture
    const main = batch('main')
    const change = changeOf(fixture, 'scale-0.5')
    const whole = await taylor2(model, { post, change }, [main])
    const rows = Array.from({ length: main.rows }, (_, row) => sliceBatch(main, row, row + 1))
    const parts = await taylor2(model, { post, change }, rows)
    for (const part of ['first', 'curvature'] as const)
      assert.ok(Math.abs(parts[part].sum - whole[part].sum) < 1e-5 * Math.abs(whole[part].sum), part)
    tf.dispose([base, post])
  })
