// The image tower of SigLIP (Zhai et al. 2023) as a classifier, or without a head: patches without a class token, and a pooling head in
// which one learned query attends to all of them. Names and shapes are those of transformers' SiglipForImageClassification
// and SiglipVisionModel. SigLIP 2 of fixed resolution is the same.
import { type Tensor, tf } from '../tensor/index.js'
import type { Architecture } from './architecture.js'
import { type Config, classOf, headObjective, isSet, labelsOf } from './config.js'
import type { LayerSettings } from './encoder.js'
import { layerNorm, linear, mixHeads, splitHeads } from './layers.js'
import type { Block, Model } from './model.js'
import { patchBlock, patchTables, readImageSizes } from './patches.js'
import { declareShapes, type Shapes } from './shapes.js'
import { affineBlock, layersOf, normBlock, towerOf, towerSettings } from './tower.js'

const CLASSIFIER = 'SiglipForImageClassification'

/** What transformers' class takes for keys that a config.json leaves out. */
const VISION: Config = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  image_size: 224,
  patch_size: 16,
}

/** The query `probe` over all patches, and an MLP behind it: [rows * sequence, width] → [rows, width]. */
function poolBlock(book: Shapes, { width, inner, heads, epsilon, activation }: LayerSettings): Block {
  const at = 'vision_model.head.'
  const [probe, fused, offsets] = [`${at}probe`, `${at}attention.in_proj_weight`, `${at}attention.in_proj_bias`]
  book.shapes[probe] = [1, 1, width]
  book.shapes[fused] = [3 * width, width]
  book.shapes[offsets] = [3 * width]
  book.affine(`${at}attention.out_proj`, [width, width], true)
  book.affine(`${at}layernorm`, [width], true)
  book.affine(`${at}mlp.fc1`, [inner, width], true)
  book.affine(`${at}mlp.fc2`, [width, inner], true)
  return {
    name: 'pool',
    weights: book.under(at),
    apply(weights, hidden, { rows }) {
      const matrices = tf.split(weights[fused]!, 3, 0) as tf.Tensor2D[]
      const biases = tf.split(weights[offsets]!, 3, 0)
      const project = (x: Tensor, i: number) =>
        tf.matMul(x as tf.Tensor2D, matrices[i]!, false, true).add(biases[i]!) as tf.Tensor2D
      // Every image has the same query.
      const query = tf.tile(project(weights[probe]!.reshape([1, width]), 0), [rows, 1])
      const split = [query, project(hidden!, 1), project(hidden!, 2)].map((x) => splitHeads(x, rows, heads))
      const mixed = mixHeads(split as [Tensor, Tensor, Tensor], null, { scale: (width / heads) ** -0.5 })
      const pooled = linear(mixed, weights, `${at}attention.out_proj`)
      const opened = linear(layerNorm(pooled, weights, `${at}layernorm`, epsilon), weights, `${at}mlp.fc1`)
      return pooled.add(linear(activation(opened), weights, `${at}mlp.fc2`))
    },
  }
}

/** The mean of the patches' states. */
const meanBlock = (sequence: number, width: number): Block => ({
  name: 'pool',
  weights: [],
  apply: (_, hidden, { rows }) => hidden!.reshape([rows, sequence, width]).mean(1),
})

function make(config: Config): Model {
  const classifies = classOf(config) === CLASSIFIER
  const tower: Config = { ...VISION, ...towerOf(config, 'vision') }
  const sizes = readImageSizes(tower, 0)
  const settings = towerSettings(tower, () => null, { epsilon: 1e-6, activation: 'gelu_pytorch_tanh' })
  const { width, heads } = settings
  const book = declareShapes()
  const at = 'vision_model.embeddings.'
  const names = {
    kernel: `${at}patch_embedding.weight`,
    bias: `${at}patch_embedding.bias`,
    position: `${at}position_embedding.weight`,
  }
  book.affine(`${at}patch_embedding`, [width, sizes.channels, sizes.patch, sizes.patch], true)
  book.shapes[names.position] = [sizes.sequence, width]
  const layers = layersOf(book, 'vision_model', tower, settings)
  const pools = classifies || isSet(tower, 'vision_use_head', true)
  const norm = normBlock(book, settings, { name: 'norm', at: 'vision_model.post_layernorm', pick: !pools })
  const labels = classifies ? labelsOf(config) : 0
  const head = classifies
    ? [
        meanBlock(sizes.sequence, width),
        affineBlock(book, 'head', { at: 'classifier', shape: [labels, width], bias: true }),
      ]
    : pools
      ? [poolBlock(book, settings)]
      : []
  return {
    architecture: 'siglip',
    objective: classifies ? headObjective(config) : 'features',
    vocabulary: 0,
    outputs: classifies ? labels : width,
    positions: sizes.sequence,
    sequence: sizes.sequence,
    width,
    heads,
    shapes: book.shapes,
    linear: book.linear,
    tables: (batch) => patchTables(batch, sizes),
    blocks: [patchBlock(names, width), ...layers, norm, ...head],
  }
}

const cite = 'Zhai et al. 2023 (arXiv 2303.15343)'

export const siglip: Architecture = {
  name: 'siglip',
  classes: [CLASSIFIER, 'SiglipVisionModel'],
  bare: 'SiglipVisionModel',
  make,
  cite,
}
export const siglipVision: Architecture = {
  name: 'siglip_vision_model',
  classes: ['SiglipVisionModel', CLASSIFIER],
  bare: 'SiglipVisionModel',
  make,
  cite: 'the image tower of siglip alone',
}
