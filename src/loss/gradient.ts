// Gradients of means over batches: of the loss, of draws for its curvature, and of the divergence from another model. Each takes the
// batches group by group.

import {
  type Batch,
  countBlocks,
  countRows,
  groupFeeds,
  type Model,
  type Source,
  told,
  type Weights,
} from '../models/index.js'
import { track } from '../progress/index.js'
import { countEntries, type Key, keyOf, tf } from '../tensor/index.js'
import { curvatureEnd } from './curvature.js'
import { divergenceEnd, lossEnd } from './end.js'
import { collectLosses, type Loss } from './loss.js'
import { type Pass, preparePass } from './pass.js'
import { pullGroup, type Sink, type Wanted } from './pull.js'
import { tapeSource } from './tape.js'

/** Gradient of the mean loss by checkpoint tensor name, float32, in the checkpoint's layout. */
export type Gradient = Map<string, Float32Array>

/** Loss of the batches; the gradient of their mean loss with respect to `names` goes to `sink`, tensor by tensor. */
export async function pullBack(
  model: Model,
  weights: Weights | Source,
  batches: readonly Batch[],
  { names, sink }: Pick<Wanted, 'names' | 'sink'>,
): Promise<Loss> {
  const source = tapeSource(model, weights, batches)
  const passes = batches.map((batch) => preparePass(model, batch))
  const sums = collectLosses(passes)
  await pullGroups(passes, source, 1, async (members, tokens) => {
    const end = lossEnd(model, members)
    try {
      const losses = await pullGroup({ source, names, tokens, sink }, members, end)
      for (const [i, each] of losses.entries()) sums.add(members[i]!, await each.data())
      tf.dispose(losses)
    } finally {
      end.dispose()
    }
  })
  return sums.finish()
}

/**
 * A draw g, over all batches, for which the mean of ⟨g, T⟩² is the curvature of the summed loss along T, by Gauss and Newton; tensor by
 * tensor. Draws of other keys are independent.
 */
export async function pullCurvature(
  model: Model,
  weights: Weights | Source,
  batches: readonly Batch[],
  { names, sink, key }: Pick<Wanted, 'names' | 'sink'> & { key: Key },
): Promise<void> {
  const source = tapeSource(model, weights, batches)
  const passes = batches.map((batch) => preparePass(model, batch))
  let done = 0
  await pullGroups(passes, source, 1, async (members) => {
    const first = done
    done += members.length
    const end = curvatureEnd(model, (pass) => keyOf(...key, first + pass))
    await pullGroup({ source, names, tokens: 1, sink }, members, end)
  })
}

/** Weights at which a gradient is taken, and where it goes. */
export interface PullPoint {
  source: Source
  sink: Sink
}

/**
 * The gradient of the mean of KL(still ‖ model) with respect to `names` at every point, all of one plan. A group of batches goes
 * through all points before the next: one forward pass of `still` serves them, and nothing of it is kept beyond the group.
 */
export async function pullDivergence(
  model: Model,
  { still, points }: { still: Source; points: readonly PullPoint[] },
  batches: readonly Batch[],
  names: ReadonlySet<string>,
): Promise<void> {
  const passes = batches.map((batch) => preparePass(model, batch))
  await pullGroups(passes, still, points.length, async (members, tokens) => {
    const end = await divergenceEnd(model, still, members)
    try {
      for (const point of points) await pullGroup({ ...point, names, tokens }, members, end)
    } finally {
      end.dispose()
    }
  })
}

/** Takes the passes group by group, and says how far it is; each group takes so many gradients. */
async function pullGroups(
  passes: readonly Pass[],
  { together, stretches }: Source,
  gradients: number,
  pull: (members: Pass[], tokens: number) => Promise<void>,
): Promise<void> {
  const tokens = passes.reduce((sum, { count }) => sum + count, 0)
  await track({ name: 'gradient', unit: 'items', total: countRows(passes) }, async ({ add }) => {
    // The way back is twice as long as the way forward, and is not seen block by block.
    const blocks = 3 * countBlocks(stretches) * gradients
    for (const group of groupFeeds(passes, together)) {
      let forward = 0
      const onBlock = (rows: number) => {
        forward += rows
        add(rows)
      }
      const members = group.map((i) => told(passes[i]!, blocks, onBlock))
      await pull(members, tokens)
      add(countRows(members) - forward)
    }
  })
}

/**
 * Loss and gradient of the mean loss with respect to `names` (every tensor of the model by default). A tensor that the model
 * does not read has none.
 */
export async function gradientOf(
  model: Model,
  weights: Weights | Source,
  batches: readonly Batch[],
  names: readonly string[] = Object.keys(model.shapes),
): Promise<{ loss: Loss; gradient: Gradient }> {
  const gradient: Gradient = new Map()
  const sink: Sink = (name, values, rows) => {
    const sum = gradient.get(name)
    if (!sum && !rows) return void gradient.set(name, values)
    const size = countEntries(model.shapes[name]!)
    const total = sum ?? new Float32Array(size)
    gradient.set(name, total)
    const start = rows ? rows.from * (size / model.shapes[name]![0]!) : 0
    for (let i = 0; i < values.length; i++) total[start + i]! += values[i]!
  }
  const loss = await pullBack(model, weights, batches, { names: new Set(names), sink })
  return { loss, gradient }
}
