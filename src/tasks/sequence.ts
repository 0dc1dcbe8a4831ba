// Items as token sequences, and sequences as padded batches with labels on the answer only.
import { IGNORED, type Batch } from '../tensor/index.js'

export interface Sequence {
  prompt: readonly number[]
  /** Answer tokens, end-of-text included: the only ones that are counted in a loss. */
  target: readonly number[]
}

/** What is needed of a tokenizer. */
export interface Encoder {
  encode(texts: readonly string[], options?: { special?: boolean }): Promise<number[][]>
  eos: number
}

export async function sequencesOf(items: readonly { prompt: string; target: string }[], { encode, eos }: Encoder): Promise<Sequence[]> {
  const prompts = await encode(items.map(({ prompt }) => prompt), { special: true })
  const targets = await encode(items.map(({ target }) => target))
  return prompts.map((prompt, i) => ({ prompt, target: [...targets[i], eos] }))
}

export interface Continuation {
  context: string
  text: string
}

/**
 * Texts that are scored after a context, as lm-evaluation-harness encodes them: both together, cut where the context alone
 * ends; spaces at the end of the context go to the text. An empty context is the begin (or end) of text.
 */
export async function continuationsOf(continuations: readonly Continuation[], { encode, eos }: Encoder): Promise<Sequence[]> {
  const prompts = await encode(continuations.map(({ context }) => context.trimEnd()), { special: true })
  const wholes = await encode(continuations.map(({ context, text }) => context + text), { special: true })
  return prompts.map((prompt, i) => (prompt.length === 0 ? { prompt: [eos], target: wholes[i] } : { prompt, target: wholes[i].slice(prompt.length) }))
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
