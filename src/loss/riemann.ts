// Riemann sum of ⟨∇L(W_post + tT), T⟩ along the path from the post-trained (t = 0) to the edited weights (t = 1),
// arXiv 2410.13841 eq. (1); and the second-order Taylor estimate. Both per tensor, inner products in float64.

import {
  type Batch,
  countRows,
  disposeInputs,
  divergencesOf,
  forward,
  type Model,
  portionsOf,
  type Rows,
  type Source,
  type Steer,
  type Weights,
} from '../models/index.js'
import { track } from '../progress/index.js'
import type { LossKind, Rule } from '../record/index.js'
import { measured, type Tensor, tf } from '../tensor/index.js'
import { type Gradient, pullBack, pullDivergence } from './gradient.js'
import { type Pass, preparePass } from './pass.js'
import type { Sink } from './pull.js'
import { tapeSource, taylorBatches } from './tape.js'

export interface PathSum {
  /** Approximate loss change, nats per token. */
  sum: number
  /** Contribution of each tensor with a non-zero change; they add up to `sum`. */
  terms: Map<string, number>
}

/** T = F(Δ) − Δ per tensor, as float32 values (tensors absent from the map do not move). */
export type Change = Map<string, Float32Array>

/** Gauss–Legendre nodes and weights on [0, 1]: Newton's method on the Legendre polynomial. */
function gauss(count: number): [number, number][] {
  return Array.from({ length: count }, (_, i) => {
    let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5))
    let slope = 1
    for (let step = 0; step < 100; step++) {
      let [previous, value] = [1, x]
      for (let k = 2; k <= count; k++) [previous, value] = [value, ((2 * k - 1) * x * value - (k - 1) * previous) / k]
      slope = (count * (x * value - previous)) / (x * x - 1)
      const change = value / slope
      x -= change
      if (Math.abs(change) < 1e-16) break
    }
    return [(1 - x) / 2, 1 / ((1 - x * x) * slope * slope)]
  })
}

/**
 * Nodes t and weights of a rule with `steps` intervals (Gauss: nodes). Simpson with an even number of steps uses their
 * ends as nodes; with an odd number it is composite, with a midpoint in every interval.
 */
export function ruleNodes(rule: Rule, steps: number): { t: number; weight: number }[] {
  const intervals = Array.from({ length: steps }, (_, i) => i)
  const even = (shift: number) => intervals.map((i) => ({ t: (i + shift) / steps, weight: 1 / steps }))
  const ends = (count: number, weigh: (i: number) => number) =>
    Array.from({ length: count + 1 }, (_, i) => ({ t: i / count, weight: weigh(i) }))
  switch (rule) {
    case 'left':
      return even(0)
    case 'right':
      return even(1)
    case 'midpoint':
      return even(0.5)
    case 'trapezoid':
      return ends(steps, (i) => (i === 0 || i === steps ? 0.5 : 1) / steps)
    case 'simpson': {
      const count = steps % 2 ? 2 * steps : steps
      return ends(count, (i) => (i === 0 || i === count ? 1 : i % 2 ? 4 : 2) / (3 * count))
    }
    case 'gauss':
      return gauss(steps).map(([t, weight]) => ({ t, weight }))
  }
}

/** ⟨a, b⟩ in float64. */
function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function total(terms: Map<string, number>): PathSum {
  return { sum: [...terms.values()].reduce((a, b) => a + b, 0), terms }
}

/** Names of the tensors that move; a change of all zeros has no term. */
function moving(change: Change): string[] {
  return [...change.keys()].filter((name) => change.get(name)!.some((x) => x !== 0))
}

/** The straight path from the post-trained weights (t = 0) to the edited ones, post + change (t = 1). */
export interface WeightPath {
  post: Weights | Source
  change: Change | Steer
}

export interface PathOptions {
  rule: Rule
  /** Intervals, or Gauss nodes: C in the paper. */
  steps: number
  /** What the loss is; `task` unless given. */
  kind?: LossKind | undefined
  /** Gradient of the task's loss at the post-trained weights on the same batches, if known; used if `reusesGradient`. */
  origin?: Gradient | null | undefined
}

/**
 * Whether a known gradient at the post-trained weights saves the first node of a path and gives the same bits. The rule must
 * begin at t = 0, and there must be one batch: the gradient of several is a sum in float32, while a Riemann sum adds the inner
 * products of each in float64.
 */
export const reusesGradient = ({ rule, steps, kind }: PathOptions, batches: number): boolean =>
  kind !== 'kl' && batches === 1 && ruleNodes(rule, steps)[0]?.t === 0

/** The nodes at which a gradient is taken: that of a divergence is 0 where the path begins. */
export const gradientNodes = ({ rule, steps, kind }: Pick<PathOptions, 'rule' | 'steps' | 'kind'>) =>
  ruleNodes(rule, steps).filter(({ t }) => kind !== 'kl' || t !== 0)

/** A change that is held, as a direction; the tensors that do not move are left out. */
function steerOf(change: Change | Steer, model: Model): Steer {
  if (!(change instanceof Map)) return change
  return {
    names: new Set(moving(change)),
    async read(name, rows: Rows | null) {
      const values = change.get(name)!
      const width = values.length / (model.shapes[name]?.[0] ?? 1)
      return rows ? values.subarray(rows.from * width, rows.to * width) : values
    },
  }
}

/** The Riemann sum. Weights and change are held, or read block by block. */
export async function riemannSum(
  model: Model,
  { post, change }: WeightPath,
  batches: readonly Batch[],
  options: PathOptions,
): Promise<PathSum> {
  const origin = reusesGradient(options, batches.length) ? options.origin : null
  const source = tapeSource(model, post, batches, options.kind === 'kl' ? 'divergence' : 'gradient')
  const steer = steerOf(change, model)
  const terms = new Map([...steer.names].map((name) => [name, 0]))
  if (![...steer.names].some((name) => name in model.shapes)) return total(terms)
  const nodes = gradientNodes(options)
  const adding =
    (weight: number): Sink =>
    async (name, values, rows) => {
      let slope = 0
      for (const portion of portionsOf(model.shapes[name]!, rows)) {
        const step = await steer.read(name, portion.rows)
        slope += inner(values.subarray(portion.at, portion.at + step.length), step)
      }
      terms.set(name, terms.get(name)! + weight * slope)
    }
  const visit = async ({ t, weight }: (typeof nodes)[number]) => {
    const sink = adding(weight)
    if (t === 0 && origin) {
      for (const name of steer.names) if (origin.has(name)) await sink(name, origin.get(name)!, null)
    } else await pullBack(model, source.moved(steer, t), batches, { names: steer.names, sink })
  }
  if (options.kind === 'kl') {
    // All steps are taken for one group of items after the other, so how far it is counts items.
    const points = nodes.map(({ t, weight }) => ({ source: source.moved(steer, t), sink: adding(weight) }))
    await pullDivergence(model, { still: source, points }, batches, steer.names)
  } else
    await track({ name: 'Riemann sum', unit: 'steps', total: nodes.length }, async ({ part }) => {
      for (const node of nodes) await part(1, () => visit(node))
    })
  return total(terms)
}

/**
 * g·T + ½ TᵀHT at the post-trained weights. HT is exact: the gradient of ⟨∇L, T⟩. `first` holds g·T, `curvature` TᵀHT. Of a
 * divergence g is 0, and H the Fisher information of the model's own distributions.
 */
export async function taylor2(
  model: Model,
  { post, change }: { post: Weights; change: Change },
  batches: readonly Batch[],
  kind: LossKind = 'task',
): Promise<PathSum & { first: PathSum; curvature: PathSum }> {
  const names = moving(change).filter((name) => name in model.shapes)
  if (!names.length) return { ...total(new Map()), first: total(new Map()), curvature: total(new Map()) }
  const first = new Map(names.map((name) => [name, 0]))
  const curvature = new Map(names.map((name) => [name, 0]))
  const steer = names.map((name) => tf.tensor(change.get(name)!, post[name]!.shape))
  const passes = taylorBatches(model, batches).map((batch) => preparePass(model, batch))
  const tokens = passes.reduce((sum, pass) => sum + pass.count, 0)
  const measure = async (pass: Pass) => {
    const inputs = pass.open()
    const { slopes, bends } = tf.tidy(() => {
      const right = kind === 'kl' ? measured(() => forward(model, post, inputs)) : pass.labels()
      const loss = (...at: Tensor[]) => {
        const weights = { ...post, ...Object.fromEntries(names.map((name, i) => [name, at[i]!])) }
        const outputs = forward(model, weights, inputs)
        const losses = kind === 'kl' ? divergencesOf(model.objective, outputs, right) : pass.losses(outputs, right)
        return losses.sum().div(tokens).asScalar()
      }
      const slope = tf.grads(loss)
      // Not addN: on webgpu it needs a buffer for each input, and adapters allow few.
      const along = (...at: Tensor[]) => {
        const parts = slope(at).map((g, i) => g.mul(steer[i]!).sum())
        return parts.reduce((sum, part) => sum.add(part)).asScalar()
      }
      const origin = names.map((name) => post[name]!)
      return measured(() => ({ slopes: slope(origin), bends: tf.grads(along)(origin) }))
    })
    for (const [i, name] of names.entries()) {
      first.set(name, first.get(name)! + inner(await slopes[i]!.data(), change.get(name)!))
      curvature.set(name, curvature.get(name)! + inner(await bends[i]!.data(), change.get(name)!))
    }
    tf.dispose([slopes, bends])
    disposeInputs(inputs)
  }
  await track({ name: 'Taylor estimate', unit: 'items', total: countRows(passes) }, async ({ add }) => {
    for (const pass of passes) {
      await measure(pass)
      add(pass.rows)
    }
  })
  tf.dispose(steer)
  const terms = new Map(names.map((name) => [name, first.get(name)! + curvature.get(name)! / 2]))
  return { ...total(terms), first: total(first), curvature: total(curvature) }
}
