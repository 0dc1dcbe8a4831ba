// Inputs of the linear layers of a model: the calibration data of GPTQ and RegMean.
import { type Batch, disposeInputs, forward, type Model, makeInputs, type Weights, watched } from '../models/index.js'
import { type Tensor, tf } from '../tensor/index.js'

export interface FedInputs {
  tokens: number
  /** [tokens, inputs of the layer], row-major; padding is left out. */
  values: Float32Array
}

/**
 * Inputs of the linear layers `names` (those that the model has; others are left out) under weights that are held. One batch
 * in memory at a time beside what is returned: tokens × inputs floats per layer.
 */
export async function layerInputs(
  model: Model,
  weights: Weights,
  batches: readonly Batch[],
  names: readonly string[],
): Promise<Map<string, FedInputs>> {
  const wanted = new Set(names)
  const encoded = new Set(model.encoded)
  const parts = new Map<string, Float32Array[]>()
  const widths = new Map<string, number>()
  for (const batch of batches) {
    const seen = new Map<string, Tensor>()
    const inputs = makeInputs(model, batch)
    tf.tidy(() => {
      // Rows of padding are dropped where rows are tokens; a pooled input has none.
      const realRows = (name: string, x: Tensor, tokens?: Int32Array): Int32Array | null => {
        const { mask } = encoded.has(name) ? batch.encoder! : batch
        const numbers = tokens ?? Int32Array.from(mask.keys())
        const real = Int32Array.from(numbers.keys()).filter((i) => mask[numbers[i]!] === 1)
        return x.shape[0] === numbers.length && real.length < numbers.length ? real : null
      }
      const observe = (name: string, x: Tensor, tokens?: Int32Array) => {
        if (!wanted.has(name) || seen.has(name)) return
        const kept = realRows(name, x, tokens)
        if (kept?.length !== 0) seen.set(name, tf.keep(kept ? tf.gather(x, kept) : x.clone()))
      }
      forward(model, watched(weights, observe), inputs)
    })
    disposeInputs(inputs)
    for (const [name, x] of seen) {
      if (!parts.has(name)) parts.set(name, [])
      widths.set(name, x.shape.at(-1)!)
      parts.get(name)!.push((await x.data()) as Float32Array)
      x.dispose()
    }
  }
  return new Map(
    [...parts].map(([name, chunks]) => {
      const values = new Float32Array(chunks.reduce((sum, { length }) => sum + length, 0))
      chunks.reduce((at, chunk) => (values.set(chunk, at), at + chunk.length), 0)
      return [name, { tokens: values.length / widths.get(name)!, values }]
    }),
  )
}
