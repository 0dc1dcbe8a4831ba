// BERT (Devlin et al. 2019) and its kin, which differ in names, positions and heads: RoBERTa (Liu et al. 2019; XLM-RoBERTa is the
// same in many languages), ELECTRA (Clark et al. 2020) and DistilBERT (Sanh et al. 2019). Each has a head for a sequence (classes,
// or one number), for masked tokens, or none. Names, shapes and what config.json leaves out are those of transformers' classes.
import { LITE_NAMES, liteTokens } from '../adapters/index.js'
import type { Tensor } from '../tensor/index.js'
import { ACTIVATIONS, activationOf, tanh } from './activations.js'
import { type Config, checkUsual, countOf, epsilonOf, fewOf, KIND, read } from './config.js'
import { type Embeddings, placeBlock, placeTables, wordOf } from './embeddings.js'
import { encoderLayer, type LayerNames, type LayerSettings } from './encoder.js'
import { linear } from './layers.js'
import { paddingMask } from './masks.js'
import type { Block, Model } from './model.js'
import { liteBlocks, liteOf } from './parameter-lite.js'
import { declareShapes, type Shapes } from './shapes.js'
import { type ClassesHead, type MaskedHead, textEncoder } from './text-encoder.js'

type Activation = (x: Tensor) => Tensor

/** What a family has of its own. */
interface Page {
  name: string
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
  masked(activation: Activation): MaskedHead
}

const SIZES = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
}

export const BERT: Page = {
  name: 'bert',
  module: 'bert',
  layers: 'encoder.layer.',
  layer: {
    attention: {
      query: 'attention.self.query',
      key: 'attention.self.key',
      value: 'attention.self.value',
      out: 'attention.output.dense',
    },
    mlp: { open: 'intermediate.dense', close: 'output.dense' },
    norms: ['attention.output.LayerNorm', 'output.LayerNorm'],
    order: 'post',
  },
  words: {
    width: 'hidden_size',
    inner: 'intermediate_size',
    heads: 'num_attention_heads',
    layers: 'num_hidden_layers',
    activation: 'hidden_act',
  },
  defaults: { ...SIZES, vocab_size: 30522 },
  // The pooler belongs to the encoder, and RoBERTa's to the classifier.
  classes: { dense: 'bert.pooler.dense', activation: tanh, classifier: 'classifier' },
  follows: 'cls.seq_relationship',
  masked: (activation) => ({
    dense: 'cls.predictions.transform.dense',
    activation,
    norm: 'cls.predictions.transform.LayerNorm',
    decoder: 'cls.predictions.decoder',
    tiedBias: 'cls.predictions.bias',
  }),
}

const ROBERTA: Page = {
  ...BERT,
  name: 'roberta',
  module: 'roberta',
  defaults: { ...SIZES, vocab_size: 50265, pad_token_id: 1 },
  counted: true,
  classes: { dense: 'classifier.dense', activation: tanh, classifier: 'classifier.out_proj' },
  masked: () => ({
    dense: 'lm_head.dense',
    activation: ACTIVATIONS.gelu!,
    norm: 'lm_head.layer_norm',
    decoder: 'lm_head.decoder',
    tiedBias: 'lm_head.bias',
  }),
}

const ELECTRA: Page = {
  ...BERT,
  name: 'electra',
  module: 'electra',
  defaults: {
    ...SIZES,
    vocab_size: 30522,
    embedding_size: 128,
    hidden_size: 256,
    intermediate_size: 1024,
    num_attention_heads: 4,
  },
  narrow: 'embedding_size',
  classes: { dense: 'classifier.dense', activation: ACTIVATIONS.gelu!, classifier: 'classifier.out_proj' },
  masked: () => ({
    dense: 'generator_predictions.dense',
    activation: ACTIVATIONS.gelu!,
    norm: 'generator_predictions.LayerNorm',
    decoder: 'generator_lm_head',
  }),
}

const DISTILBERT: Page = {
  name: 'distilbert',
  module: 'distilbert',
  layers: 'transformer.layer.',
  layer: {
    attention: {
      query: 'attention.q_lin',
      key: 'attention.k_lin',
      value: 'attention.v_lin',
      out: 'attention.out_lin',
    },
    mlp: { open: 'ffn.lin1', close: 'ffn.lin2' },
    norms: ['sa_layer_norm', 'output_layer_norm'],
    order: 'post',
  },
  words: { width: 'dim', inner: 'hidden_dim', heads: 'n_heads', layers: 'n_layers', activation: 'activation' },
  defaults: { vocab_size: 30522, dim: 768, hidden_dim: 3072, n_heads: 12, n_layers: 6, max_position_embeddings: 512 },
  fixed: { type_vocab_size: 0, layer_norm_eps: 1e-12 },
  classes: { dense: 'pre_classifier', activation: ACTIVATIONS.relu!, classifier: 'classifier' },
  masked: (activation) => ({
    dense: 'vocab_transform',
    activation,
    norm: 'vocab_layer_norm',
    decoder: 'vocab_projector',
  }),
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

function make(page: Page, written: Config): Model {
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
    masked: () => page.masked(activation),
  })
  return lite && liteTokens(lite) ? { ...model, prompt: lite.prompt } : model
}

export const bert = (config: Config): Model => make(BERT, config)
export const roberta = (config: Config): Model => make(ROBERTA, config)
export const xlmRoberta = (config: Config): Model => make({ ...ROBERTA, name: 'xlm-roberta' }, config)
export const electra = (config: Config): Model => make(ELECTRA, config)

/** DistilBERT's configuration takes BERT's words for its own, and means them where both are there. */
export const distilbert = ({ hidden_size, num_attention_heads, num_hidden_layers, ...config }: Config): Model => {
  const own = { dim: hidden_size, n_heads: num_attention_heads, n_layers: num_hidden_layers }
  const given = Object.entries(own).filter(([, value]) => value !== undefined)
  return make(DISTILBERT, { ...config, ...Object.fromEntries(given) })
}
