// A pass over weights that are read from a checkpoint, against the same pass over weights that are held: an 8M-parameter Llama
// in bf16, 1024 tokens. With a bound that fits the model, and with the least bound.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCheckpoint } from '../src/checkpoint/index.js'
import { fitBatches, lossOf, pullBack, rowsOf } from '../src/loss/index.js'
import { loadModel } from '../src/models/index.js'
import { setBackend, tf } from '../src/tensor/index.js'
import { writeRandom } from '../src/train/random.js'
import { type Comparison, compare } from './compare.js'
import { anyBatch } from './random-llama.js'

const config = {
  model_type: 'llama',
  hidden_size: 256,
  intermediate_size: 704,
  num_hidden_layers: 8,
  num_attention_heads: 4,
  vocab_size: 4000,
  max_position_embeddings: 256,
}

export async function run(): Promise<Comparison[]> {
  await setBackend('wasm')
  const folder = await mkdtemp(join(tmpdir(), 'deltalab-bench-'))
  try {
    await writeRandom(join(folder, 'model'), { config, seed: 0, dtype: 'BF16', amount: 1 })
    const checkpoint = await openCheckpoint(join(folder, 'model'))
    const model = loadModel(config)
    const held: Record<string, tf.Tensor> = {}
    for (const [name, shape] of Object.entries(model.shapes)) held[name] = tf.tensor(await checkpoint.read(name), shape)
    const names = new Set(Object.keys(model.shapes))
    const batches = Array.from({ length: 4 }, () => anyBatch(2, 128, config.vocab_size, 4))
    const source = async (bytes: number, kind: 'forward' | 'gradient') =>
      (await fitBatches(model, bytes, kind, async () => batches)).over(rowsOf(checkpoint))
    const [forward, gradient] = [
      (weights: Parameters<typeof lossOf>[1]) => lossOf(model, weights, batches),
      (weights: Parameters<typeof lossOf>[1]) => pullBack(model, weights, batches, { names, sink: () => {} }),
    ]
    const comparisons: Comparison[] = []
    for (const [what, pass, kind, bounds] of [
      ['forward pass', forward, 'forward', [4e9, 40e6]],
      ['gradient', gradient, 'gradient', [4e9, 80e6]],
    ] as const) {
      for (const bytes of bounds) {
        const streamed = await source(bytes, kind)
        const name = `${what} of a streamed 8M Llama within ${bytes / 1e6} MB, against held weights`
        comparisons.push(
          await compare({
            name,
            goal: 0.77,
            ours: () => pass(streamed),
            theirs: () => pass(held),
            rounds: 3,
          }),
        )
      }
    }
    tf.dispose(held)
    await checkpoint.close()
    return comparisons
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
