// Edits and merges compute on wasm, whatever backend the passes of models take: the weights are the same to the bit everywhere.
// TensorFlow takes subnormal numbers for zeros, and each backend rounds matrix products in its own way.
import { automatic, type BackendName, startWasm } from './backend.js'
import { tf } from './tf.js'

/** The backend of edits and merges where this one is asked for: wasm, or the plain JavaScript that it is compared with. */
export const forWeights = (asked: BackendName = 'auto'): 'wasm' | 'cpu' =>
  (asked === 'auto' ? automatic() : asked) === 'cpu' ? 'cpu' : 'wasm'

/** The backend of edits and merges beside the one that computes now. */
export const weightsBackend = (): 'wasm' | 'cpu' => (tf.getBackend() === 'cpu' ? 'cpu' : 'wasm')

let before: string | undefined
let inside = 0
let started: Promise<unknown> | undefined

/** Runs `work` on wasm and goes back to the backend before. */
export async function onWasm<T>(work: () => Promise<T>): Promise<T> {
  const current: string | undefined = tf.getBackend()
  if (inside === 0) {
    if (current === 'wasm') return work()
    before = current
  }
  inside++
  try {
    if (current !== 'wasm') started = startWasm()
    await started
    return await work()
  } finally {
    inside--
    if (inside === 0 && before) await tf.setBackend(before)
  }
}

/** Runs work that makes weights: on the backend that computes now if that is wasm or cpu, else on wasm. */
export const makeWeights = <T>(work: () => Promise<T>): Promise<T> =>
  weightsBackend() === 'cpu' ? work() : onWasm(work)
