// The gradient of the mean loss, pulled back through the chain stretch by stretch: the inputs of the stretches are kept on the
// way forward, and each stretch is run again under its upstream gradient on the way back. Weights that are held make one
// stretch, which runs once. Gradients are handed over as they come, so that none but the present one is in memory.

import {
  addPart,
  applyStretch,
  disposeAll,
  disposeInputs,
  finishParts,
  foldAll,
  groupFeeds,
  type Model,
  type PartLosses,
  partPull,
  type Rows,
  rowsOf,
  type Source,
  sourceOf,
  stepAll,
  type Visit,
  visitsOf,
  type Weights,
  walk,
} from '../models/index.js'
import { type Batch, type Tensor, tf } from '../tensor/index.js'
import { collectLosses, type Loss } from './loss.js'
import { type Pass, preparePass } from './pass.js'

/** Gradient of the mean loss by checkpoint tensor name, float32, in the checkpoint's layout. */
export type Gradient = Map<string, Float32Array>

/** Takes the gradient of a tensor, or of some of its rows. Tied weights and later groups of batches come again: the sum counts. */
export type Sink = (name: string, values: Float32Array, rows: Rows | null) => void | Promise<void>

/** What a group of passes holds on its way: disposed at its end, and after an error. */
interface Carried {
  /** Inputs of each stretch, states[stretch][pass]. */
  states: (Tensor | null)[][]
  /** Gradients with respect to the output, and to the input, of the present stretch. */
  upstream: Tensor[]
  pulled: Tensor[]
  /** Sums over the vocabulary, where its projection comes in parts. */
  sums: (PartLosses | null)[]
  losses: Tensor[]
}

/** Losses of a group of passes, and their gradient into `sink`. */
async function pullGroup(
  model: Model,
  source: Source,
  passes: readonly Pass[],
  names: ReadonlySet<string>,
  tokens: number,
  sink: Sink,
): Promise<Tensor[]> {
  const held: Carried = { states: [passes.map(() => null)], upstream: [], pulled: [], sums: [], losses: [] }
  const { stretches } = source
  const last = stretches.length - 1
  const moving = ({ stretch }: Visit) =>
    [...new Set(stretch.blocks.flatMap(({ weights }) => weights))].filter((name) => names.has(name))
  // Below the first stretch that moves there is nothing to pull.
  const lowest = stretches.findIndex((stretch) => moving({ stretch, part: null }).length > 0)
  const inParts = stretches[last]!.parts.length > 1
  const forth = visitsOf(inParts || lowest < 0 ? stretches : stretches.slice(0, -1))
  const back = lowest < 0 ? [] : visitsOf(stretches.slice(lowest).reverse())
  try {
    for await (const visit of walk(source, [...forth, ...back])) {
      const at = stretches.indexOf(visit.stretch)
      if (visit.index < forth.length) {
        if (at < last) stepAll(visit, passes, held.states[at]!, (held.states[at + 1] ??= []))
        else {
          foldAll(visit, passes, held.states[at]!, held.sums, (state: PartLosses | null, outputs, from, i) =>
            addPart(model.objective, state, outputs, passes[i]!.labels(), from),
          )
        }
        continue
      }
      const wanted = moving(visit)
      const total: Tensor[] = []
      passes.forEach((_, i) => {
        const grads = pullOne(visit, passes, i, held, wanted, {
          pulls: at > lowest,
          ends: at === last,
          inParts,
          at,
          tokens,
        })
        if (at > lowest) addTo(held.pulled, i, grads.shift()!)
        grads.forEach((gradient, k) => addTo(total, k, gradient))
      })
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
    if (!inParts && lowest >= 0) return held.losses.splice(0)
    return held.sums.map((state) => tf.tidy(() => finishParts(state!)))
  } finally {
    disposeAll([...held.states.flat(), ...held.upstream, ...held.pulled, ...held.losses])
    tf.dispose(held.sums as unknown as tf.TensorContainer)
  }
}

/** Gradients of one pass through a stretch: with respect to its input, where it `pulls`, and to its moving weights. */
function pullOne(
  visit: Visit & { weights: Weights },
  passes: readonly Pass[],
  i: number,
  { states, upstream, sums, losses }: Carried,
  wanted: readonly string[],
  { pulls, ends, inParts, at, tokens }: { pulls: boolean; ends: boolean; inParts: boolean; at: number; tokens: number },
): Tensor[] {
  const pass = passes[i]!
  const inputs = pass.open()
  const grads = tf.tidy(() => {
    const labels = pass.labels()
    const hidden = pulls ? [states[at]![i]!] : []
    const close = (outputs: Tensor): Tensor => {
      if (!ends) return outputs
      if (inParts) return partPull(outputs, labels, visit.part!.from, sums[i]!.high)
      losses[i] = tf.keep(pass.losses(outputs, labels))
      return losses[i].sum()
    }
    const outputs = (...xs: Tensor[]) => {
      const weights = {
        ...visit.weights,
        ...Object.fromEntries(wanted.map((name, k) => [name, xs[hidden.length + k]!])),
      }
      return close(applyStretch(visit, weights, pulls ? xs[0]! : states[at]![i]!, inputs))
    }
    return tf.grads(outputs)(
      [...hidden, ...wanted.map((name) => visit.weights[name]!)],
      ends ? tf.scalar(1 / tokens) : upstream[i],
    )
  })
  disposeInputs(inputs)
  return grads
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
  names: ReadonlySet<string>,
  sink: Sink,
): Promise<Loss> {
  const source = sourceOf(model, weights)
  const passes = batches.map((batch) => preparePass(model, batch))
  const tokens = passes.reduce((sum, { count }) => sum + count, 0)
  const sums = collectLosses(passes)
  for (const group of groupFeeds(passes, source.together)) {
    const members = group.map((i) => passes[i]!)
    const losses = await pullGroup(model, source, members, names, tokens, sink)
    for (const [i, each] of losses.entries()) sums.add(members[i]!, await each.data())
    tf.dispose(losses)
  }
  return sums.finish()
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
  const loss = await pullBack(model, weights, batches, new Set(names), (name, values, rows) => {
    const sum = gradient.get(name)
    if (!sum && !rows) return void gradient.set(name, values)
    const size = model.shapes[name]!.reduce((a, b) => a * b, 1)
    const total = sum ?? new Float32Array(size)
    gradient.set(name, total)
    const start = rows ? rows.from * (size / model.shapes[name]![0]!) : 0
    for (let i = 0; i < values.length; i++) total[start + i]! += values[i]!
  })
  return { loss, gradient }
}
