// A forward pass of a Llama of 97.5M parameters over 512 tokens on wasm, one thread, against stock tfjs-backend-wasm.
import { lossOf } from '../src/loss/index.js'
import { tf } from '../src/tensor/index.js'
import { type Comparison, compare } from './compare.js'
import { anyBatch, LARGE, randomLlama } from './random-llama.js'
import { kernelSets } from './stock-kernels.js'

export async function run(): Promise<Comparison[]> {
  const { ours, stock } = await kernelSets()
  const { model, weights } = randomLlama(LARGE)
  const batch = anyBatch(1, 512, LARGE.vocab_size)
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
