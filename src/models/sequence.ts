// Token sequences as padded batches, with labels on the answer only.
import { type Batch, IGNORED } from './batch.js'

export interface Sequence {
  prompt: readonly number[]
  /** Answer tokens, end-of-text included: the only ones that are counted in a loss. */
  target: readonly number[]
  /** The first so many tokens of the target are read and not predicted: they have no label. None unless given. */
  unscored?: number
}

/** What a model says of the sequences that it reads. */
export interface Reads {
  /** A last token beyond them stands on the last one, for nothing looks at it. */
  positions?: number
  /** Of an encoder–decoder, as `Model` has it: the prompt goes to the encoder, and this token and the target to the decoder. */
  start?: number | undefined
}

/**
 * The sequence without the first tokens of its prompt, where a model with so many positions sees no more. The last token of
 * a target is predicted and not read, so that one token more than the positions has room.
 */
export function fitSequence(sequence: Sequence, { positions = Infinity, start }: Reads): Sequence {
  const { prompt, target } = sequence
  const room = start === undefined ? positions + 1 - target.length : positions
  return prompt.length <= room ? sequence : { ...sequence, prompt: prompt.slice(-room) }
}

const lengthOf = ({ prompt, target }: Sequence) => prompt.length + target.length
const longest = (lengths: readonly number[]) => lengths.reduce((a, b) => Math.max(a, b), 0)

/** One right-padded batch of the sequences at `items` (indices into `sequences`). */
export function padBatch(
  sequences: readonly Sequence[],
  items: readonly number[],
  pad: number,
  { positions = Infinity, start }: Reads = {},
): Batch {
  const all = items.map((item) => sequences[item]!)
  if (start === undefined) return { ...padSequences(all, pad, positions), items: Int32Array.from(items) }
  const prompts = padSequences(
    all.map(({ prompt }) => ({ prompt, target: [] })),
    pad,
  )
  const answers = padSequences(
    all.map((each) => ({ ...each, prompt: [start] })),
    pad,
  )
  const { columns, ids, mask } = prompts
  return { ...answers, items: Int32Array.from(items), encoder: { columns, ids, mask } }
}

function padSequences(sequences: readonly Sequence[], pad: number, positions = Infinity): Omit<Batch, 'items'> {
  const rows = sequences.length
  const columns = longest(sequences.map(lengthOf))
  const batch = {
    rows,
    columns,
    ids: new Int32Array(rows * columns).fill(pad),
    mask: new Int32Array(rows * columns),
    positions: Int32Array.from({ length: rows * columns }, (_, i) => Math.min(i % columns, positions - 1)),
    labels: new Int32Array(rows * columns).fill(IGNORED),
  }
  sequences.forEach(({ prompt, target, unscored = 0 }, row) => {
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
  reads: Reads = {},
): Batch[] {
  const apart = reads.start !== undefined
  const sizeOf = (item: number) => (apart ? sequences[item]!.prompt.length : lengthOf(sequences[item]!))
  const order = [...sequences.keys()].sort((a, b) => sizeOf(a) - sizeOf(b) || a - b)
  const batches: Batch[] = []
  let [group, answer]: [number[], number] = [[], 0]
  for (const item of order) {
    // What the decoder reads, with the token that starts it.
    const own = apart ? 1 + sequences[item]!.target.length : 0
    if (group.length && (group.length + 1) * (sizeOf(item) + Math.max(answer, own)) > batchTokens) {
      batches.push(padBatch(sequences, group, pad, reads))
      ;[group, answer] = [[], 0]
    }
    group.push(item)
    answer = Math.max(answer, own)
  }
  if (group.length) batches.push(padBatch(sequences, group, pad, reads))
  return batches
}
