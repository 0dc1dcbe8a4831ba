// DeBERTa v2 and v3 (He et al. 2021, arXiv 2111.09543): BERT's layers with disentangled attention, in v2 with a convolution beside the
// first. Names, shapes and what config.json leaves out are those of transformers' DebertaV2… classes.
import { z } from 'zod'
import { UserError } from '../../errors/index.js'
import { tf } from '../../tensor/index.js'
import { activationOf } from '../activations.js'
import type { Architecture } from '../architecture.js'
import { type Config, checkUsual, countOf, epsilonOf, fewOf, headDimOf, isSet, KIND, read } from '../config.js'
import { type Embeddings, placeBlock, placeTables, wordOf } from '../embeddings.js'
import { encoderLayer, type LayerNames, type LayerSettings, type Relative } from '../encoder.js'
import { layerNorm } from '../layers.js'
import { paddingMask } from '../masks.js'
import type { Block, Model } from '../model.js'
import { type Distances, distanceTables, positionScores } from '../relative.js'
import { declareShapes, type Shapes } from '../shapes.js'
import { encoderClasses, type MaskedHead, textEncoder } from '../text-encoder.js'
import { BERT } from './bert.js'

const DEFAULTS = {
  vocab_size: 128100,
  hidden_size: 1536,
  num_hidden_layers: 24,
  num_attention_heads: 24,
  intermediate_size: 6144,
  max_position_embeddings: 512,
  type_vocab_size: 0,
}

const LAYER: LayerNames = {
  ...BERT.layer,
  attention: {
    query: 'attention.self.query_proj',
    key: 'attention.self.key_proj',
    value: 'attention.self.value_proj',
    out: 'attention.output.dense',
  },
}
const AT = 'deberta.encoder.'

/** How the layers look at positions; no part where they do not. */
interface Positions extends Distances {
  /** Contents look at positions (c2p), and positions are looked at by contents (p2c). */
  parts: ReadonlySet<string>
  /** Whether the matrices of contents project the positions too. */
  shares: boolean
  norm: boolean
}

/** The words of a key that holds them as a list, or as one text with bars between them. */
function wordsOf(config: Config, key: string, known: readonly string[]): Set<string> {
  const given = read(config, key, z.union([z.string(), z.array(z.string())]), [])
  const words = typeof given === 'string' ? given.toLowerCase().split('|') : given
  const found = words.map((word) => word.trim()).filter((word) => word !== '')
  const other = found.find((word) => !known.includes(word))
  if (other === undefined) return new Set(found)
  throw new UserError(`config.json: ${key} ${JSON.stringify(other)} is not supported; known: ${known.join(', ')}`)
}

function readPositions(config: Config): Positions {
  const whole = z.number().int()
  const longest = countOf(config, 'max_position_embeddings')
  const told = read(config, 'max_relative_positions', whole, -1)
  const furthest = told < 1 ? longest : told
  const buckets = Math.max(0, read(config, 'position_buckets', whole, -1))
  if (buckets === 1) throw new UserError('config.json: position_buckets must be at least 2, or −1 for none; got 1')
  const parts = wordsOf(config, 'pos_att_type', ['c2p', 'p2c'])
  return {
    parts: isSet(config, 'relative_attention', false) ? parts : new Set(),
    furthest,
    buckets,
    span: buckets || furthest,
    shares: isSet(config, 'share_att_key', false),
    norm: wordsOf(config, 'norm_rel_ebd', ['none', 'layer_norm']).has('layer_norm'),
  }
}

/** Declares the embeddings of distances, and gives what each layer makes of them. */
function relativeOf(book: Shapes, { names, width, heads, epsilon }: LayerSettings, positions: Positions) {
  const { span, parts, shares } = positions
  const norm = positions.norm ? `${AT}LayerNorm` : null
  book.affine(`${AT}rel_embeddings`, [2 * span, width], false)
  if (norm) book.affine(norm, [width], true)
  const shared = book.under(AT)
  return (at: string): Relative => {
    const project = (part: string, own: string, ofContents: string) => {
      if (!parts.has(part)) return null
      if (!shares) book.matrix(at + own, [width, width])
      return at + (shares ? ofContents : own)
    }
    const keys = project('c2p', 'attention.self.pos_key_proj', names.attention.key)
    const queries = project('p2c', 'attention.self.pos_query_proj', names.attention.query)
    const tensors = { table: `${AT}rel_embeddings.weight`, norm, keys, queries }
    return {
      shared,
      // Products with all distances on both sides; what is picked of them is small beside their copies.
      size: (columns) => parts.size * heads * 2 * columns,
      scores: (pair, weights, inputs) => positionScores(pair, weights, inputs, { names: tensors, heads, epsilon }),
    }
  }
}

/** The layer with what a convolution over the embeddings adds to its output. */
function convolved(book: Shapes, layer: Block, config: Config, { width, epsilon }: LayerSettings): Block {
  const size = fewOf(config, 'conv_kernel_size', 3)
  const groups = fewOf(config, 'conv_groups', 1)
  if (size % 2 === 0) throw new UserError(`config.json: conv_kernel_size must be odd; got ${size}`)
  if (width % groups)
    throw new UserError(`config.json: hidden_size ${width} does not divide into conv_groups ${groups}`)
  const activation = activationOf(config, 'conv_act', 'tanh')
  const [conv, norm] = [`${AT}conv.conv`, `${AT}conv.LayerNorm`]
  book.affine(conv, [width, width / groups, size], true)
  book.affine(norm, [width], true)
  return {
    ...layer,
    weights: [...layer.weights, ...book.under(`${AT}conv.`)],
    apply(weights, hidden, inputs, from) {
      const { rows, columns, tables } = inputs
      const side = (size - 1) / 2
      const padded = hidden!
        .mul(tables.kept!)
        .reshape([rows, columns, width])
        .pad([
          [0, 0],
          [side, side],
          [0, 0],
        ])
      const taps = Array.from({ length: size }, (_, tap) => padded.slice([0, tap, 0], [rows, columns, width]))
      // Channel by channel its taps, like the kernel.
      const fed = tf
        .stack(taps, 3)
        .reshape([rows * columns, groups, -1])
        .transpose([1, 0, 2])
      const kernel = weights[`${conv}.weight`]!.reshape([groups, width / groups, -1])
      const made = tf
        .matMul(fed as tf.Tensor3D, kernel as tf.Tensor3D, false, true)
        .transpose([1, 0, 2])
        .reshape([rows * columns, width])
        .add(weights[`${conv}.bias`]!)
      return layerNorm(layer.apply(weights, hidden, inputs, from).add(activation(made)), weights, norm, epsilon)
    },
  }
}

function maskedHead(config: Config, settings: LayerSettings, embeddings: Embeddings): MaskedHead {
  const { activation } = settings
  if (isSet(config, 'legacy', true)) return BERT.masked(activation)
  if (embeddings.width !== settings.width)
    throw new UserError(
      `config.json: embedding_size ${embeddings.width} beside hidden_size ${settings.width} is not supported with legacy false, whose logits are products with the embeddings`,
    )
  const at = 'lm_predictions.lm_head'
  return { dense: `${at}.dense`, activation, norm: `${at}.LayerNorm`, decoder: at, tied: true, tiedBias: `${at}.bias` }
}

/** A model from its config.json. One piece: each tensor is declared beside the block that reads it. */
function make(written: Config): Model {
  const config = { ...DEFAULTS, ...written }
  const name = 'deberta-v2'
  const [width, heads] = [countOf(config, 'hidden_size'), fewOf(config, 'num_attention_heads')]
  const headDim = headDimOf(width, heads)
  checkUsual(config, name, { attention_head_size: headDim, pooler_hidden_size: width })
  const positions = readPositions(config)
  const parts = wordsOf(config, 'pos_att_type', ['c2p', 'p2c'])
  const book = declareShapes()
  const settings: LayerSettings = {
    names: LAYER,
    width,
    inner: countOf(config, 'intermediate_size'),
    heads,
    epsilon: epsilonOf(config, 'layer_norm_eps', 1e-7),
    activation: activationOf(config, 'hidden_act', 'gelu'),
    bias: true,
    mask: ({ tables }) => tables.real!,
    // Each kind of score is one summand more, also where relative_attention is off.
    scale: (headDim * (1 + parts.size)) ** -0.5,
  }
  const narrow = countOf(config, 'embedding_size', width)
  const longest = countOf(config, 'max_position_embeddings')
  const embeddings: Embeddings = {
    at: 'deberta.embeddings.',
    vocabulary: countOf(config, 'vocab_size'),
    width: narrow,
    epsilon: settings.epsilon,
    positions: isSet(config, 'position_biased_input', true) ? longest : 0,
    types: read(config, 'type_vocab_size', KIND.index),
    project: narrow === width ? undefined : { name: 'embed_proj', width },
  }
  const body = [placeBlock(book, embeddings)]
  if (positions.parts.size) settings.relative = relativeOf(book, settings, positions)
  for (let index = 0; index < fewOf(config, 'num_hidden_layers'); index++)
    body.push(encoderLayer(book, `${AT}layer.`, index, settings))
  const convolves = read(config, 'conv_kernel_size', KIND.index, 0) > 0
  if (convolves) body[1] = convolved(book, body[1]!, config, settings)
  return textEncoder(config, {
    name,
    book,
    word: wordOf(embeddings.at),
    width,
    heads,
    positions: longest,
    epsilon: settings.epsilon,
    body,
    tables: (batch) => ({
      real: paddingMask(batch),
      ...placeTables(batch, embeddings),
      ...(positions.parts.size && distanceTables(batch.columns, positions)),
      ...(convolves && { kept: tf.tensor2d(Float32Array.from(batch.mask), [batch.mask.length, 1]) }),
    }),
    classes: () => ({
      dense: 'pooler.dense',
      activation: activationOf(config, 'pooler_hidden_act', 'gelu'),
      classifier: 'classifier',
    }),
    masked: () => maskedHead(config, settings, embeddings),
  })
}

export const deberta: Architecture = {
  name: 'deberta-v2',
  ...encoderClasses('DebertaV2'),
  cite: 'He et al. 2021 (arXiv 2006.03654; arXiv 2111.09543)',
  make,
}
