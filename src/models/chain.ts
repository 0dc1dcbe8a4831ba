// Passes through a chain of blocks, one stretch of weights at a time, for several batches side by side.
import { track, type WorkFacts } from '../progress/index.js'
import { measured, type Tensor, tf } from '../tensor/index.js'
import { doAgain } from './again.js'
import { disposeInputs } from './inputs.js'
import type { Inputs, Model, Weights } from './model.js'
import type { Rows, Source, Stretch } from './source.js'

/** A batch on its way; its inputs are made for each stretch and freed after it. */
export interface Feed {
  /** Padded tokens. */
  tokens: number
  /** Sequences. */
  rows: number
  open(): Inputs
}

/** One stretch, or one part of it, in the order of a pass. */
export interface Visit {
  stretch: Stretch
  part: Rows | null
}

export const visitsOf = (stretches: readonly Stretch[]): Visit[] =>
  stretches.flatMap((stretch) => stretch.parts.map((part) => ({ stretch, part })))

/** The visits in order with their weights. The next weights are read while the consumer computes with these. */
export async function* walk(
  source: Source,
  visits: readonly Visit[],
): AsyncGenerator<Visit & { weights: Weights; index: number }> {
  const fetch = (index: number) => {
    const reading = source.fetch(visits[index]!.stretch, visits[index]!.part)
    reading.catch(() => {}) // reported where it is awaited
    return reading
  }
  let next = visits.length ? fetch(0) : null
  for (let index = 0; index < visits.length; index++) {
    const upload = await next!
    if (index + 1 < visits.length) next = fetch(index + 1)
    const held = upload()
    try {
      yield { ...visits[index]!, weights: held.weights, index }
    } finally {
      held.dispose()
    }
  }
}

/** Output of the stretch (or of its part) on one batch. */
export function applyStretch(visit: Visit, weights: Weights, hidden: Tensor | null, inputs: Inputs): Tensor {
  const { cache, batch } = inputs
  const apply = (own: Inputs) => applyBlocks(visit, weights, hidden, own)
  // What an encoder–decoder reads of its prompts goes into the cache in a way of its own.
  if (tf.engine().isTapeOn() || (cache && batch.encoder)) return apply(inputs)
  const seen = cache?.layers.length ?? 0
  const layers = () => cache?.layers.slice(seen) ?? []
  const tensors = hidden ? [hidden] : []
  const [output, ...made] = doAgain({ ...visit, weights, inputs, name: 'apply', tensors }, (own) => [
    apply(own),
    ...layers().flatMap(({ keys, values }) => [keys, values]),
  ])
  if (!layers().length)
    for (let i = 0; i < made.length; i += 2)
      cache!.layers.push({ keys: tf.keep(made[i]!), values: tf.keep(made[i + 1]!) })
  return output!
}

function applyBlocks({ stretch, part }: Visit, weights: Weights, hidden: Tensor | null, inputs: Inputs): Tensor {
  // What a block leaves beside its output is freed after it; on a tape, what its derivative needs is kept.
  return stretch.blocks.reduce<Tensor | null>((state, block) => {
    const output = tf.tidy(() => block.apply(weights, state, inputs, part?.from ?? 0))
    inputs.onBlock?.()
    return output
  }, hidden)!
}

/** Outputs [wanted or rows * columns, …] of a batch under weights that are held. */
export function forward(model: Model, weights: Weights, inputs: Inputs): Tensor {
  return applyStretch({ stretch: { blocks: model.blocks, parts: [null] }, part: null }, weights, null, inputs)
}

/** Groups of feeds (by index) that walk through the chain together. */
export function groupFeeds(feeds: readonly Feed[], together: number): number[][] {
  const groups: number[][] = []
  let sum = Infinity
  feeds.forEach(({ tokens }, i) => {
    if (sum + tokens > together) {
      groups.push([])
      sum = 0
    }
    groups.at(-1)!.push(i)
    sum += tokens
  })
  return groups
}

/** One step of every feed: outputs of the visited part, added to what earlier parts of the stretch gave (`sums`, in place). */
export function stepAll(
  visit: Visit & { weights: Weights },
  feeds: readonly Feed[],
  states: readonly (Tensor | null)[],
  sums: (Tensor | null)[],
): void {
  feeds.forEach((feed, i) => {
    const inputs = feed.open()
    const before = sums[i] ?? null
    sums[i] = tf.tidy(() => {
      const output = measured(() => applyStretch(visit, visit.weights, states[i]!, inputs))
      return before ? before.add(output) : output
    })
    before?.dispose()
    disposeInputs(inputs)
  })
}

/** What is made of the outputs of a batch: of the whole, or part after part of the vocabulary. Runs inside a tidy. */
export type Fold<S extends tf.TensorContainer> = (state: S | null, outputs: Tensor, from: number, feed: number) => S

/** Folds the visited part's outputs of every feed into `results`, in place. */
export function foldAll<S extends tf.TensorContainer>(
  visit: Visit & { weights: Weights },
  { feeds, states, results }: { feeds: readonly Feed[]; states: readonly (Tensor | null)[]; results: (S | null)[] },
  fold: Fold<S>,
): void {
  feeds.forEach((feed, i) => {
    const inputs = feed.open()
    const before = results[i] ?? null
    results[i] = tf.tidy(() =>
      measured(() => fold(before, applyStretch(visit, visit.weights, states[i]!, inputs), visit.part?.from ?? 0, i)),
    )
    if (before) tf.dispose(before)
    disposeInputs(inputs)
  })
}

export function disposeAll(states: readonly (Tensor | null)[]) {
  tf.dispose(states.filter((state) => state !== null))
}

/** Number of times that a pass through these stretches applies a block. */
export const countBlocks = (stretches: readonly Stretch[]): number =>
  stretches.reduce((sum, { blocks, parts }) => sum + blocks.length * parts.length, 0)

/** The sequences of all feeds. */
export const countRows = (feeds: readonly Feed[]): number => feeds.reduce((sum, { rows }) => sum + rows, 0)

/** The same feed, which calls `onBlock` with the share of its sequences that each of `blocks` blocks is. */
export function told<F extends Feed>(feed: F, blocks: number, onBlock: (rows: number) => void): F {
  return { ...feed, open: () => ({ ...feed.open(), onBlock: () => onBlock(feed.rows / blocks) }) }
}

/**
 * Folds the outputs of every feed, in the order given; the caller disposes the results.
 * @param about what this is called where it says how far it is, and what a sequence is
 */
export function run<S extends tf.TensorContainer>(
  source: Source,
  feeds: readonly Feed[],
  fold: Fold<S>,
  about?: Omit<WorkFacts, 'total'>,
): Promise<S[]> {
  if (!about) return runFeeds(source, feeds, fold)
  const blocks = countBlocks(source.stretches)
  return track({ ...about, total: countRows(feeds) }, ({ add }) =>
    runFeeds(
      source,
      feeds.map((feed) => told(feed, blocks, add)),
      fold,
    ),
  )
}

async function runFeeds<S extends tf.TensorContainer>(
  source: Source,
  feeds: readonly Feed[],
  fold: Fold<S>,
): Promise<S[]> {
  const results: (S | null)[] = []
  let states: (Tensor | null)[] = []
  let sums: (Tensor | null)[] = []
  try {
    for (const group of groupFeeds(feeds, source.together)) {
      const members = group.map((i) => feeds[i]!)
      const folded: (S | null)[] = []
      states = members.map(() => null)
      for await (const visit of walk(source, visitsOf(source.stretches))) {
        if (visit.stretch === source.stretches.at(-1)) {
          foldAll(visit, { feeds: members, states, results: folded }, (state: S | null, outputs, from, i) =>
            fold(state, outputs, from, group[i]!),
          )
          continue
        }
        stepAll(visit, members, states, sums)
        if (visit.part !== visit.stretch.parts.at(-1)) continue
        disposeAll(states)
        states = sums
        sums = []
      }
      results.push(...folded)
      disposeAll(states)
      states = []
    }
    return results as S[]
  } catch (error) {
    tf.dispose(results as tf.TensorContainer)
    throw error
  } finally {
    disposeAll([...states, ...sums])
  }
}
