// Items as token sequences, and sequences as padded batches with labels on the answer only.
import { IGNORED, type Batch } from '../tensor/index.js'

export interface Sequence {
  prompt: readonly number[]
  /** Answer tokens, end-of-text included: the only ones that are counted in a loss. */
  target: readonly number[]
}

/** What is needed of a tokenizer. */
export interface Encoder {
  encode(text: string, options?: { special?: boolean }): number[]
  eos: number
}

export function sequenceOf({ prompt, target }: { prompt: string; target: string }, { encode, eos }: Encoder): Sequence {
  return { prompt: encode(prompt, { special: true }), target: [...encode(target), eos] }
}

/**
 * A text that is scored after a context, as lm-evaluation-harness encodes it: both together, cut where the context alone
 * ends; spaces at the end of the context go to the text. An empty context is the begin (or end) of text.
 */
export function continuationOf(context: string, text: string, { encode, eos }: Encoder): Sequence {
  const before = context.trimEnd()
  const prompt = encode(before, { special: true })
  const whole = encode(before + context.slice(before.length) + text, { special: true })
  if (prompt.length === 0) return { prompt: [eos], target: whole }
  return { prompt, target: whole.slice(prompt.length) }
}

/** The last `positions` tokens: what a model that sees no more is shown. */
export function fitSequence({ prompt, target }: Sequence, positions: number): Sequence {
  const room = Math.max(1, positions - target.length)
  return prompt.length <= room ? { prompt, target } : { prompt: prompt.slice(-room), target }
}

const lengthOf = ({ prompt, target }: Sequence) => prompt.length + target.length

/** One right-padded batch of the sequences at `items` (indices into `sequences`). */
export function padBatch(sequences: readonly Sequence[], items: readonly number[], pad: number): Batch {
  const rows = items.length
  const columns = Math.max(...items.map((i) => lengthOf(sequences[i])))
  const batch: Batch = {
    rows,
    columns,
    ids: new Int32Array(rows * columns).fill(pad),
    mask: new Int32Array(rows * columns),
    positions: Int32Array.from({ length: rows * columns }, (_, i) => i % columns),
    labels: new Int32Array(rows * columns).fill(IGNORED),
    items: Int32Array.from(items),
  }
  items.forEach((item, row) => {
    const { prompt, target } = sequences[item]
    const start = row * columns
    batch.ids.set(prompt, start)
    batch.ids.set(target, start + prompt.length)
    batch.labels.set(target, start + prompt.length)
    batch.mask.fill(1, start, start + prompt.length + target.length)
  })
  return batch
}

/** All sequences in batches of at most `batchTokens` padded tokens, sorted by length so that little is padding. */
export function batchesOf(sequences: readonly Sequence[], pad: number, batchTokens: number): Batch[] {
  const order = [...sequences.keys()].sort((a, b) => lengthOf(sequences[a]) - lengthOf(sequences[b]) || a - b)
  const batches: Batch[] = []
  let group: number[] = []
  for (const item of order) {
    if (group.length && (group.length + 1) * lengthOf(sequences[item]) > batchTokens) {
      batches.push(padBatch(sequences, group, pad))
      group = []
    }
    group.push(item)
  }
  if (group.length) batches.push(padBatch(sequences, group, pad))
  return batches
}
