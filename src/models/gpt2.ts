// GPT-2 (Radford et al. 2019): LayerNorm before each half of a layer, learned positions, tied embeddings, and linear layers
// stored [in, out] (Conv1D) with q, k and v side by side. Names and shapes are those of transformers'
// GPT2LMHeadModel, GPT2ForSequenceClassification and GPT2Model.
import { type Tensor, tf } from '../tensor/index.js'
import { activationOf } from './activations.js'
import { type Config, checkUsual, countOf, epsilonOf, fewOf, headDimOf, isSet } from './config.js'
import { decoderHead } from './decoder-head.js'
import { attend, layerNorm } from './layers.js'
import { causalMask } from './masks.js'
import type { Block, Model, Weights } from './model.js'
import { positionBlock, positionTable } from './positions.js'
import { declareShapes } from './shapes.js'
import { embedBlock, pickWanted } from './vocabulary.js'

/** x·W + b with W stored [in, out]. */
function conv1d(x: Tensor, weights: Weights, name: string): Tensor {
  return tf.matMul(x as tf.Tensor2D, weights[`${name}.weight`] as tf.Tensor2D).add(weights[`${name}.bias`]!)
}

/** A model from its config.json. One piece: each tensor is declared beside the block that reads it. */
export function gpt2(config: Config): Model {
  checkUsual(config, 'gpt2', { add_cross_attention: false })
  const [width, heads] = [countOf(config, 'n_embd'), fewOf(config, 'n_head')]
  const inner = countOf(config, 'n_inner', 4 * width)
  const vocabulary = countOf(config, 'vocab_size')
  const positions = countOf(config, 'n_positions', 1024)
  const epsilon = epsilonOf(config, 'layer_norm_epsilon', 1e-5)
  const activation = activationOf(config, 'activation_function', 'gelu_new')
  const sizes = { heads, kvHeads: heads, headDim: headDimOf(width, heads) }
  const scale = isSet(config, 'scale_attn_weights', true) ? sizes.headDim ** -0.5 : 1
  const falling = isSet(config, 'scale_attn_by_inverse_layer_idx', false)
  const scaleOf = (index: number) => scale / (falling ? index + 1 : 1)
  const book = declareShapes()
  const [word, position] = ['transformer.wte.weight', 'transformer.wpe.weight']
  const logits = isSet(config, 'tie_word_embeddings', true) ? word : 'lm_head.weight'
  book.shapes[word] = [vocabulary, width]
  book.shapes[position] = [positions, width]

  const layer = (at: string, index: number): Block => {
    book.affine(`${at}ln_1`, [width], true)
    book.matrix(`${at}attn.c_attn`, [width, 3 * width], true, true)
    book.matrix(`${at}attn.c_proj`, [width, width], true, true)
    book.affine(`${at}ln_2`, [width], true)
    book.matrix(`${at}mlp.c_fc`, [width, inner], true, true)
    book.matrix(`${at}mlp.c_proj`, [inner, width], true, true)
    return {
      name: `layer ${index}`,
      weights: book.under(at),
      apply(weights, hidden, inputs) {
        const fused = conv1d(layerNorm(hidden!, weights, `${at}ln_1`, epsilon), weights, `${at}attn.c_attn`)
        const [q, k, v] = tf.split(fused, 3, 1)
        const mixed = attend([q!, k!, v!], inputs.tables.before!, inputs, {
          ...sizes,
          layer: index,
          scale: scaleOf(index),
        })
        const middle = hidden!.add(conv1d(mixed, weights, `${at}attn.c_proj`))
        const opened = conv1d(layerNorm(middle, weights, `${at}ln_2`, epsilon), weights, `${at}mlp.c_fc`)
        return middle.add(conv1d(activation(opened), weights, `${at}mlp.c_proj`))
      },
    }
  }
  const layers = Array.from({ length: fewOf(config, 'n_layer') }, (_, index) => layer(`transformer.h.${index}.`, index))
  book.affine('transformer.ln_f', [width], true)
  const norm = book.under('transformer.ln_f')
  const { blocks: end, ...head } = decoderHead(book, config, { word, logits })
  return {
    architecture: 'gpt2',
    ...head,
    vocabulary,
    positions,
    width,
    heads,
    shapes: book.shapes,
    linear: book.linear,
    tables: (batch, cache) => ({
      before: causalMask(batch, cache),
      positions: positionTable(batch.positions, positions),
    }),
    blocks: [
      embedBlock(word, vocabulary),
      positionBlock(position),
      ...layers,
      {
        name: 'norm',
        weights: norm,
        apply: (weights, hidden, { wanted }) =>
          layerNorm(pickWanted(hidden!, wanted), weights, 'transformer.ln_f', epsilon),
      },
      ...end,
    ],
  }
}
