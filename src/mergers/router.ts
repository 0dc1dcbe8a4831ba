// The router of Twin-Merging: a small network that maps the features of a prompt to one gate per fine-tune; the gates sum to 1.
import { keyedNormal, keyOf, type Tensor, tf } from '../tensor/index.js'

/** Plain data: a network of two layers on standardised features. */
export interface Router {
  /** Features, and models it chooses from. */
  width: number
  models: number
  /** Mean and standard deviation of each feature over the sample. */
  centre: Float32Array
  spread: Float32Array
  /** [width, INNER], [INNER], [INNER, models], [models]. */
  layers: Float32Array[]
}

const INNER = 32
/** Passes over the whole sample, and the learning rate of Adam. */
const STEPS = 200
const RATE = 0.01

const shapesOf = ({ width, models }: Pick<Router, 'width' | 'models'>): number[][] => [
  [width, INNER],
  [INNER],
  [INNER, models],
  [models],
]

const logits = (x: Tensor, [open, shift, close, bias]: Tensor[]): Tensor =>
  tf
    .matMul(
      tf
        .matMul(x as tf.Tensor2D, open as tf.Tensor2D)
        .add(shift!)
        .relu() as tf.Tensor2D,
      close as tf.Tensor2D,
    )
    .add(bias!)

const standardise = (features: Float32Array, { width, centre, spread }: Omit<Router, 'layers'>): tf.Tensor2D =>
  tf.tensor2d(
    features.map((value, i) => (value - centre[i % width]!) / spread[i % width]!),
    [features.length / width, width],
  )

/** Mean and deviation of each column, in float64; a column that does not vary is left at 0. */
function measureColumns(features: Float32Array, width: number): Pick<Router, 'centre' | 'spread'> {
  const rows = features.length / width
  const mean = (value: (x: number, column: number) => number) => {
    const sums = new Float64Array(width)
    features.forEach((x, i) => (sums[i % width]! += value(x, i % width)))
    return Float32Array.from(sums, (sum) => sum / rows)
  }
  const centre = mean((x) => x)
  return { centre, spread: mean((x, column) => (x - centre[column]!) ** 2).map((variance) => Math.sqrt(variance) || 1) }
}

/**
 * Lu et al. 2024 (Twin-Merging), arXiv 2406.15479: cross-entropy of the softmax over models, Adam, the whole sample in every step.
 * The same sample and seed give the same bits.
 * @param samples of each model, features of prompts for it [prompts, width] row-major
 */
export async function trainRouter(samples: readonly Float32Array[], width: number, seed: number): Promise<Router> {
  const features = Float32Array.from(samples.flatMap((sample) => [...sample]))
  const router = { width, models: samples.length, ...measureColumns(features, width) }
  const labels = samples.flatMap((sample, model) => new Array<number>(sample.length / width).fill(model))
  const x = standardise(features, router)
  const right = tf.tensor2d(labels.map((label) => samples.map((_, model) => Number(model === label))))
  const weights = shapesOf(router).map((shape, i) =>
    tf.tidy(() =>
      tf.variable(
        shape.length === 1
          ? tf.zeros(shape)
          : keyedNormal(shape, keyOf(seed, 'router', i)).mul(Math.sqrt(2 / shape[0]!)),
      ),
    ),
  )
  const adam = tf.train.adam(RATE)
  for (let step = 0; step < STEPS; step++)
    adam.minimize(() => tf.losses.softmaxCrossEntropy(right, logits(x, weights)).asScalar(), false, weights)
  const layers = await Promise.all(weights.map(async (each) => (await each.data()) as Float32Array))
  adam.dispose()
  tf.dispose([x, right, ...weights])
  return { ...router, layers }
}

/** The gates of each prompt [prompts, models], row-major; those of a prompt sum to 1. */
export async function routeFeatures(router: Router, features: Float32Array): Promise<Float32Array> {
  const shapes = shapesOf(router)
  const gates = tf.tidy(() =>
    tf.softmax(
      logits(
        standardise(features, router),
        router.layers.map((values, i) => tf.tensor(values, shapes[i])),
      ),
    ),
  )
  const values = (await gates.data()) as Float32Array
  gates.dispose()
  return values
}
