// Held weights for derivatives: in as many stretches, or for as many rows at a time, as their tapes need to fit.
import { totalmem } from 'node:os'
import {
  type Batch,
  holding,
  type Model,
  type PassKind,
  planHeld,
  type Source,
  sliceBatch,
  sourceOf,
  tapeBytes,
  type Weights,
} from '../models/index.js'
import { heapBytes, tf } from '../tensor/index.js'
import { loadOf } from './stream.js'

/** The weights of a gradient on these batches, which are passed one after the other. A source stays as it is planned. */
export function tapeSource(
  model: Model,
  weights: Weights | Source,
  batches: readonly Batch[],
  kind: PassKind & ('gradient' | 'divergence') = 'gradient',
): Source {
  const given = sourceOf(model, weights)
  if (given === weights) return given
  return holdWithin(model, weights as Weights, batches, { kind, bytes: room() })
}

/** Held weights for passes of these batches that take so many bytes beside them. */
export const holdWithin = (
  model: Model,
  weights: Weights,
  batches: readonly Batch[],
  { kind, bytes }: { kind: PassKind; bytes: number },
): Source => holding(model, weights, planHeld(model, Math.min(bytes, room()), loadOf(model, batches), kind))

/** Bytes for a tape, beside the tensors that are there already. */
const room = (): number => Math.min(heapBytes(), totalmem() / 2) - tf.memory().numBytes

/** Tapes of a gradient, as estimated, that the tape of its own derivative takes of the wasm heap: measured on Llama, Gemma 2, BERT and ModernBERT. */
const TAPES = 5.5

/** The same items in batches of which the tape of a second derivative, through the whole chain, fits; at least one row each. */
export function taylorBatches(model: Model, batches: readonly Batch[]): Batch[] {
  const bound = room() / TAPES
  const fits = (batch: Batch) => tapeBytes(model, loadOf(model, [batch])) <= bound
  return batches.flatMap((batch) => {
    let pieces = 1
    const size = () => Math.ceil(batch.rows / pieces)
    while (size() > 1 && !fits(sliceBatch(batch, 0, size()))) pieces++
    return Array.from({ length: Math.ceil(batch.rows / size()) }, (_, i) =>
      pieces === 1 ? batch : sliceBatch(batch, i * size(), Math.min(batch.rows, (i + 1) * size())),
    )
  })
}
