// SigLIP (Zhai et al. 2023): the image tower as a zero-shot or an ordinary classifier, and each tower as features. Patches have no class
// token; in the pooling head one learned query attends to all of them. In the text tower every token sees all real ones, and the last one,
// be it a pad, stands for the text. Names and shapes are those of transformers' SiglipModel, SiglipForImageClassification and Siglip…Model. SigLIP 2 of fixed
// resolution is the same.
import { UserError } from '../errors/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import type { Architecture } from './architecture.js'
import { type Config, classOf, countOf, headObjective, isSet, labelsOf } from './config.js'
import type { LayerSettings } from './encoder.js'
import { layerNorm, linear, mixHeads, splitHeads } from './layers.js'
import { paddingMask } from './masks.js'
import type { Block, Model } from './model.js'
import { patchBlock, patchTables, readImageSizes } from './patches.js'
import { declareShapes, type Shapes } from './shapes.js'
import { textTower } from './text-tower.js'
import { affineBlock, layersOf, normBlock, towerOf, towerSettings } from './tower.js'
import { classTable, zeroShotBlock } from './zero-shot.js'

const [ZERO_SHOT, CLASSIFIER, IMAGES, TEXTS] = [
  'SiglipModel',
  'SiglipForImageClassification',
  'SiglipVisionModel',
  'SiglipTextModel',
] as const
const USUAL = { epsilon: 1e-6, activation: 'gelu_pytorch_tanh' }

/** What transformers' class takes for keys that a config.json leaves out. */
const VISION: Config = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  image_size: 224,
  patch_size: 16,
}
const TEXT: Config = { hidden_size: 768, intermediate_size: 3072, num_hidden_layers: 12, num_attention_heads: 12 }

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

/** Width of the text features. */
const projectionOf = (tower: Config): number => countOf(tower, 'projection_size', countOf(tower, 'hidden_size'))

const textConfig = (config: Config): Config => ({ ...TEXT, ...towerOf(config, 'text') })

function text(config: Config): Model {
  const tower = textConfig(config)
  return {
    ...textTower(tower, {
      architecture: 'siglip',
      settings: towerSettings(tower, ({ tables }) => tables.before!, USUAL),
      vocabulary: countOf(tower, 'vocab_size', 32000),
      positions: countOf(tower, 'max_position_embeddings', 64),
      tables: (batch) => ({ before: paddingMask(batch) }),
      endsOf: ({ rows, columns }) => Int32Array.from({ length: rows }, (_, row) => (row + 1) * columns - 1),
      head: { at: 'text_model.head', features: projectionOf(tower), bias: true },
    }),
    filled: true,
  }
}

/** @throws UserError where the features of images and texts cannot be compared */
function checkFeatures(config: Config, tower: Config): void {
  if (!isSet(tower, 'vision_use_head', true))
    throw new UserError(
      `config.json: vision_use_head false leaves a ${ZERO_SHOT} without features of images; ${IMAGES} and ${CLASSIFIER} need none`,
    )
  const [images, texts] = [countOf(tower, 'hidden_size'), projectionOf(textConfig(config))]
  if (images !== texts)
    throw new UserError(
      `config.json: the text features have ${texts} numbers (projection_size) and those of images ${images} (hidden_size of vision_config); a ${ZERO_SHOT} needs as many`,
    )
}

function make(config: Config): Model {
  const style = classOf(config)
  return style === TEXTS ? text(config) : vision(config, style)
}

function vision(config: Config, style: string | undefined): Model {
  const [classifies, compares] = [style === CLASSIFIER, style === ZERO_SHOT]
  const tower: Config = { ...VISION, ...towerOf(config, 'vision') }
  if (compares) checkFeatures(config, tower)
  const sizes = readImageSizes(tower, 0)
  const settings = towerSettings(tower, () => null, USUAL)
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
  const outputs = classifies ? labelsOf(config) : compares ? 0 : width
  const head = classifies
    ? [
        meanBlock(sizes.sequence, width),
        affineBlock(book, 'head', { at: 'classifier', shape: [outputs, width], bias: true }),
      ]
    : pools
      ? [poolBlock(book, settings), ...(compares ? [zeroShotBlock(book, [1], true)] : [])]
      : []
  return {
    architecture: 'siglip',
    objective: classifies ? headObjective(config) : compares ? 'classes' : 'features',
    vocabulary: 0,
    outputs,
    positions: sizes.sequence,
    sequence: sizes.sequence,
    width,
    heads,
    shapes: book.shapes,
    linear: book.linear,
    ...(compares && { describer: TEXTS }),
    tables: (batch) => ({ ...patchTables(batch, sizes), ...(compares && classTable(batch, width)) }),
    blocks: [patchBlock(names, width), ...layers, norm, ...head],
  }
}

const cite = 'Zhai et al. 2023 (arXiv 2303.15343)'

export const siglip: Architecture = {
  name: 'siglip',
  classes: [ZERO_SHOT, CLASSIFIER, IMAGES, TEXTS],
  bare: IMAGES,
  make,
  cite,
}
export const siglipVision: Architecture = {
  name: 'siglip_vision_model',
  classes: [IMAGES, CLASSIFIER],
  bare: IMAGES,
  make,
  cite: 'the image tower of siglip alone',
}
export const siglipText: Architecture = {
  name: 'siglip_text_model',
  classes: [TEXTS],
  make,
  cite: 'the text tower of siglip alone',
}
