// A chain cut before its head, the projection onto the outcomes. Of a model only the last hidden states of a group of batches are held;
// logits of both are made for some positions, or for a part of the vocabulary, at a time.
import {
  applyStretch,
  COMPARED_LOGITS,
  countBlocks,
  disposeInputs,
  type Model,
  type Rows,
  run,
  type Source,
  type Stretch,
  sourceOf,
  told,
} from '../models/index.js'
import { measured, type Tensor, tf } from '../tensor/index.js'
import type { Compared, ComparedPass } from './compared.js'
import type { KeptStates } from './states.js'

/** A chain up to the projection onto the outcomes, and that projection where it is a block of its own. */
export interface CutModel {
  model: Model
  source: Source
  head: Stretch | null
  states?: KeptStates | undefined
}

export function cutHead({ model, weights, states }: Compared): CutModel {
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
export async function headInputs(
  { model, source, states }: CutModel,
  passes: readonly ComparedPass[],
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
export async function projectStates(
  [post, edited]: readonly [CutModel, CutModel],
  [a, b]: readonly [Tensor[], Tensor[]],
  { passes, outcomes }: { passes: readonly [ComparedPass[], ComparedPass[]]; outcomes: number },
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
