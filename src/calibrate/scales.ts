// Scale distillation of BitDelta: with signs fixed, one scale per matrix is trained so that the logits become those of the
// post-trained model. Everything else stays as the post-trained model has it (the authors' code also trains embeddings, norms
// and the head; the paper freezes them, and so do we).
import {
  type Batch,
  checkFinite,
  disposeInputs,
  forward,
  type Inputs,
  type Model,
  makeInputs,
  type Weights,
} from '../models/index.js'
import { track, type Work } from '../progress/index.js'
import { type Tensor, tf } from '../tensor/index.js'

export interface DistillOptions {
  steps: number
  /** Learning rate of Adam relative to each initial scale, which is the mean magnitude; cosine to 0. */
  rate: number
}

export interface Distilled {
  /** Scale of each matrix, and the one it started from. */
  scales: Map<string, number>
  initial: Map<string, number>
  /** Mean squared difference of the logits, per step; the first is that of BitDelta itself. */
  errors: number[]
}

/** Of the outputs of every real token; padding is left out. */
function realInputs(model: Model, batch: Batch): Inputs {
  const wanted = Int32Array.from([...batch.mask.keys()].filter((i) => batch.mask[i] === 1))
  return makeInputs(model, batch, { wanted })
}

/**
 * Liu et al. 2024 (BitDelta), arXiv 2402.10193, section 3.1: min over scales of |Z_post - Z(scales)|², Adam (.9, .999), one batch
 * per step in turn.
 * @param weights base and post, which stay; names: the matrices that become signs
 */
export async function distillScales(
  model: Model,
  { base, post, names }: { base: Weights; post: Weights; names: readonly string[] },
  batches: readonly Batch[],
  { steps, rate }: DistillOptions,
): Promise<Distilled> {
  const { signs, initial } = await splitSigns(base, post, names)
  const wanted = batches.map((batch) => {
    const inputs = realInputs(model, batch)
    const logits = tf.tidy(() => forward(model, post, inputs))
    disposeInputs(inputs)
    return logits
  })
  const scales = new Map(initial)
  const adam = new Map(names.map((name) => [name, { first: 0, second: 0 }]))
  const errors: number[] = []
  const loop = async ({ add }: Work) => {
    for (let step = 0; step <= steps; step++) {
      const at = step % batches.length
      const inputs = realInputs(model, batches[at]!)
      const error = (...alphas: Tensor[]) => {
        const student = names.map((name, i) => [name, base[name]!.add(signs[name]!.mul(alphas[i]!))])
        const logits = forward(model, { ...post, ...Object.fromEntries(student) }, inputs)
        return logits.sub(wanted[at]!).square().mean().asScalar()
      }
      const { value, grads } = tf.tidy(() => tf.valueAndGrads(error)(names.map((name) => tf.scalar(scales.get(name)!))))
      disposeInputs(inputs) // The derivative needs them, too.
      errors.push((await value.data())[0]!)
      checkFinite(errors.slice(-1), () => `the difference of the logits at step ${step}`)
      const slopes = await Promise.all(grads.map(async (gradient) => (await gradient.data())[0]!))
      tf.dispose([value, ...grads])
      if (step === steps) break
      const now = (rate * (1 + Math.cos((Math.PI * step) / steps))) / 2
      for (const [i, name] of names.entries()) {
        // Scales differ by orders of magnitude: the step is in units of the initial one.
        const unit = initial.get(name)!
        scales.set(name, scales.get(name)! - now * unit * adamStep(adam.get(name)!, slopes[i]! * unit, step + 1))
      }
      add(1)
    }
  }
  await track({ name: 'scales', unit: 'steps', total: steps }, loop).finally(() => tf.dispose([signs, wanted]))
  return { scales, initial, errors }
}

/** Signs of each delta as +1 and -1, and its mean magnitude. */
async function splitSigns(
  base: Weights,
  post: Weights,
  names: readonly string[],
): Promise<{ signs: Weights; initial: Map<string, number> }> {
  const signs: Weights = {}
  const initial = new Map<string, number>()
  for (const name of names) {
    const delta = tf.tidy(() => post[name]!.sub(base[name]!))
    const mean = tf.tidy(() => delta.abs().mean())
    signs[name] = tf.tidy(() => delta.greaterEqual(0).cast('float32').mul(2).sub(1))
    initial.set(name, (await mean.data())[0]!)
    tf.dispose([delta, mean])
  }
  return { signs, initial }
}

/** Adam's direction at its `count`th step; the moments are updated. */
function adamStep(moments: { first: number; second: number }, slope: number, count: number): number {
  moments.first += 0.1 * (slope - moments.first)
  moments.second += 0.001 * (slope * slope - moments.second)
  const [first, second] = [moments.first / (1 - 0.9 ** count), moments.second / (1 - 0.999 ** count)]
  return first / (Math.sqrt(second) + 1e-12)
}
