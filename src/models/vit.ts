// The vision transformer (Dosovitskiy et al. 2021) as an image classifier, or without a head. Names and shapes are those
// of transformers' ViTForImageClassification and ViTModel.
import type { Architecture } from './architecture.js'
import { type Config, classOf, fewOf, headObjective, isSet, labelsOf } from './config.js'
import { encoderLayer, type LayerNames, type LayerSettings } from './encoder.js'
import type { Model } from './model.js'
import { patchBlock, patchTables, readImageSizes } from './patches.js'
import { declareShapes } from './shapes.js'
import { affineBlock, normBlock, towerSettings } from './tower.js'

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
function make(config: Config): Model {
  const sizes = readImageSizes(config)
  const settings: LayerSettings = {
    ...towerSettings(config, () => null, { epsilon: 1e-12, activation: 'gelu' }),
    names: LAYER,
    bias: isSet(config, 'qkv_bias', true),
  }
  const { width, heads } = settings
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
  const norm = normBlock(book, settings, { name: 'norm', at: 'vit.layernorm', pick: true })
  const head = classifies ? [affineBlock(book, 'head', { at: 'classifier', shape: [labels, width], bias: true })] : []
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
    blocks: [embed, ...layers, norm, ...head],
  }
}

export const vit: Architecture = {
  name: 'vit',
  classes: ['ViTForImageClassification', 'ViTModel'],
  bare: 'ViTModel',
  make,
  cite: 'Dosovitskiy et al. 2021 (arXiv 2010.11929)',
}
