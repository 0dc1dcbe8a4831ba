// The divergence of one edit of a Llama of 97.5M parameters on wasm, against two passes that measure a loss: what
// either model's own loss would cost. And with 128,000 tokens in the vocabulary.
import { divergenceOf } from '../src/divergence/index.js'
import { lossOf } from '../src/loss/index.js'
import type { Batch, Weights } from '../src/models/index.js'
import { setBackend, tf } from '../src/tensor/index.js'
import { type Comparison, timeOf } from './compare.js'
import { anyBatch, LARGE, randomLlama, type Sizes } from './random-llama.js'

/** Small layers below a large vocabulary: the head is nearly all that there is. */
const WIDE: Sizes = {
  ...LARGE,
  hidden_size: 128,
  intermediate_size: 352,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  vocab_size: 128_000,
}

export async function run(): Promise<Comparison[]> {
  await setBackend('wasm')
  return [
    await measure('divergence of a 97.5M Llama, 4,096 tokens, against two losses', LARGE, { rows: 8, goal: 1 / 1.3 }),
    await measure('the same with 128,000 tokens and small layers, 512 tokens', WIDE, { rows: 1, goal: 0.4 }),
  ]
}

/** Once each, because a pass takes half a minute; a short batch warms both up. */
async function measure(
  name: string,
  sizes: Sizes,
  { rows, goal }: { rows: number; goal: number },
): Promise<Comparison> {
  const { model, weights: post } = randomLlama(sizes)
  const edited: Weights = Object.fromEntries(
    Object.entries(post).map(([name, tensor]) => [name, tf.tidy(() => tensor.mul(1.001))]),
  )
  const ours = (batch: Batch) => timeOf(() => divergenceOf(model, { post, edited }, [batch]))
  const theirs = (batch: Batch) =>
    timeOf(async () => {
      await lossOf(model, post, [batch])
      await lossOf(model, edited, [batch])
    })
  const [short, long] = [16, 512].map((columns) => anyBatch(columns < 512 ? 1 : rows, columns, sizes.vocab_size))
  await ours(short!)
  await theirs(short!)
  const times = { theirs: await theirs(long!), ours: await ours(long!) }
  tf.dispose([post, edited])
  return { name, ratio: times.theirs / times.ours, ...times, goal, met: undefined }
}
