// A forward pass of a Llama of 97.5M parameters over 512 tokens on wasm, one thread, against stock tfjs-backend-wasm.
import { lossOf } from '../src/loss/index.js'
import { tf } from '../src/tensor/index.js'
import { type Comparison, compare } from './compare.js'
import { anyBatch, randomLlama, type Sizes } from './random-llama.js'
import { kernelSets } from './stock-kernels.js'

const SIZES: Sizes = {
  hidden_size: 768,
  intermediate_size: 2048,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  vocab_size: 8192,
  max_position_embeddings: 512,
}

export async function run(): Promise<Comparison[]> {
  const { ours, stock } = await kernelSets()
  const { model, weights } = randomLlama(SIZES)
  const batch = anyBatch(1, 512, SIZES.vocab_size)
  const pass = () => lossOf(model, weights, [batch])
  const comparison = await compare({
    name: 'forward pass of a 97.5M Llama, 512 tokens, against stock wasm',
    goal: 3,
    ours: () => (ours(), pass()),
    theirs: () => (stock(), pass()),
    rounds: 1,
  })
  ours()
  tf.dispose(weights)
  return [comparison]
}
