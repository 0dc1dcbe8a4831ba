// A training step and a forward pass of a 0.84M-parameter Llama on wasm, one thread, against stock tfjs-backend-wasm.
import { gradientOf, lossOf } from '../src/loss/index.js'
import { type Comparison, compare } from './compare.js'
import { anyBatch, randomLlama, SMALL } from './random-llama.js'
import { kernelSets } from './stock-kernels.js'

export async function run(): Promise<Comparison[]> {
  const { ours, stock } = await kernelSets()
  const { model, weights } = randomLlama(SMALL)
  const batch = anyBatch(32, 64, SMALL.vocab_size)
  const measure = (name: string, goal: number, pass: () => Promise<unknown>) =>
    compare({
      name,
      goal,
      ours: () => (ours(), pass()),
      theirs: () => (stock(), pass()),
      rounds: 3,
    })
  const comparisons = [
    await measure('training step (loss and gradient) of a 0.84M Llama, 2048 tokens, against stock wasm', 6, () =>
      gradientOf(model, weights, [batch]),
    ),
    await measure('forward pass of a 0.84M Llama, 2048 tokens, against stock wasm', 2, () =>
      lossOf(model, weights, [batch]),
    ),
  ]
  ours()
  return comparisons
}
