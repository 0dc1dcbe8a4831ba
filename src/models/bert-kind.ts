// The encoders of BERT's kind: learned positions, and layers with a norm after each half. They differ in names, positions and heads.
// Names, shapes and what config.json leaves out are those of transformers' classes.
import { LITE_NAMES, liteTokens } from '../adapters/index.js'
import type { Tensor } from '../tensor/index.js'
import { activationOf } from './activations.js'
import type { Architecture } from './architecture.js'
import { type Config, checkUsual, countOf, epsilonOf, fewOf, KIND, read } from './config.js'
import { type Embeddings, placeBlock, placeTables, wordOf } from './embeddings.js'
import { encoderLayer, type LayerNames, type LayerSettings } from './encoder.js'
import { linear } from './layers.js'
import { paddingMask } from './masks.js'
import type { Block, Model } from './model.js'
import { liteBlocks, liteOf } from './parameter-lite.js'
import { declareShapes, type Shapes } from './shapes.js'
import { type ClassesHead, encoderClasses, type MaskedHead, textEncoder } from './text-encoder.js'

type Activation = (x: Tensor) => Tensor

/** What a family has of its own. */
export interface BertPage {
  /** `model_type` */
  name: string
  /** What the names of its classes begin with, and those that others do not have. */
  start: string
  further?: string[]
  cite: string
  /** The module of the encoder, and below it that of the layers. */
  module: string
  layers: string
  layer: LayerNames
  /** What config.json calls the sizes. */
  words: { width: string; inner: string; heads: string; layers: string; activation: string }
  /** What the class of the configuration takes for keys that config.json leaves out. */
  defaults: Config
  /** What the family has no word for. */
  fixed?: Config
  /** Whether positions are counted over the real tokens, from pad_token_id + 1. */
  counted?: boolean
  /** The key of the width of the embeddings, where it may be another than that of the layers. */
  narrow?: string
  classes: ClassesHead
  follows?: string
  replaced?(activation: Activation): ClassesHead
  masked(activation: Activation): MaskedHead
}

/** RoBERTa counts positions over the real tokens, from pad + 1; pads stand at pad. */
function realPositions(ids: Int32Array, columns: number, pad: number): Int32Array {
  let count = 0
  return ids.map((id, i) => {
    if (i % columns === 0) count = 0
    return id === pad ? pad : pad + ++count
  })
}

/** The linear layer between embeddings and layers of another width. */
function widenBlock(book: Shapes, name: string, shape: [number, number]): Block {
  book.affine(name, shape, true)
  return { name: 'widen', weights: book.under(`${name}.`), apply: (weights, hidden) => linear(hidden!, weights, name) }
}

function make(page: BertPage, written: Config): Model {
  const config = { ...page.defaults, ...written, ...page.fixed }
  const { name, module, words } = page
  checkUsual(config, name, { position_embedding_type: 'absolute', is_decoder: false, add_cross_attention: false })
  const layers = fewOf(config, words.layers)
  const lite = liteOf(config, layers)
  const settings: LayerSettings = {
    names: page.layer,
    width: countOf(config, words.width),
    inner: countOf(config, words.inner),
    heads: fewOf(config, words.heads),
    epsilon: epsilonOf(config, 'layer_norm_eps', 1e-12),
    activation: activationOf(config, words.activation, 'gelu'),
    bias: true,
    mask: ({ tables }) => tables.real!,
    between: (index) => (lite?.layers.includes(index) ? LITE_NAMES.layer : undefined),
  }
  const { width, heads, epsilon, activation } = settings
  const embeddings: Embeddings = {
    at: `${module}.embeddings.`,
    vocabulary: countOf(config, 'vocab_size'),
    width: page.narrow ? countOf(config, page.narrow) : width,
    epsilon,
    positions: countOf(config, 'max_position_embeddings'),
    types: read(config, 'type_vocab_size', KIND.index),
  }
  const pad = page.counted ? read(config, 'pad_token_id', KIND.index) : 0
  const book = declareShapes()
  const body = [placeBlock(book, embeddings)]
  if (lite) body.unshift(...liteBlocks(book, lite, width, embeddings.vocabulary))
  if (embeddings.width !== width) body.push(widenBlock(book, `${module}.embeddings_project`, [width, embeddings.width]))
  for (let index = 0; index < layers; index++)
    body.push(encoderLayer(book, `${module}.${page.layers}`, index, settings))
  const model = textEncoder(config, {
    name,
    book,
    word: wordOf(embeddings.at),
    width,
    heads,
    positions: embeddings.positions - (page.counted ? pad + 1 : 0),
    epsilon,
    body,
    tables: (batch) => ({
      real: paddingMask(batch),
      ...placeTables(batch, embeddings, page.counted ? realPositions(batch.ids, batch.columns, pad) : undefined),
    }),
    ...(lite && { further: liteTokens(lite) }),
    classes: () => page.classes,
    ...(page.follows && { follows: page.follows }),
    ...(page.replaced && { replaced: () => page.replaced!(activation) }),
    masked: () => page.masked(activation),
  })
  return lite && liteTokens(lite) ? { ...model, prompt: lite.prompt } : model
}

/** The architecture of a family of BERT's kind. */
export const bertKind = (page: BertPage): Architecture => ({
  name: page.name,
  ...encoderClasses(page.start, page.further),
  cite: page.cite,
  make: (config) => make(page, config),
})
