// Token sequences as padded batches, with labels on the answer only.
import { type Batch, IGNORED } from './batch.js'

export interface Sequence {
  prompt: readonly number[]
  /** Answer tokens, end-of-text included: the only ones that are counted in a loss. */
  target: readonly number[]
  /** The first so many tokens of the target are read and not predicted: they have no label. None unless given. */
  unscored?: number
}

/**
 * The sequence without the first tokens of its prompt, where a model with so many positions sees no more. The last token of
 * a target is predicted and not read, so that one token more than the positions has room.
 */
export function fitSequence(sequence: Sequence, positions: number): Sequence {
  const { prompt, target } = sequence
  const room = positions + 1 - target.length
  return prompt.length <= room ? sequence : { ...sequence, prompt: prompt.slice(-room) }
}

const lengthOf = ({ prompt, target }: Sequence) => prompt.length + target.length

/**
 * One right-padded batch of the sequences at `items` (indices into `sequences`).
 * @param positions of the model: a last token beyond them stands on the last one, for nothing looks at it
 */
export function padBatch(
  sequences: readonly Sequence[],
  items: readonly number[],
  pad: number,
  positions = Infinity,
): Batch {
  const rows = items.length
  const columns = Math.max(...items.map((i) => lengthOf(sequences[i]!)))
  const batch: Batch = {
    rows,
    columns,
    ids: new Int32Array(rows * columns).fill(pad),
    mask: new Int32Array(rows * columns),
    positions: Int32Array.from({ length: rows * columns }, (_, i) => Math.min(i % columns, positions - 1)),
    labels: new Int32Array(rows * columns).fill(IGNORED),
    items: Int32Array.from(items),
  }
  items.forEach((item, row) => {
    const { prompt, target, unscored = 0 } = sequences[item]!
    const start = row * columns
    batch.ids.set(prompt, start)
    batch.ids.set(target, start + prompt.length)
    batch.labels.set(target.slice(unscored), start + prompt.length + unscored)
    batch.mask.fill(1, start, start + prompt.length + target.length)
  })
  return batch
}

/** All sequences in batches of at most `batchTokens` padded tokens, sorted by length so that little is padding. */
export function batchesOf(
  sequences: readonly Sequence[],
  pad: number,
  batchTokens: number,
  positions?: number,
): Batch[] {
  const order = [...sequences.keys()].sort((a, b) => lengthOf(sequences[a]!) - lengthOf(sequences[b]!) || a - b)
  const batches: Batch[] = []
  let group: number[] = []
  for (const item of order) {
    if (group.length && (group.length + 1) * lengthOf(sequences[item]!) > batchTokens) {
      batches.push(padBatch(sequences, group, pad, positions))
      group = []
    }
    group.push(item)
  }
  if (group.length) batches.push(padBatch(sequences, group, pad, positions))
  return batches
}
