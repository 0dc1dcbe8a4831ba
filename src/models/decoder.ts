// The decoders of the Llama kind: RMSNorm, rotary positions, grouped-query attention, SwiGLU. Qwen 2 and 3 and Mistral differ
// from Llama by a few switches. Tensor names and shapes are those of transformers' …ForCausalLM, …ForSequenceClassification and …Model.
import { z } from 'zod'
import { UserError } from '../errors/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import { activationOf } from './activations.js'
import { type Config, countOf, epsilonOf, fewOf, isSet, KIND, read } from './config.js'
import { decoderHead } from './decoder-head.js'
import { attend, type HeadSizes, linear, rmsNorm } from './layers.js'
import { causalMask } from './masks.js'
import type { Block, Inputs, Model, Weights } from './model.js'
import { checkPositions } from './positions.js'
import { halfRotation, readRope, rotations } from './rope.js'
import { declareShapes, type Shapes } from './shapes.js'
import { embedBlock, pickWanted } from './vocabulary.js'

const WORD = 'model.embed_tokens.weight'

interface Decoder extends HeadSizes {
  width: number
  inner: number
  epsilon: number
  activation: (x: Tensor) => Tensor
  tied: boolean
  /** Biases of q, k and v; of o; of the MLP. */
  biases: [boolean, boolean, boolean]
  /** RMSNorm of every query and key head before the rotation (Qwen 3). */
  headNorms: boolean
  /** Which layers see `window` keys only. */
  local: boolean[]
  window: number
}

type Kind = 'llama' | 'qwen2' | 'qwen3' | 'mistral'

/** What transformers' classes take for keys that a config.json leaves out. */
const DEFAULTS: Record<Kind, Config> = {
  llama: { max_position_embeddings: 2048 },
  qwen2: { max_position_embeddings: 32768, num_key_value_heads: 32, sliding_window: 4096, max_window_layers: 28 },
  qwen3: {
    max_position_embeddings: 32768,
    num_key_value_heads: 32,
    sliding_window: 4096,
    max_window_layers: 28,
    head_dim: 128,
  },
  mistral: { max_position_embeddings: 131072, num_key_value_heads: 8, sliding_window: 4096 },
}

/**
 * Layers with a sliding window. Where a model has one: as `layer_types` says; else all of Mistral's (with `layer_types` transformers
 * reads it as Ministral), and Qwen's from `max_window_layers` on.
 */
function localLayers(kind: Kind, config: Config, layers: number): boolean[] {
  const all = (value: (layer: number) => boolean) => Array.from({ length: layers }, (_, layer) => value(layer))
  const windowed = (config.sliding_window ?? null) !== null
  if (kind === 'llama' || !windowed || (kind !== 'mistral' && !isSet(config, 'use_sliding_window', false)))
    return all(() => false)
  const types = read(config, 'layer_types', z.array(KIND.word).optional())
  if (
    types &&
    (types.length !== layers || types.some((type) => type !== 'sliding_attention' && type !== 'full_attention'))
  ) {
    throw new UserError(
      `config.json: layer_types must say full_attention or sliding_attention for each of the ${layers} layers, got ${JSON.stringify(types)}`,
    )
  }
  if (types) return all((layer) => types[layer] === 'sliding_attention')
  return all((layer) => kind === 'mistral' || layer >= read(config, 'max_window_layers', KIND.index))
}

function readConfig(kind: Kind, config: Config): Decoder {
  const width = countOf(config, 'hidden_size')
  const heads = fewOf(config, 'num_attention_heads')
  const kvHeads = fewOf(config, 'num_key_value_heads', heads)
  if (heads % kvHeads)
    throw new UserError(
      `config.json: ${heads} attention heads do not divide into ${kvHeads} groups (num_key_value_heads)`,
    )
  const local = localLayers(kind, config, fewOf(config, 'num_hidden_layers'))
  const attention = isSet(config, 'attention_bias', false) && kind !== 'mistral'
  return {
    width,
    heads,
    kvHeads,
    headDim: fewOf(config, 'head_dim', Math.floor(width / heads)),
    inner: countOf(config, 'intermediate_size'),
    epsilon: epsilonOf(config, 'rms_norm_eps', 1e-6),
    activation: activationOf(config, 'hidden_act', 'silu'),
    tied: isSet(config, 'tie_word_embeddings', false),
    biases:
      kind === 'qwen2'
        ? [true, false, false]
        : [attention, attention, kind === 'llama' && isSet(config, 'mlp_bias', false)],
    headNorms: kind === 'qwen3',
    local,
    window: local.includes(true) ? countOf(config, 'sliding_window') : Infinity,
  }
}

function rotate(x: Tensor, cos: Tensor, sin: Tensor, half: Tensor): Tensor {
  const turned = tf.matMul(x.reshape([-1, half.shape[0]]) as tf.Tensor2D, half as tf.Tensor2D).reshape(x.shape)
  return x.mul(cos).add(turned.mul(sin))
}

function attention(x: Tensor, weights: Weights, layer: number, { c, inputs }: { c: Decoder; inputs: Inputs }): Tensor {
  const { tables } = inputs
  const prefix = `model.layers.${layer}.self_attn.`
  const heads = (name: 'q' | 'k') => {
    const all = linear(x, weights, `${prefix}${name}_proj`)
    if (!c.headNorms) return all
    return rmsNorm(all.reshape([-1, c.headDim]), weights[`${prefix}${name}_norm.weight`]!, c.epsilon).reshape(all.shape)
  }
  const queries = rotate(heads('q'), tables.cosQ!, tables.sinQ!, tables.half!)
  const keys = rotate(heads('k'), tables.cosK!, tables.sinK!, tables.half!)
  const values = linear(x, weights, `${prefix}v_proj`)
  const mask = c.local[layer] ? tables.near : tables.before
  return linear(attend([queries, keys, values], mask!, inputs, { ...c, layer }), weights, `${prefix}o_proj`)
}

function mlp(x: Tensor, weights: Weights, prefix: string, { activation }: Decoder): Tensor {
  const gate = linear(x, weights, `${prefix}gate_proj`)
  return linear(activation(gate).mul(linear(x, weights, `${prefix}up_proj`)), weights, `${prefix}down_proj`)
}

function tensorShapes(c: Decoder, vocabulary: number) {
  const book = declareShapes()
  const [inBias, outBias, mlpBias] = c.biases
  book.affine('model.embed_tokens', [vocabulary, c.width], false)
  for (const layer of c.local.keys()) {
    const at = `model.layers.${layer}.`
    book.affine(`${at}input_layernorm`, [c.width], false)
    book.matrix(`${at}self_attn.q_proj`, [c.heads * c.headDim, c.width], inBias)
    book.matrix(`${at}self_attn.k_proj`, [c.kvHeads * c.headDim, c.width], inBias)
    book.matrix(`${at}self_attn.v_proj`, [c.kvHeads * c.headDim, c.width], inBias)
    book.matrix(`${at}self_attn.o_proj`, [c.width, c.heads * c.headDim], outBias)
    if (c.headNorms) for (const name of ['q_norm', 'k_norm']) book.affine(`${at}self_attn.${name}`, [c.headDim], false)
    book.affine(`${at}post_attention_layernorm`, [c.width], false)
    book.matrix(`${at}mlp.gate_proj`, [c.inner, c.width], mlpBias)
    book.matrix(`${at}mlp.up_proj`, [c.inner, c.width], mlpBias)
    book.matrix(`${at}mlp.down_proj`, [c.width, c.inner], mlpBias)
  }
  book.affine('model.norm', [c.width], false)
  return book
}

/** From the lookup to the last norm. */
function blocksOf(c: Decoder, { under }: Shapes, vocabulary: number): Block[] {
  return [
    embedBlock(WORD, vocabulary),
    ...c.local.map((_, layer): Block => {
      const at = `model.layers.${layer}.`
      return {
        name: `layer ${layer}`,
        weights: under(at),
        apply(weights, hidden, inputs) {
          const normed = rmsNorm(hidden!, weights[`${at}input_layernorm.weight`]!, c.epsilon)
          const middle = hidden!.add(attention(normed, weights, layer, { c, inputs }))
          return middle.add(
            mlp(rmsNorm(middle, weights[`${at}post_attention_layernorm.weight`]!, c.epsilon), weights, `${at}mlp.`, c),
          )
        },
      }
    }),
    {
      name: 'norm',
      weights: ['model.norm.weight'],
      apply: (weights, hidden, { wanted }) =>
        rmsNorm(pickWanted(hidden!, wanted), weights['model.norm.weight']!, c.epsilon),
    },
  ]
}

/** A model of this kind from its config.json. */
export const decoder =
  (kind: Kind) =>
  (written: Config): Model => {
    const config = { ...DEFAULTS[kind], ...written }
    const c = readConfig(kind, config)
    const vocabulary = countOf(config, 'vocab_size')
    const positions = countOf(config, 'max_position_embeddings')
    const rope = readRope(config, c.headDim, positions)
    const book = tensorShapes(c, vocabulary)
    const { blocks: end, ...head } = decoderHead(book, config, { word: WORD, logits: c.tied ? WORD : 'lm_head.weight' })
    const blocks = [...blocksOf(c, book, vocabulary), ...end]
    return {
      architecture: kind,
      ...head,
      vocabulary,
      positions,
      width: c.width,
      heads: c.heads,
      shapes: book.shapes,
      linear: book.linear,
      blocks,
      tables(batch, cache) {
        const at = batch.positions
        checkPositions(at, rope.positions)
        const table = (heads: number): [tf.Tensor2D, tf.Tensor2D] => {
          const { cos, sin } = rotations(at, rope, heads)
          const shape: [number, number] = [at.length, heads * c.headDim]
          return [tf.tensor2d(cos, shape), tf.tensor2d(sin, shape)]
        }
        const [cosQ, sinQ] = table(c.heads)
        const [cosK, sinK] = c.kvHeads === c.heads ? [cosQ, sinQ] : table(c.kvHeads)
        return {
          cosQ,
          sinQ,
          cosK,
          sinK,
          half: tf.tensor2d(halfRotation(c.headDim), [c.headDim, c.headDim]),
          ...(c.local.includes(false) && { before: causalMask(batch, cache) }),
          ...(c.local.includes(true) && { near: causalMask(batch, cache, c.window) }),
        }
      },
    }
  }
