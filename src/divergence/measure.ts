// The divergence of an edited model from the post-trained one at each position that a loss would count. Of both models only the last
// hidden states of a group of batches are held; their logits are made for some positions, or for a part of the vocabulary, at a time.
import {
  applyStretch,
  type Batch,
  COMPARED_LOGITS,
  checkFinite,
  countBlocks,
  countOutputs,
  countRows,
  disposeInputs,
  type Feed,
  groupFeeds,
  type Model,
  makeInputs,
  paddedTokens,
  type Rows,
  run,
  type Source,
  type Stretch,
  sourceOf,
  told,
  type Weights,
} from '../models/index.js'
import { track } from '../progress/index.js'
import { measured, type Tensor, tf } from '../tensor/index.js'
import { emptyPositions, type Positions } from './positions.js'
import { type LogitReader, readLogits } from './rows.js'
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
interface Pass extends Feed {
  batch: Batch
  /** Item, and right outcome, of each position. */
  items: number[]
  labels: ArrayLike<number>
}

/** A chain up to the projection onto the outcomes, and that projection where it is a block of its own. */
interface Cut {
  model: Model
  source: Source
  head: Stretch | null
  states?: KeptStates | undefined
}

function cutHead({ model, weights, states }: Compared): Cut {
  const source = sourceOf(model, weights)
  const last = source.stretches.at(-1)!
  const block = last.blocks.at(-1)!
  if (block.split?.join !== 'concat') return { model, source, head: null, states }
  const alone = last.blocks.length === 1
  const rest = alone ? [] : [{ blocks: last.blocks.slice(0, -1), parts: [null] }]
  const stretches = [...source.stretches.slice(0, -1), ...rest]
  const head = { blocks: [block], parts: alone ? last.parts : [null] }
  return { model, source: { ...source, stretches }, head, states }
}

/** Hidden states before the head, or the outputs where it is no block of its own: those that are kept, and the others of a walk through the chain. */
async function statesOf(
  { model, source, states }: Cut,
  passes: readonly Pass[],
  tick: (rows: number) => void,
): Promise<Tensor[]> {
  const kept = await Promise.all(passes.map(({ batch }) => states?.recall(batch)))
  const open = passes.filter((_, i) => !kept[i])
  const blocks = countBlocks(source.stretches)
  // For a replaced token there is one logit, and 0 is that of the other outcome.
  const fold = (_: Tensor | null, outputs: Tensor): Tensor =>
    model.objective === 'replaced' ? tf.concat([tf.zerosLike(outputs), outputs], 1) : outputs.clone()
  const made = await run(
    source,
    open.map((pass) => told(pass, blocks, tick)),
    fold,
  )
  if (states)
    for (const [i, { batch }] of open.entries()) await states.keep(batch, (await made[i]!.data()) as Float32Array)
  return passes.map(({ labels, rows }, i) => {
    const values = kept[i]
    if (!values) return made.shift()!
    tick(rows)
    return tf.tensor2d(values, [labels.length, values.length / labels.length])
  })
}

/** Parts of the outcomes that both models have: those of the model that takes the smaller ones. */
function partsOf(heads: readonly Stretch[], outcomes: number): (Rows | null)[] {
  const { parts } = heads.reduce((a, b) => (b.parts.length > a.parts.length ? b : a))
  return parts
    .filter((part) => !part || part.from < outcomes)
    .map((part) => part && { from: part.from, to: Math.min(part.to, outcomes) })
}

/** Takes logits of both models on some positions of a pass, from `row` on; the outcomes begin with `from`. */
type Take = (pass: number, logits: readonly [Tensor, Tensor], at: { row: number; from: number }) => Promise<void>

/** Makes the logits of all passes from the states of both sides, so many at a time, and hands them over. */
async function projectStates(
  [post, edited]: readonly [Cut, Cut],
  [a, b]: readonly [Tensor[], Tensor[]],
  { passes, outcomes }: { passes: readonly [Pass[], Pass[]]; outcomes: number },
  take: Take,
): Promise<void> {
  if (!post.head || !edited.head) {
    for (const i of passes[0].keys()) await take(i, [a[i]!, b[i]!], { row: 0, from: 0 })
    return
  }
  const [left, right] = [post.head, edited.head]
  for (const part of partsOf([left, right], outcomes)) {
    const fetched = await Promise.all([post.source.fetch(left, part), edited.source.fetch(right, part)])
    const held = fetched.map((upload) => upload())
    try {
      const width = part ? part.to - part.from : outcomes
      const step = Math.max(1, Math.floor(COMPARED_LOGITS / width))
      for (const [i, { labels }] of passes[0].entries()) {
        const inputs = passes.map((side) => side[i]!.open())
        const project = (side: 0 | 1, row: number) =>
          tf.tidy(() => {
            const states = [a, b][side]![i]!
            const some = states.slice([row, 0], [Math.min(step, states.shape[0]! - row), -1])
            const visit = { stretch: [left, right][side]!, part }
            return measured(() => applyStretch(visit, held[side]!.weights, some, inputs[side]!))
          })
        for (let row = 0; row < labels.length; row += step) {
          const logits = [project(0, row), project(1, row)] as const
          await take(i, logits, { row, from: part?.from ?? 0 })
          tf.dispose([...logits])
        }
        for (const each of inputs) disposeInputs(each)
      }
    } finally {
      for (const each of held) each.dispose()
    }
  }
}

/** Adds the logits of some positions of a pass to the rows from `first` on. */
async function addLogits(
  reader: LogitReader,
  pass: Pass,
  [post, edited]: readonly [Tensor, Tensor],
  { first, row, from, outcomes }: { first: number; row: number; from: number; outcomes: number },
): Promise<void> {
  const [a, b] = [(await post.data()) as Float32Array, (await edited.data()) as Float32Array]
  const [rows, width] = post.shape as [number, number]
  const other = edited.shape[1]!
  const size = Math.min(width, other, outcomes - from)
  for (let i = 0; i < rows; i++) {
    const part = {
      a: a.subarray(i * width, i * width + size),
      b: b.subarray(i * other, i * other + size),
      from,
      right: pass.labels[row + i]!,
    }
    if (reader.add(first + row + i, part)) continue
    const item = pass.items[row + i]! + 1
    checkFinite(part.a, () => `a logit of item ${item} under the post-trained model`)
    checkFinite(part.b, () => `a logit of item ${item} under the edited model`)
  }
}

/** Infinity where the batch decides (zero-shot). */
const outcomesOf = ({ objective, outputs }: Model): number => (objective === 'replaced' ? 2 : outputs || Infinity)

/** The batch with these text features; pixels may be read when they are asked for. */
const withClasses = (batch: Batch, classes: Float32Array | undefined): Batch =>
  classes
    ? Object.defineProperties({} as Batch, { ...Object.getOwnPropertyDescriptors(batch), classes: { value: classes } })
    : batch

function preparePasses({ model, classes }: Compared, given: readonly Batch[]) {
  const batches = given.map((batch) => withClasses(batch, classes))
  const sequences: number[] = []
  let before = 0
  const passes = batches.map((batch): Pass => {
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

/** Divergences of all positions of the batches, which both models read. @throws NotFinite naming the item, counted from 1 */
export async function measurePositions(
  post: Compared,
  edited: Compared,
  batches: readonly Batch[],
): Promise<Positions> {
  const { passes, sequences } = preparePasses(post, batches)
  const others = preparePasses(edited, batches).passes
  const cuts = [cutHead(post), cutHead(edited)] as const
  const outcomes = Math.min(outcomesOf(post.model), outcomesOf(edited.model))
  const found = emptyPositions(Int32Array.from(passes.flatMap(({ items }) => items)), sequences)
  let done = 0
  await track({ name: 'divergence', unit: 'items', total: countRows(passes) }, async ({ add }) => {
    const tick = (rows: number) => add(rows / 3)
    for (const group of groupFeeds(passes, Math.min(...cuts.map(({ source }) => source.together)))) {
      const members = [passes, others].map((side) => group.map((i) => side[i]!)) as [Pass[], Pass[]]
      const states: Tensor[] = []
      try {
        for (const [i, cut] of cuts.entries()) states.push(...(await statesOf(cut, members[i]!, tick)))
        done += await compareGroup(found, cuts, states, { passes: members, outcomes, first: done })
      } finally {
        tf.dispose(states)
      }
      tick(countRows(members[0]))
    }
  })
  return found
}

/** Fills in the positions of a group of passes, from `first` on; how many there are. */
async function compareGroup(
  found: Positions,
  cuts: readonly [Cut, Cut],
  states: readonly Tensor[],
  { passes, outcomes, first }: { passes: readonly [Pass[], Pass[]]; outcomes: number; first: number },
): Promise<number> {
  const starts: number[] = []
  let count = 0
  const [own] = passes
  for (const { labels } of own) {
    starts.push(count)
    count += labels.length
  }
  const longest = Number.isFinite(outcomes) ? outcomes : states[0]!.shape[1]!
  const reader = readLogits(count, longest)
  const [a, b] = [states.slice(0, own.length), states.slice(own.length)]
  await projectStates(cuts, [a, b], { passes, outcomes: longest }, (i, logits, at) =>
    addLogits(reader, own[i]!, logits, { ...at, first: starts[i]!, outcomes: longest }),
  )
  for (let row = 0; row < count; row++) {
    const { kl, lossA, lossB, topA, topB } = reader.finish(row)
    found.kl[first + row] = kl
    found.lossPost[first + row] = lossA
    found.lossEdited[first + row] = lossB
    found.topPost[first + row] = topA
    found.topEdited[first + row] = topB
  }
  return count
}
