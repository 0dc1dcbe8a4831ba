// ModernBERT (Warner et al. 2024, arXiv 2412.13663): an encoder with rotary positions, gated MLPs, norms before each half of a layer,
// and windows on both sides in two of three layers, whose rotations are their own. Names, shapes and what config.json leaves out are
// those of transformers' ModernBert… classes, in the forms of versions 4 and 5.
import { z } from 'zod'
import { UserError, unknown } from '../../errors/index.js'
import { type Tensor, tf } from '../../tensor/index.js'
import { activationOf, gateBy } from '../activations.js'
import type { Architecture } from '../architecture.js'
import {
  type Config,
  checkUsual,
  countOf,
  epsilonOf,
  fewOf,
  headDimOf,
  isSet,
  KIND,
  read,
  sectionOf,
} from '../config.js'
import { layerTypes } from '../decoder-config.js'
import type { LayerType } from '../decoder-page.js'
import { attend, layerNorm, linear, plus } from '../layers.js'
import { paddingMask } from '../masks.js'
import { meanStates, realTable } from '../mean.js'
import type { Block, Inputs, Model } from '../model.js'
import { checkPositions } from '../positions.js'
import { halfExchange, type Rope, rotate, rotations } from '../rope.js'
import { readRope } from '../rope-settings.js'
import { declareShapes, type Shapes } from '../shapes.js'
import { encoderClasses, textEncoder } from '../text-encoder.js'

const DEFAULTS = {
  vocab_size: 50368,
  hidden_size: 768,
  intermediate_size: 1152,
  num_hidden_layers: 22,
  num_attention_heads: 12,
  max_position_embeddings: 8192,
  local_attention: 128,
}

/** The base of the rotations of each kind, as version 4 calls it, and where config.json does not say it. */
const THETA: Record<LayerType, readonly [key: string, usual: number]> = {
  full_attention: ['global_rope_theta', 160000],
  sliding_attention: ['local_rope_theta', 10000],
}

interface Settings {
  width: number
  inner: number
  heads: number
  headDim: number
  epsilon: number
  activation: (x: Tensor) => Tensor
  biases: { attention: boolean; mlp: boolean; norm: boolean }
  /** Entries of a head that are turned. */
  turned: Map<LayerType, number>
}

/** Every `global_attn_every_n_layers`-th layer sees a whole text, unless `layer_types` says otherwise. */
function typesOf(config: Config): LayerType[] {
  const every = fewOf(config, 'global_attn_every_n_layers', 3)
  return layerTypes(config, (layer) => (layer % every ? 'sliding_attention' : 'full_attention'))
}

/** The rotations of a kind: its section of `rope_parameters` (version 5), or a base of its own and one scaling for both (version 4). */
function ropeOf(config: Config, type: LayerType, headDim: number, positions: number): Rope {
  const sections = sectionOf(config, 'rope_parameters') ?? {}
  const other = Object.keys(sections).find((key) => !Object.hasOwn(THETA, key))
  if (other !== undefined) throw unknown('kind of layers in rope_parameters of config.json', other, Object.keys(THETA))
  const scaling = sectionOf(config, 'rope_scaling') ?? {}
  if (scaling.rope_type === undefined && scaling.type !== undefined)
    throw new UserError(
      `config.json: rope_scaling ${JSON.stringify(scaling)} of modernbert is not supported: version 4 of transformers reads its type, and version 5 only rope_type; write rope_type`,
    )
  const [key, usual] = THETA[type]
  // Without a base of their own the windows have that of the full layers.
  const theta = config[key] === null ? config[THETA.full_attention[0]] : config[key]
  const parameters = { rope_theta: theta ?? usual, ...sectionOf(sections, type), ...scaling }
  return readRope({ rope_parameters: parameters }, { headDim, positions })
}

/** Declares a layer; the first has no norm before its attention, for its input has one. */
function layerBlock(book: Shapes, index: number, type: LayerType, settings: Settings): Block {
  const { width, inner, heads, headDim, epsilon, activation, biases } = settings
  const at = `model.layers.${index}.`
  if (index > 0) book.affine(`${at}attn_norm`, [width], biases.norm)
  book.matrix(`${at}attn.Wqkv`, [3 * width, width], biases.attention)
  book.matrix(`${at}attn.Wo`, [width, width], biases.attention)
  book.affine(`${at}mlp_norm`, [width], biases.norm)
  book.matrix(`${at}mlp.Wi`, [2 * inner, width], biases.mlp)
  book.matrix(`${at}mlp.Wo`, [width, inner], biases.mlp)
  const sizes = { heads, kvHeads: heads, headDim, layer: index }
  return {
    name: `layer ${index}`,
    weights: book.under(at),
    apply(weights, hidden, inputs) {
      const { tables } = inputs
      const normed = index > 0 ? layerNorm(hidden!, weights, `${at}attn_norm`, epsilon) : hidden!
      const [q, k, v] = tf.split(linear(normed, weights, `${at}attn.Wqkv`), 3, 1)
      const [cos, sin, half] = [tables[`${type}.cos`]!, tables[`${type}.sin`]!, tables.half!]
      const turn = (x: Tensor) => rotate(x, { cos, sin, half, turned: settings.turned.get(type)! })
      const mixed = attend([turn(q!), turn(k!), v!], tables[type]!, inputs, sizes)
      const middle = plus(hidden!, linear(mixed, weights, `${at}attn.Wo`))
      const opened = linear(layerNorm(middle, weights, `${at}mlp_norm`, epsilon), weights, `${at}mlp.Wi`)
      const [input, gate] = tf.split(opened, 2, 1)
      return plus(middle, linear(gateBy(activation, input!, gate!), weights, `${at}mlp.Wo`))
    },
  }
}

const meanTokens = (hidden: Tensor, { tables }: Inputs): Tensor => meanStates(hidden, tables.kept!)

const normBlock = (name: string, at: string, book: Shapes, { width, epsilon, biases }: Settings): Block => {
  book.affine(at, [width], biases.norm)
  return { name, weights: book.under(at), apply: (weights, hidden) => layerNorm(hidden!, weights, at, epsilon) }
}

/** Whether the mean of all tokens is read for classes, and not the first one. */
function poolsMean(config: Config): boolean {
  const pooling = read(config, 'classifier_pooling', KIND.word, 'cls')
  if (pooling === 'cls' || pooling === 'mean') return pooling === 'mean'
  throw unknown('classifier_pooling in config.json', pooling, ['cls', 'mean'])
}

function checkConfig(config: Config, headDim: number, window: number): void {
  checkUsual(config, 'modernbert', { head_dim: headDim, partial_rotary_factor: 1, sliding_window: window })
  const ignored = read(config, 'sparse_pred_ignore_index', z.number().int(), -100)
  if (isSet(config, 'sparse_prediction', false) && ignored >= 0)
    throw new UserError(
      `config.json: sparse_pred_ignore_index ${ignored} is not supported: it leaves a token of the vocabulary out of the loss; known: a number below 0`,
    )
}

/** A model from its config.json. One piece: each tensor is declared beside the block that reads it. */
function make(written: Config): Model {
  const config = { ...DEFAULTS, ...written }
  const [width, heads] = [countOf(config, 'hidden_size'), fewOf(config, 'num_attention_heads')]
  const [headDim, window] = [headDimOf(width, heads), Math.floor(countOf(config, 'local_attention') / 2)]
  checkConfig(config, headDim, window)
  const positions = countOf(config, 'max_position_embeddings')
  const types = typesOf(config)
  const ropes = [...new Set(types)].map((type) => ({ type, rope: ropeOf(config, type, headDim, positions) }))
  const settings: Settings = {
    width,
    inner: countOf(config, 'intermediate_size'),
    heads,
    headDim,
    epsilon: epsilonOf(config, 'norm_eps', 1e-5),
    activation: activationOf(config, 'hidden_activation', 'gelu'),
    biases: {
      attention: isSet(config, 'attention_bias', false),
      mlp: isSet(config, 'mlp_bias', false),
      norm: isSet(config, 'norm_bias', false),
    },
    turned: new Map(ropes.map(({ type, rope }) => [type, 2 * rope.rates.length])),
  }
  const longest = Math.min(...ropes.map(({ rope }) => rope.positions))
  const book = declareShapes()
  const word = 'model.embeddings.tok_embeddings.weight'
  book.shapes[word] = [countOf(config, 'vocab_size'), width]
  const body = [
    normBlock('embedding norm', 'model.embeddings.norm', book, settings),
    ...types.map((type, index) => layerBlock(book, index, type, settings)),
    normBlock('norm', 'model.final_norm', book, settings),
  ]
  const head = () => ({
    dense: 'head.dense',
    bias: isSet(config, 'classifier_bias', false),
    activation: activationOf(config, 'classifier_activation', 'gelu'),
    norm: 'head.norm',
  })
  return textEncoder(config, {
    name: 'modernbert',
    book,
    word,
    width,
    heads,
    positions,
    epsilon: settings.epsilon,
    normBias: settings.biases.norm,
    body,
    tables(batch) {
      const placed = { ...batch, positions: batch.ids.map((_, i) => i % batch.columns) }
      checkPositions(placed.positions, longest)
      const ofType = ({ type, rope }: (typeof ropes)[number]) => {
        const { cos, sin } = rotations(placed, rope, heads)
        const shape: [number, number] = [batch.ids.length, width]
        return {
          [type]: paddingMask(batch, type === 'full_attention' ? Infinity : window),
          [`${type}.cos`]: tf.tensor2d(cos, shape),
          [`${type}.sin`]: tf.tensor2d(sin, shape),
        }
      }
      const half = tf.tensor2d(halfExchange(ropes[0]!.rope), [headDim, headDim])
      const kept = realTable(batch.rows, batch.columns, batch.mask)
      return Object.assign({ half, kept }, ...ropes.map(ofType))
    },
    classes: () => ({ ...head(), classifier: 'classifier', pool: poolsMean(config) ? meanTokens : undefined }),
    masked: () => ({ ...head(), decoder: 'decoder', logitBias: isSet(config, 'decoder_bias', true) }),
  })
}

export const modernbert: Architecture = {
  name: 'modernbert',
  ...encoderClasses('ModernBert'),
  cite: 'Warner et al. 2024 (arXiv 2412.13663)',
  make,
}
