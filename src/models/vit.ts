// The vision transformer (Dosovitskiy et al. 2021) as an image classifier, or without a head. Names and shapes are those
// of transformers' ViTForImageClassification and ViTModel.
import { activationOf } from './activations.js'
import { type Config, classOf, countOf, epsilonOf, fewOf, headObjective, isSet, labelsOf } from './config.js'
import { encoderLayer, type LayerNames, type LayerSettings } from './encoder.js'
import { layerNorm, linear } from './layers.js'
import type { Block, Model } from './model.js'
import { patchBlock, patchTables, readImageSizes } from './patches.js'
import { declareShapes } from './shapes.js'
import { pickWanted } from './vocabulary.js'

const LAYER: LayerNames = {
  attention: {
    query: 'attention.attention.query',
    key: 'attention.attention.key',
    value: 'attention.attention.value',
    out: 'attention.output.dense',
  },
  mlp: { open: 'intermediate.dense', close: 'output.dense' },
  norms: ['layernorm_before', 'layernorm_after'],
  order: 'pre',
}

/** A model from its config.json. One piece: each tensor is declared beside the block that reads it. */
export function vit(config: Config): Model {
  const sizes = readImageSizes(config)
  const settings: LayerSettings = {
    names: LAYER,
    width: countOf(config, 'hidden_size'),
    inner: countOf(config, 'intermediate_size'),
    heads: fewOf(config, 'num_attention_heads'),
    epsilon: epsilonOf(config, 'layer_norm_eps', 1e-12),
    activation: activationOf(config, 'hidden_act', 'gelu'),
    bias: isSet(config, 'qkv_bias', true),
    mask: () => null,
  }
  const { width, heads, epsilon } = settings
  const classifies = classOf(config) !== 'ViTModel'
  const labels = classifies ? labelsOf(config) : 0
  const book = declareShapes()
  const at = 'vit.embeddings.'
  const kernel = `${at}patch_embeddings.projection`
  book.shapes[`${at}cls_token`] = [1, 1, width]
  book.shapes[`${at}position_embeddings`] = [1, sizes.sequence, width]
  book.affine(kernel, [width, sizes.channels, sizes.patch, sizes.patch], true)
  const embed = patchBlock(
    {
      kernel: `${kernel}.weight`,
      bias: `${kernel}.bias`,
      token: `${at}cls_token`,
      position: `${at}position_embeddings`,
    },
    width,
  )
  const layers = Array.from({ length: fewOf(config, 'num_hidden_layers') }, (_, index) =>
    encoderLayer(book, 'vit.encoder.layer.', index, settings),
  )
  book.affine('vit.layernorm', [width], true)
  if (classifies) book.affine('classifier', [labels, width], true)
  const head: Block = {
    name: 'head',
    weights: book.under('classifier'),
    apply: (weights, hidden) => linear(hidden!, weights, 'classifier'),
  }
  return {
    architecture: 'vit',
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
    blocks: [
      embed,
      ...layers,
      {
        name: 'norm',
        weights: book.under('vit.layernorm'),
        apply: (weights, hidden, { wanted }) =>
          layerNorm(pickWanted(hidden!, wanted), weights, 'vit.layernorm', epsilon),
      },
      ...(classifies ? [head] : []),
    ],
  }
}
