// Generation in batches with a cache of keys and values, greedy or sampled. Prompts are left-padded, so that all rows grow together.

import {
  type Batch,
  type Cache,
  checkFinite,
  IGNORED,
  type Model,
  makeInputs,
  padBatch,
  paddedTokens,
  run,
  type Source,
  sourceOf,
  type Weights,
} from '../models/index.js'
import { track } from '../progress/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import { foldHighest, type Highest } from './highest.js'
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
}

/** Rows of ids as a batch; `mask` and `positions` are given, nothing is labelled. */
function plainBatch(rows: number, { ids, mask, positions }: Pick<Batch, 'ids' | 'mask' | 'positions'>): Batch {
  return {
    rows,
    columns: ids.length / rows,
    ids,
    mask,
    positions,
    labels: new Int32Array(ids.length).fill(IGNORED),
    items: Int32Array.from({ length: rows }, (_, i) => i),
  }
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

/** What each row's logits become before the highest is taken: the logits [rows, part of the vocabulary from `from` on]. */
type Change = (logits: Tensor, from: number) => Tensor

/** The next token of every row, of the highest logit; the cache grows by the batch's columns. */
async function nextTokens(
  { model, source }: { model: Model; source: Source },
  batch: Batch,
  cache: Cache,
  changes: readonly Change[],
): Promise<Int32Array> {
  const wanted = Int32Array.from({ length: batch.rows }, (_, row) => (row + 1) * batch.columns - 1)
  const open = () => makeInputs(model, batch, { wanted, cache })
  const feed = { tokens: paddedTokens(model, batch), rows: batch.rows, open }
  const fold = (state: Highest | null, outputs: Tensor, from: number) =>
    foldHighest(
      state,
      changes.reduce((logits, change) => change(logits, from), outputs),
      from,
    )
  const [best] = await run(source, [feed], fold)
  const [tokens, values] = [(await best!.index.data()) as Int32Array, await best!.value.data()]
  checkFinite(values, () => 'the best logit of the next token')
  tf.dispose(best as tf.TensorContainer)
  const width = cache.length + batch.columns
  const mask = new Int32Array(batch.rows * width)
  for (let row = 0; row < batch.rows; row++) {
    mask.set(cache.mask.subarray(row * cache.length, (row + 1) * cache.length), row * width)
    mask.set(batch.mask.subarray(row * batch.columns, (row + 1) * batch.columns), row * width + cache.length)
  }
  cache.mask = mask
  cache.length = width
  return tokens
}

const emptyCache = (): Cache => ({ layers: [], mask: new Int32Array(0), length: 0 })

async function answerBatch(
  model: Model,
  source: Source,
  prompts: readonly (readonly number[])[],
  { onStep, numbers, ...options }: GenerateOptions & { numbers: readonly number[]; onStep(share: number): void },
): Promise<number[][]> {
  const { ends = [], maxNewTokens, steer, sampling, start = model.start } = options
  const rows = prompts.length
  let cache = emptyCache()
  const answers: number[][] = prompts.map(() => [])
  const open = new Uint8Array(rows).fill(1)
  // What the layers that grow an answer have read before its first token.
  const read = start === undefined ? prompts : prompts.map(() => [start])
  let batch = start === undefined ? leftPadded(prompts) : startedBatch(prompts, start)
  const later = start === undefined ? source : withoutEncoder(source)
  for (let made = 0; made < maxNewTokens; made++) {
    const steering = steer && read.map((before, row) => (open[row] ? steer(before, answers[row]!) : null))
    const keys = sampling && keysOf(sampling, numbers, made)
    const tokens = await nextTokens({ model, source: made ? later : source }, batch, cache, [
      ...(steering ? [(logits: Tensor, from: number) => steered(logits, from, steering)] : []),
      ...(keys ? [(logits: Tensor, from: number) => sampled(logits, from, { ...sampling, keys })] : []),
    ])
    tokens.forEach((token, row) => {
      if (!open[row]) return
      answers[row]!.push(token)
      if (ends.includes(token) || options.stopped?.(answers[row]!)) open[row] = 0
    })
    onStep(1 / maxNewTokens)
    if (!open.includes(1)) break
    if (prompts.some((prompt, row) => open[row] && prompt.length + made === model.turn)) {
      tf.dispose(cache.layers as unknown as tf.TensorContainer)
      cache = emptyCache()
      batch = leftPadded(prompts.map((prompt, row) => [...prompt, ...answers[row]!]))
      continue
    }
    const positions = Int32Array.from(read, (before) => before.length + made)
    batch = plainBatch(rows, { ids: tokens, mask: new Int32Array(rows).fill(1), positions })
  }
  tf.dispose([cache.layers, cache.encoder?.layers ?? []] as unknown as tf.TensorContainer)
  return answers
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
      const made = await answerBatch(
        model,
        source,
        group.map((i) => prompts[i]!),
        { ...options, numbers: group, onStep: (share) => tell(share * group.length) },
      )
      // Few answers are as long as they may be.
      tell(group.length - told)
      group.forEach((item, i) => (answers[item] = made[i]!))
    }
  })
  return answers
}
