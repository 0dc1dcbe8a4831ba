// Llamas with random weights, and batches of arbitrary tokens, for the benchmarks.
import { type Batch, loadModel, type Model, type Weights } from '../src/models/index.js'
import { tf } from '../src/tensor/index.js'

export interface Sizes {
  hidden_size: number
  intermediate_size: number
  num_hidden_layers: number
  num_attention_heads: number
  num_key_value_heads?: number
  vocab_size: number
  max_position_embeddings: number
}

/** The Llama of 0.84M parameters that training and attribution are measured on. */
export const SMALL: Sizes = {
  hidden_size: 128,
  intermediate_size: 352,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 409,
  max_position_embeddings: 128,
}

/** One of 97.5M. */
export const LARGE: Sizes = {
  hidden_size: 768,
  intermediate_size: 2048,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  vocab_size: 8192,
  max_position_embeddings: 512,
}

export function randomLlama(sizes: Sizes): { model: Model; weights: Weights } {
  const model = loadModel({ model_type: 'llama', ...sizes })
  const weights = Object.fromEntries(
    Object.entries(model.shapes).map(([name, shape]) => [
      name,
      shape.length > 1 ? tf.randomNormal(shape, 0, shape[1]! ** -0.5) : tf.ones(shape),
    ]),
  )
  return { model, weights }
}

/** Full rows; one token in `every` is counted. */
export function anyBatch(rows: number, columns: number, vocabulary: number, every = 1): Batch {
  const ids = Int32Array.from({ length: rows * columns }, (_, i) => (i * 7919) % vocabulary)
  return {
    rows,
    columns,
    ids,
    labels: ids.map((id, i) => (i % every ? -100 : id)),
    mask: ids.map(() => 1),
    positions: ids.map((_, i) => i % columns),
    items: Int32Array.from({ length: rows }, (_, i) => i),
  }
}
