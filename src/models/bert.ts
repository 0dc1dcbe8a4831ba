// BERT (Devlin et al. 2019) and RoBERTa (Liu et al. 2019; XLM-RoBERTa is the same in many languages) with a head for a sequence
// (classes, one number, or whether one sentence follows the other), for masked tokens, or without a head. Names and shapes are those of transformers' Bert… and Roberta….
import { LITE_NAMES, liteTokens } from '../adapters/index.js'
import { UserError } from '../errors/index.js'
import { tf } from '../tensor/index.js'
import { ACTIVATIONS, activationOf, tanh } from './activations.js'
import type { Batch } from './batch.js'
import {
  type Config,
  checkUsual,
  classOf,
  countOf,
  epsilonOf,
  fewOf,
  headObjective,
  isSet,
  KIND,
  labelsOf,
  read,
} from './config.js'
import { encoderLayer, type LayerNames, type LayerSettings } from './encoder.js'
import { layerNorm, linear } from './layers.js'
import { paddingMask } from './masks.js'
import type { Block, Model } from './model.js'
import { liteBlocks, liteOf } from './parameter-lite.js'
import { positionTable } from './positions.js'
import { declareShapes, type Shapes } from './shapes.js'
import { embedBlock, pickWanted, projectBlock } from './vocabulary.js'

const LAYER: LayerNames = {
  attention: {
    query: 'attention.self.query',
    key: 'attention.self.key',
    value: 'attention.self.value',
    out: 'attention.output.dense',
  },
  mlp: { open: 'intermediate.dense', close: 'output.dense' },
  norms: ['attention.output.LayerNorm', 'output.LayerNorm'],
  order: 'post',
}

type Kind = 'bert' | 'roberta'

/** Where the two kinds keep their heads. BERT's pooler belongs to the encoder, RoBERTa's to the classifier. */
const HEADS = {
  bert: {
    pooler: 'bert.pooler.dense',
    classifier: 'classifier',
    follows: 'cls.seq_relationship',
    transform: 'cls.predictions.transform.dense',
    norm: 'cls.predictions.transform.LayerNorm',
    decoder: 'cls.predictions.decoder',
    bias: 'cls.predictions.bias',
  },
  roberta: {
    pooler: 'classifier.dense',
    classifier: 'classifier.out_proj',
    transform: 'lm_head.dense',
    norm: 'lm_head.layer_norm',
    decoder: 'lm_head.decoder',
    bias: 'lm_head.bias',
  },
}

/** @throws UserError for a second text that the model has no row for */
function segmentTable({ ids, types }: Batch, rows: number): tf.Tensor1D {
  const beyond = types?.find((type) => type >= rows)
  if (beyond !== undefined)
    throw new UserError(
      `the tokenizer puts tokens in segment ${beyond} of a pair (token_type_ids), and the model has ${rows} (type_vocab_size in config.json); model_input_names of tokenizer_config.json without token_type_ids puts all in the first`,
    )
  return tf.tensor1d(types ?? new Int32Array(ids.length), 'int32')
}

/** RoBERTa counts positions over the real tokens, from pad + 1; pads stand at pad. */
function realPositions(ids: Int32Array, columns: number, pad: number): Int32Array {
  let count = 0
  return ids.map((id, i) => {
    if (i % columns === 0) count = 0
    return id === pad ? pad : pad + ++count
  })
}

/** classifier(tanh(pooler(hidden state of the first token))). */
function sequenceHead(
  book: Shapes,
  { pooler, classifier }: { pooler: string; classifier: string },
  width: number,
  labels: number,
): Block[] {
  book.affine(pooler, [width, width], true)
  book.affine(classifier, [labels, width], true)
  return [
    {
      name: 'head',
      weights: [pooler, classifier].flatMap((name) => [`${name}.weight`, `${name}.bias`]),
      apply: (weights, hidden, { wanted }) =>
        linear(tanh(linear(pickWanted(hidden!, wanted), weights, pooler)), weights, classifier),
    },
  ]
}

/** Dense, activation, LayerNorm, then the word embeddings with a bias, or a decoder with weight and bias of its own. */
function maskedHead(book: Shapes, kind: Kind, config: Config, { width, epsilon, activation }: LayerSettings): Block[] {
  const word = `${kind}.embeddings.word_embeddings.weight`
  const { transform, norm, decoder, bias } = HEADS[kind]
  const [matrix, offset] = isSet(config, 'tie_word_embeddings', true)
    ? [word, bias]
    : [`${decoder}.weight`, `${decoder}.bias`]
  const act = kind === 'roberta' ? ACTIVATIONS.gelu : activation
  book.affine(transform, [width, width], true)
  book.affine(norm, [width], true)
  book.shapes[matrix] = book.shapes[word]!
  book.shapes[offset] = [book.shapes[word]![0]!]
  return [
    {
      name: 'transform',
      weights: [transform, norm].flatMap((name) => [`${name}.weight`, `${name}.bias`]),
      apply: (weights, hidden, { wanted }) =>
        layerNorm(act!(linear(pickWanted(hidden!, wanted), weights, transform)), weights, norm, epsilon),
    },
    projectBlock(matrix, offset),
  ]
}

/**
 * An encoder with its head from its config.json.
 * @param name `model_type`, where the kind has several
 */
export function bert(kind: Kind, name: string = kind): (config: Config) => Model {
  return (config) => makeEncoder(kind, name, config)
}

/** Declares the head's tensors. A bare encoder ends with its last layer; BERT's pooler is part of no output here. */
function headOf(book: Shapes, kind: Kind, config: Config, settings: LayerSettings) {
  const style = classOf(config)!
  const [vocabulary, width] = [countOf(config, 'vocab_size'), settings.width]
  if (style.endsWith('Model')) return { objective: 'features' as const, outputs: width, head: [] }
  // BertForPreTraining has a head for pairs of sentences besides, which is not read.
  if (style.endsWith('MaskedLM') || style.endsWith('PreTraining'))
    return { objective: 'masked' as const, outputs: vocabulary, head: maskedHead(book, kind, config, settings) }
  if (style.endsWith('NextSentencePrediction')) {
    // Class 0: the second text follows the first.
    const { pooler, follows } = HEADS.bert
    const head = sequenceHead(book, { pooler, classifier: follows }, width, 2)
    return { objective: 'classes' as const, outputs: 2, head }
  }
  const outputs = labelsOf(config)
  return { objective: headObjective(config), outputs, head: sequenceHead(book, HEADS[kind], width, outputs) }
}

// One piece: each tensor is declared beside the block that reads it.
function makeEncoder(kind: Kind, name: string, config: Config): Model {
  checkUsual(config, name, { position_embedding_type: 'absolute', is_decoder: false, add_cross_attention: false })
  const vocabulary = countOf(config, 'vocab_size')
  const positions = countOf(config, 'max_position_embeddings', 512)
  const pad = read(config, 'pad_token_id', KIND.index, 1)
  const count = fewOf(config, 'num_hidden_layers')
  const lite = liteOf(config, count)
  const settings: LayerSettings = {
    names: LAYER,
    width: countOf(config, 'hidden_size'),
    inner: countOf(config, 'intermediate_size'),
    heads: fewOf(config, 'num_attention_heads'),
    epsilon: epsilonOf(config, 'layer_norm_eps', 1e-12),
    activation: activationOf(config, 'hidden_act', 'gelu'),
    bias: true,
    mask: ({ tables }) => tables.real!,
    between: (index) => (lite?.layers.includes(index) ? LITE_NAMES.layer : undefined),
  }
  const { width, heads, epsilon } = settings
  const book = declareShapes()
  const at = `${kind}.embeddings.`
  const [word, position, type] = ['word', 'position', 'token_type'].map((name) => `${at}${name}_embeddings.weight`)
  const types = countOf(config, 'type_vocab_size', 2)
  Object.assign(book.shapes, {
    [word!]: [vocabulary, width],
    [position!]: [positions, width],
    [type!]: [types, width],
  })
  book.affine(`${at}LayerNorm`, [width], true)
  const place: Block = {
    name: 'positions',
    weights: book.under(at).filter((name) => name !== word),
    apply(weights, hidden, { tables }) {
      const placed = hidden!.add(tf.gather(weights[position!]!, tables.positions as tf.Tensor1D))
      return layerNorm(
        placed.add(tf.gather(weights[type!]!, tables.types as tf.Tensor1D)),
        weights,
        `${at}LayerNorm`,
        epsilon,
      )
    },
  }
  const added = lite ? liteBlocks(book, lite, width, vocabulary) : []
  const layers = Array.from({ length: count }, (_, index) =>
    encoderLayer(book, `${kind}.encoder.layer.`, index, settings),
  )
  const { head, ...ends } = headOf(book, kind, config, settings)
  return {
    architecture: name,
    ...ends,
    vocabulary,
    ...(lite && liteTokens(lite) && { prompt: lite.prompt }),
    positions: kind === 'roberta' ? positions - pad - 1 : positions,
    width,
    heads,
    shapes: book.shapes,
    linear: book.linear,
    blocks: [embedBlock(word!, vocabulary + (lite ? liteTokens(lite) : 0)), ...added, place, ...layers, ...head],
    tables: (batch) => ({
      real: paddingMask(batch),
      positions: positionTable(
        kind === 'roberta' ? realPositions(batch.ids, batch.columns, pad) : batch.ids.map((_, i) => i % batch.columns),
        positions,
      ),
      types: segmentTable(batch, types),
    }),
  }
}
