// The gradient of the mean loss, pulled back through the chain stretch by stretch: the inputs of the stretches are kept on the
// way forward, and each stretch is run again under its upstream gradient on the way back. Weights that are held make one
// stretch, which runs once, where its tape fits. Gradients are handed over as they come, so that none but the present one is in memory.

import {
  applyStretch,
  type Batch,
  countBlocks,
  countRows,
  disposeAll,
  disposeInputs,
  doAgain,
  foldAll,
  groupFeeds,
  type Inputs,
  type Model,
  namesOf,
  type Rows,
  rowsOf,
  type Source,
  type Stretch,
  stepAll,
  told,
  type Visit,
  visitsOf,
  type Weights,
  walk,
} from '../models/index.js'
import { track } from '../progress/index.js'
import { countEntries, type Key, keyOf, measured, type Tensor, tf } from '../tensor/index.js'
import { curvatureEnd } from './curvature.js'
import { type Closing, divergenceEnd, type End, type EndPart, type EndSums, lossEnd } from './end.js'
import { collectLosses, type Loss } from './loss.js'
import { type Pass, preparePass } from './pass.js'
import { tapeSource } from './tape.js'

/** Gradient of the mean loss by checkpoint tensor name, float32, in the checkpoint's layout. */
export type Gradient = Map<string, Float32Array>

/** Takes the gradient of a tensor, or of some of its rows. Tied weights and later groups of batches come again; their gradients add up. */
export type Sink = (name: string, values: Float32Array, rows: Rows | null) => void | Promise<void>

/** What a backward pass computes. */
interface Wanted {
  source: Source
  names: ReadonlySet<string>
  /** Counted outputs of all batches: the loss is the mean over them. */
  tokens: number
  sink: Sink
}

/** Tensors that a group of passes holds; disposed at its end, and after an error. */
interface Carried {
  /** Inputs of each stretch, states[stretch][pass]. */
  states: (Tensor | null)[][]
  /** Gradients with respect to the output, and to the input, of the present stretch. */
  upstream: Tensor[]
  pulled: Tensor[]
  /** Sums over the vocabulary, where its projection comes in parts. */
  sums: (EndSums | null)[]
  /** The losses of each pass, where the end gives them. */
  losses: Tensor[]
}

/** The gradient of a group of passes into the sink, and the losses that its end gives. */
async function pullGroup(
  { source, names, tokens, sink }: Wanted,
  passes: readonly Pass[],
  end: End,
): Promise<Tensor[]> {
  const held: Carried = { states: [passes.map(() => null)], upstream: [], pulled: [], sums: [], losses: [] }
  const { stretches } = source
  const last = stretches.length - 1
  const moving = (stretch: Stretch, part: Rows | null) => namesOf(stretch, part).filter((name) => names.has(name))
  // No gradient is needed below the first stretch with wanted weights.
  const lowest = stretches.findIndex((stretch) => moving(stretch, null).length > 0)
  const inParts = stretches[last]!.parts.length > 1
  const forth = visitsOf(inParts || lowest < 0 ? stretches : stretches.slice(0, -1))
  const back = lowest < 0 ? [] : visitsOf(stretches.slice(lowest).reverse())
  let ending: EndPart | undefined
  try {
    for await (const visit of walk(source, [...forth, ...back])) {
      const at = stretches.indexOf(visit.stretch)
      ending?.dispose()
      ending = at === last ? await end.open(visit) : undefined
      if (visit.index < forth.length) {
        if (ending) foldAll(visit, { feeds: passes, states: held.states[at]!, results: held.sums }, ending.fold)
        else stepAll(visit, passes, held.states[at]!, (held.states[at + 1] ??= []))
        continue
      }
      const wanted = moving(visit.stretch, visit.part)
      const total: Tensor[] = []
      for (const [i, pass] of passes.entries()) {
        const { grads, losses } = pullPass(visit, pass, {
          wanted,
          input: held.states[at]![i]!,
          pulls: at > lowest,
          close: ending && (() => ending!.close(i, inParts ? held.sums[i]! : null)),
          upstream: () => (ending ? tf.scalar(1 / tokens) : held.upstream[i]!),
        })
        if (losses) held.losses[i] = losses
        if (at > lowest) addTo(held.pulled, i, grads.shift()!)
        for (const [k, gradient] of grads.entries()) addTo(total, k, gradient)
      }
      for (const [k, name] of wanted.entries()) {
        await sink(name, (await total[k]!.data()) as Float32Array, rowsOf(visit.stretch, name, visit.part))
        total[k]!.dispose()
      }
      if (visit.part !== visit.stretch.parts.at(-1)) continue
      disposeAll([...held.states[at]!, ...held.upstream])
      held.states[at] = []
      held.upstream = held.pulled
      held.pulled = []
    }
    return held.losses.length ? held.losses.splice(0) : end.finish(held.sums)
  } finally {
    ending?.dispose()
    disposeAll([...held.states.flat(), ...held.upstream, ...held.pulled, ...held.losses])
    tf.dispose(held.sums as unknown as tf.TensorContainer)
  }
}

interface Pull {
  wanted: readonly string[]
  /** Input of the stretch; null at the bottom of the chain. */
  input: Tensor | null
  /** Whether the gradient with respect to the input is computed too; it comes first in the result. */
  pulls: boolean
  /** At the end of the chain: makes the function of the output that is differentiated. */
  close: (() => Closing) | undefined
  /** Gradient with respect to the output, or to what that function gives. */
  upstream(): Tensor
}

/** Of one pass through a stretch: gradients with respect to its input, where it `pulls`, and to the weights that are wanted. */
function pullPass(
  visit: Visit & { weights: Weights },
  pass: Pass,
  { wanted, input, pulls, close, upstream }: Pull,
): { grads: Tensor[]; losses: Tensor | undefined } {
  const inputs = pass.open()
  const made = tf.tidy(() => {
    const closing = close?.()
    const hidden = input ? [input] : []
    const points = [...(pulls ? hidden : []), ...wanted.map((name) => visit.weights[name]!)]
    const dy = upstream()
    const pull = (own: Inputs): Tensor[] => {
      let losses: Tensor | undefined
      const outputs = (...xs: Tensor[]) => {
        const moved = Object.fromEntries(wanted.map((name, k) => [name, xs[Number(pulls) + k]!]))
        const state = applyStretch(visit, { ...visit.weights, ...moved }, pulls ? xs[0]! : input, own)
        if (!closing) return state
        const end = closing.apply(state)
        losses = end.losses && tf.keep(end.losses)
        return end.value
      }
      try {
        const grads = tf.grads(outputs)(points, dy)
        return losses ? [...grads, losses] : grads
      } catch (error) {
        losses?.dispose()
        throw error
      }
    }
    if (closing && !closing.tensors) return measured(() => pull(inputs))
    const name = ['pull', closing?.name, pulls, wanted.join('+')].join()
    const tensors = [...hidden, dy, ...(closing?.tensors ?? [])]
    return measured(() => doAgain({ ...visit, inputs, name, tensors }, pull))
  })
  disposeInputs(inputs)
  const count = Number(pulls) + wanted.length
  return { grads: made.slice(0, count), losses: made[count] }
}

/** list[i] += tensor; both are consumed. */
function addTo(list: Tensor[], i: number, tensor: Tensor) {
  const before = list[i]
  list[i] = before ? tf.tidy(() => before.add(tensor)) : tensor
  if (before) tf.dispose([before, tensor])
}

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
  weights: Weights,
  batches: readonly Batch[],
  { names, sink, key }: Pick<Wanted, 'names' | 'sink'> & { key: Key },
): Promise<void> {
  const source = tapeSource(model, weights, batches)
  const passes = batches.map((batch) => preparePass(model, batch))
  let group = 0
  await pullGroups(passes, source, 1, async (members) => {
    const end = curvatureEnd(model, keyOf(...key, group++))
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
