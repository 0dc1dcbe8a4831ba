// The divergence of an edited model from the post-trained one at each position that a loss would count.
import { type Batch, checkFinite, countRows, groupFeeds, type Model } from '../models/index.js'
import { track } from '../progress/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import { type Compared, type ComparedPass, preparePasses } from './compared.js'
import { type CutModel, cutHead, headInputs, projectStates } from './head.js'
import { emptyPositions, type Positions } from './positions.js'
import { type LogitReader, readLogits } from './rows.js'

/** Adds the logits of some positions of a pass to the rows from `first` on. */
async function addLogits(
  reader: LogitReader,
  pass: ComparedPass,
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
      const members = [passes, others].map((side) => group.map((i) => side[i]!)) as [ComparedPass[], ComparedPass[]]
      const states: Tensor[] = []
      try {
        for (const [i, cut] of cuts.entries()) states.push(...(await headInputs(cut, members[i]!, tick)))
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
  cuts: readonly [CutModel, CutModel],
  states: readonly Tensor[],
  { passes, outcomes, first }: { passes: readonly [ComparedPass[], ComparedPass[]]; outcomes: number; first: number },
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
