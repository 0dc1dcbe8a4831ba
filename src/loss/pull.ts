// The way forward and back of some batches through the chain, stretch by stretch: the inputs of the stretches are kept on the way
// forward, and each stretch is run again under its upstream gradient on the way back. Weights that are held make one stretch, which
// runs once, where its tape fits. Gradients are handed over as they come, so that none but the present one is in memory.

import {
  applyStretch,
  disposeAll,
  disposeInputs,
  doAgain,
  foldAll,
  type Inputs,
  namesOf,
  portionsOf,
  type Rows,
  rowsOf,
  type Source,
  type Stretch,
  stepAll,
  type Visit,
  visitsOf,
  type Weights,
  walk,
} from '../models/index.js'
import { measured, type Tensor, tf } from '../tensor/index.js'
import type { Closing, End, EndPart, EndSums } from './end.js'
import type { Pass } from './pass.js'

/** Takes the gradient of a tensor, or of some of its rows. Tied weights and later groups of batches come again; their gradients add up. */
export type Sink = (name: string, values: Float32Array, rows: Rows | null) => void | Promise<void>

/** What a backward pass computes. */
export interface Wanted {
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
export async function pullGroup(
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
        await handOver(total[k]!, rowsOf(visit.stretch, name, visit.part), (values, rows) => sink(name, values, rows))
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

/** The values of a gradient of these rows of a tensor, in portions: an array of a whole vocabulary would lie beside its tensor. */
async function handOver(
  gradient: Tensor,
  rows: Rows | null,
  take: (values: Float32Array, rows: Rows | null) => void | Promise<void>,
): Promise<void> {
  const start = rows?.from ?? 0
  for (const { rows: own } of portionsOf(gradient.shape, rows)) {
    const part = own && own !== rows ? gradient.slice(own.from - start, own.to - own.from) : gradient
    await take((await part.data()) as Float32Array, own)
    if (part !== gradient) part.dispose()
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
