// The batches that two models are compared on, and what each model needs to read them.
import {
  type Batch,
  countOutputs,
  type Feed,
  type Model,
  makeInputs,
  paddedTokens,
  type Source,
  type Weights,
} from '../models/index.js'
import type { KeptStates } from './states.js'

/** A model under some weights, held or read block by block. */
export interface Compared {
  model: Model
  weights: Weights | Source
  /** Of a zero-shot model: its own text features of the classes, where those of the batches are another's. */
  classes?: Float32Array | undefined
  /** Where its last hidden states are kept, which are far fewer than logits and give the same bits. */
  states?: KeptStates | undefined
}

/** A batch on its way. */
export interface ComparedPass extends Feed {
  batch: Batch
  /** Item, and right outcome, of each position. */
  items: number[]
  labels: ArrayLike<number>
}

/** The batch with these text features; pixels may be read when they are asked for. */
const withClasses = (batch: Batch, classes: Float32Array | undefined): Batch =>
  classes
    ? Object.defineProperties({} as Batch, { ...Object.getOwnPropertyDescriptors(batch), classes: { value: classes } })
    : batch

/** The passes of a model that count outputs, and the sequence of each of these outputs. */
export function preparePasses({ model, classes }: Compared, given: readonly Batch[]) {
  const batches = given.map((batch) => withClasses(batch, classes))
  const sequences: number[] = []
  let before = 0
  const passes = batches.map((batch): ComparedPass => {
    const { at, labels, rows } = countOutputs(model, batch)
    for (const row of rows) sequences.push(before + row)
    before += batch.rows
    return {
      batch,
      tokens: paddedTokens(model, batch),
      rows: batch.rows,
      open: () => makeInputs(model, batch, { wanted: at }),
      items: Array.from(rows, (row) => batch.items[row]!),
      labels,
    }
  })
  return { passes: passes.filter(({ items }) => items.length), sequences: Int32Array.from(sequences) }
}
