// Models without a head beside each other: the cosine of the features that both give for a text or an image.
import {
  type Batch,
  type Block,
  checkFinite,
  type Model,
  makeInputs,
  meanStates,
  paddedTokens,
  realTable,
  run,
  type Source,
  sourceOf,
  type Weights,
} from '../models/index.js'
import { track } from '../progress/index.js'
import { type Tensor, type Tensor2D, tf } from '../tensor/index.js'
import { errorOf, quantileOf, sumBy } from './statistics.js'

/** Whose pooler_output transformers makes of the first position: a linear layer and tanh. */
const POOLED = ['bert', 'roberta', 'vit']
/** Whose outputs are one vector for each image. */
const TOWERS = ['clip', 'siglip']

/** Mean of the last hidden states over the real positions of each row, [rows, width]. */
const mean: Block = {
  name: 'pool',
  weights: [],
  apply: (_, hidden, { tables: { pooled } }) => meanStates(hidden!, pooled!),
}

function pooler(name: string): Block {
  const [matrix, bias] = [`${name}.weight`, `${name}.bias`]
  return {
    name: 'pool',
    weights: [matrix, bias],
    apply(weights, hidden, { rows, columns }) {
      const first = tf.range(0, rows, 1, 'int32').mul(tf.scalar(columns, 'int32')) as tf.Tensor1D
      const states = tf.gather(hidden!, first.toInt()) as Tensor2D
      return tf
        .matMul(states, weights[matrix] as Tensor2D, false, true)
        .add(weights[bias]!)
        .tanh()
    },
  }
}

/**
 * The model whose outputs are one vector for each row: transformers' pooler_output where there is a pooler, the embedding of a tower of
 * CLIP or SigLIP, else the mean of the last hidden states over the real tokens.
 * @param shapes of the tensors that both checkpoints have
 */
export function pooledModel(model: Model, shapes: ReadonlyMap<string, readonly number[]>): Model {
  if (TOWERS.includes(model.architecture)) return model
  const found = POOLED.includes(model.architecture)
    ? [...shapes.keys()].find((name) => /(^|\.)pooler\.dense\.weight$/.test(name))
    : undefined
  const end = found === undefined ? mean : pooler(found.replace(/\.weight$/, ''))
  const own = Object.fromEntries(end.weights.map((name) => [name, [...shapes.get(name)!]]))
  return {
    ...model,
    shapes: { ...model.shapes, ...own },
    blocks: [...model.blocks, end],
    tables: (batch, cache) => ({
      ...model.tables(batch, cache),
      ...(end === mean && { pooled: realTable(batch.rows, model.sequence ?? batch.columns, batch.mask) }),
    }),
  }
}

async function featuresOf(
  model: Model,
  weights: Weights | Source,
  batches: readonly Batch[],
  what: string,
): Promise<Float32Array[]> {
  const source = sourceOf(model, weights)
  const feeds = batches.map((batch) => ({
    tokens: paddedTokens(model, batch),
    rows: batch.rows,
    // Towers are asked for the position of the class.
    open: () =>
      makeInputs(
        model,
        batch,
        TOWERS.includes(model.architecture)
          ? { wanted: Int32Array.from({ length: batch.rows }, (_, row) => row * model.sequence!) }
          : {},
      ),
  }))
  const made = await run(source, feeds, (_: Tensor | null, outputs) => outputs.clone())
  const values: Float32Array[] = []
  for (const [i, tensor] of made.entries()) {
    const found = (await tensor.data()) as Float32Array
    tensor.dispose()
    const { items, rows } = batches[i]!
    checkFinite(found, (k) => `a feature of item ${items[Math.floor((k * rows) / found.length)]! + 1} under ${what}`)
    values.push(found)
  }
  return values
}

/** Cosine in float64 of rows of two matrices. */
function cosines(a: Float32Array, b: Float32Array, rows: number): number[] {
  const width = a.length / rows
  return Array.from({ length: rows }, (_, row) => {
    let [ab, aa, bb] = [0, 0, 0]
    for (let i = row * width; i < (row + 1) * width; i++) {
      ab += a[i]! * b[i]!
      aa += a[i]! * a[i]!
      bb += b[i]! * b[i]!
    }
    return aa === bb && aa === ab ? 1 : ab / Math.sqrt(aa * bb)
  })
}

/**
 * Scores by name of the cosine of pooled features, of post and of an edited model, over the rows of batches: `cosine` is the mean.
 * @param model of both, with its pooling (pooledModel)
 * @throws NotFinite naming the item, counted from 1
 */
export async function cosineScores(
  model: Model,
  { post, edited }: { post: Weights | Source; edited: Weights | Source },
  batches: readonly Batch[],
): Promise<Record<string, number>> {
  const sides = await track({ name: 'features', unit: '%', total: 2 }, async ({ part }) => [
    await part(1, () => featuresOf(model, post, batches, 'the post-trained model')),
    await part(1, () => featuresOf(model, edited, batches, 'the edited model')),
  ])
  const values = Float64Array.from(batches.flatMap(({ rows }, i) => cosines(sides[0]![i]!, sides[1]![i]!, rows)))
  const byItem = sumBy(Int32Array.from(batches.flatMap(({ items }) => [...items])), values)
  const error = errorOf(byItem)
  const sorted = values.slice().sort()
  return {
    cosine: byItem.mean,
    ...(Number.isFinite(error) && { cosine_se: error }),
    cosine_median: quantileOf(sorted, 0.5),
    cosine_min: sorted[0]!,
  }
}
