// Last hidden states of the post-trained model, kept for the edits that are compared with it: they give its logits again, bit for bit,
// and are far fewer.
import type { Batch } from '../models/index.js'

/** Last hidden states before the head by batch, [positions, width] in the order of the loss; outputs where the head is no block of its own. */
export interface KeptStates {
  recall(batch: Batch): Promise<Float32Array | undefined>
  keep(batch: Batch, states: Float32Array): Promise<void>
}

/** Bytes that are kept in memory; beyond them states are made again. */
const MOST_BYTES = 1 << 28

/** Keeps states in memory as long as their batches. */
export function keepStates(): KeptStates {
  const states = new WeakMap<Batch, Float32Array>()
  let bytes = 0
  return {
    recall: async (batch) => states.get(batch),
    async keep(batch, values) {
      if (bytes + values.byteLength > MOST_BYTES) return
      bytes += values.byteLength
      states.set(batch, values)
    },
  }
}
