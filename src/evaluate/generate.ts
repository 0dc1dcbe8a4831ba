// Generation in batches with a cache of keys and values, greedy or sampled. Prompts are left-padded, so that all rows grow together.

import {
  type Batch,
  type Cache,
  disposeCache,
  type Model,
  makeCache,
  padBatch,
  reshapeCache,
  type Source,
  sourceOf,
  type Weights,
} from '../models/index.js'
import { track } from '../progress/index.js'
import type { Tensor } from '../tensor/index.js'
import { type ModelSource, nextTokens, plainBatch } from './cached.js'
import { proven } from './drafts.js'
import { keysOf, type Sampling, sampled } from './sampling.js'
import { steered, type TokenSteer } from './steering.js'

export interface GenerateOptions {
  maxNewTokens: number
  /** Tokens that end an answer, and are its last. Without any every answer has maxNewTokens tokens. */
  ends?: readonly number[]
  /** True for an answer that needs no further token. */
  stopped?: ((answer: readonly number[]) => boolean) | undefined
  /** Rows of one batch; 128, or as many as the weights' bound on memory allows. */
  rows?: number
  /** The token in front of an encoder–decoder's answer, if another than the model's. */
  start?: number | undefined
  /** What of each next token is not left to the model. */
  steer?: TokenSteer | undefined
  /** Draws each token instead of taking the likeliest. */
  sampling?: Sampling | undefined
  /**
   * What the greedy answer may be, by prompt: of at most maxNewTokens tokens, and where any end an answer, up to the first of these.
   * Those that begin with the answer's first token are proven or refuted in one pass. They change no answer.
   */
  drafts?: readonly (readonly number[] | undefined)[] | undefined
}

/** The prompts in the encoder, and the token that starts an answer in the decoder. */
function startedBatch(prompts: readonly (readonly number[])[], start: number): Batch {
  const sequences = prompts.map((prompt) => ({ prompt, target: [] }))
  return padBatch(sequences, [...sequences.keys()], start, { start })
}

function leftPadded(prompts: readonly (readonly number[])[]): Batch {
  const columns = Math.max(...prompts.map((prompt) => prompt.length))
  const size = prompts.length * columns
  const [ids, mask, positions] = [new Int32Array(size), new Int32Array(size), new Int32Array(size)]
  prompts.forEach((prompt, row) => {
    const start = row * columns + columns - prompt.length
    ids.set(prompt, start)
    mask.fill(1, start, start + prompt.length)
    prompt.forEach((_, i) => (positions[start + i] = i))
  })
  return plainBatch(prompts.length, { ids, mask, positions })
}

/** The weights that further tokens pass through: an encoder has done its part. */
const withoutEncoder = (source: Source): Source => ({
  ...source,
  stretches: source.stretches
    .map(({ blocks, parts }) => ({ blocks: blocks.filter(({ encodes }) => !encodes), parts }))
    .filter(({ blocks }) => blocks.length > 0),
})

/** Tokens that a cache has room for at a time, beyond those that are there. */
const ROOM = 32
/** A batch goes on with the rows that are open once they are at most this share of it. */
const OPEN = 0.75

/** An answer on its way. */
interface Growing {
  /** Its number among all. */
  number: number
  prompt: readonly number[]
  /** What the layers that grow it have read before its first token. */
  read: readonly number[]
  answer: number[]
  draft: readonly number[] | undefined
  open: boolean
}

/** Room for the prompts, or for more tokens behind those that are there; never for more than there will be. */
const capacityFor = (length: number, most: number): number => Math.min(length + ROOM, most)

/** Ends the answers whose drafts are what the model answers. All rows have their first token. */
async function endProven(held: ModelSource, cache: Cache, rows: readonly Growing[]): Promise<void> {
  const likely = [...rows.keys()].filter((row) => {
    const { open, answer, draft = [] } = rows[row]!
    return open && draft.length > 1 && draft[0] === answer[0]
  })
  if (!likely.length) return
  const drafts = likely.map((row) => ({ row, position: rows[row]!.read.length, tokens: rows[row]!.draft! }))
  const found = await proven(held, cache, drafts)
  for (const [i, row] of likely.entries())
    if (found[i]) {
      rows[row]!.answer.push(...drafts[i]!.tokens.slice(1))
      rows[row]!.open = false
    }
}

async function answerBatch(
  model: Model,
  source: Source,
  growing: Growing[],
  { onStep, ...options }: GenerateOptions & { onStep(share: number): void },
): Promise<void> {
  const { ends = [], maxNewTokens, steer, sampling, start = model.start } = options
  let rows = growing
  let batch =
    start === undefined
      ? leftPadded(rows.map(({ prompt }) => prompt))
      : startedBatch(
          rows.map(({ prompt }) => prompt),
          start,
        )
  const later = start === undefined ? source : withoutEncoder(source)
  // The last token of an answer is not read.
  let most = batch.columns + maxNewTokens - 1
  let cache = makeCache(rows.length, capacityFor(batch.columns, most))
  try {
    for (let made = 0; made < maxNewTokens; made++) {
      const steering = steer && rows.map(({ open, read, answer }) => (open ? steer(read, answer) : null))
      const numbers = rows.map(({ number }) => number)
      const keys = sampling && keysOf(sampling, numbers, made)
      const changes = [
        ...(steering ? [(logits: Tensor, from: number) => steered(logits, from, steering)] : []),
        ...(keys ? [(logits: Tensor, from: number) => sampled(logits, from, { ...sampling, keys })] : []),
      ]
      const wanted = Int32Array.from(rows, (_, row) => (row + 1) * batch.columns - 1)
      const tokens = await nextTokens({ model, source: made ? later : source }, batch, cache, { wanted, changes })
      for (const [i, row] of rows.entries()) {
        if (!row.open) continue
        row.answer.push(tokens[i]!)
        row.open = !ends.includes(tokens[i]!) && !options.stopped?.(row.answer)
      }
      if (made === 0) await endProven({ model, source: later }, cache, rows)
      onStep(1 / maxNewTokens)
      const open = [...rows.keys()].filter((i) => rows[i]!.open)
      if (!open.length || made + 1 === maxNewTokens) return
      if (open.some((i) => rows[i]!.prompt.length + made === model.turn)) {
        disposeCache(cache)
        rows = open.map((i) => rows[i]!)
        batch = leftPadded(rows.map(({ prompt, answer }) => [...prompt, ...answer]))
        most = batch.columns + maxNewTokens - made - 2
        cache = makeCache(rows.length, capacityFor(batch.columns, most))
        continue
      }
      const kept = open.length <= OPEN * rows.length ? open : [...rows.keys()]
      const full = cache.length === cache.capacity
      if (full || kept.length < rows.length)
        cache = reshapeCache(cache, kept, full ? capacityFor(cache.length, most) : cache.capacity)
      const ids = Int32Array.from(kept, (i) => tokens[i]!)
      rows = kept.map((i) => rows[i]!)
      const positions = Int32Array.from(rows, ({ read }) => read.length + made)
      batch = plainBatch(rows.length, { ids, mask: new Int32Array(rows.length).fill(1), positions })
    }
  } finally {
    disposeCache(cache)
  }
}

/** Answers to token prompts (each at least one token), in the order given: greedy, or drawn where `sampling` is given. */
export async function generate(
  model: Model,
  weights: Weights | Source,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<number[][]> {
  const order = [...prompts.keys()].sort((a, b) => prompts[a]!.length - prompts[b]!.length || a - b)
  const answers: number[][] = []
  const source = sourceOf(model, weights)
  const first = options.start ?? model.start
  const longest = (prompts[order.at(-1)!]?.length ?? 0) + options.maxNewTokens
  const rows = options.rows ?? Math.min(128, Math.max(1, Math.floor(source.largest / longest)))
  await track({ name: 'answers', unit: 'items', total: order.length }, async ({ add }) => {
    for (let start = 0; start < order.length; start += rows) {
      const group = order.slice(start, start + rows)
      let told = 0
      const tell = (items: number) => {
        told += items
        add(items)
      }
      const growing = group.map((number): Growing => {
        const [prompt, answer] = [prompts[number]!, [] as number[]]
        answers[number] = answer
        return {
          number,
          prompt,
          read: first === undefined ? prompt : [first],
          answer,
          draft: options.drafts?.[number],
          open: true,
        }
      })
      await answerBatch(model, source, growing, { ...options, onStep: (share) => tell(share * group.length) })
      // Few answers are as long as they may be.
      tell(group.length - told)
    }
  })
  return answers
}
