// The Llama family (Touvron et al. 2023; Dubey et al. 2024): RMSNorm, rotary positions, grouped-query attention, SwiGLU.
// Tensor names and shapes are those of transformers' LlamaForCausalLM.
import { sigmoid, softmax, tf, type Batch, type Tensor } from '../tensor/index.js'
import { UserError } from '../errors/index.js'
import type { Block, Inputs, Model, Weights } from './model.js'
import { halfRotation, readRope, rotations } from './rope.js'

interface LlamaConfig {
  width: number
  inner: number
  layers: number
  heads: number
  kvHeads: number
  headDim: number
  epsilon: number
  tied: boolean
  attentionBias: boolean
  mlpBias: boolean
}

function readConfig(config: Record<string, unknown>): LlamaConfig {
  const count = (key: string, fallback?: unknown) => {
    const value = config[key] ?? fallback
    if (!Number.isInteger(value) || (value as number) < 1) {
      throw new UserError(`config.json: ${key} must be a positive integer, got ${JSON.stringify(config[key])}`)
    }
    return value as number
  }
  if (config.hidden_act !== undefined && config.hidden_act !== 'silu') {
    throw new UserError(`config.json: hidden_act ${JSON.stringify(config.hidden_act)} is not supported by llama; known: silu`)
  }
  const width = count('hidden_size')
  const heads = count('num_attention_heads')
  return {
    width,
    heads,
    inner: count('intermediate_size'),
    layers: count('num_hidden_layers'),
    kvHeads: count('num_key_value_heads', heads),
    headDim: count('head_dim', width / heads),
    epsilon: Number(config.rms_norm_eps ?? 1e-6),
    tied: config.tie_word_embeddings === true,
    attentionBias: config.attention_bias === true,
    mlpBias: config.mlp_bias === true,
  }
}

/** x / sqrt(mean(x²) + ε) · w over the last axis. */
function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  return x.mul(x.square().mean(-1, true).add(epsilon).rsqrt()).mul(weight)
}

/** x·Wᵀ (+ b) with W stored [out, in]. */
function linear(x: Tensor, weights: Weights, name: string): Tensor {
  const product = tf.matMul(x as tf.Tensor2D, weights[`${name}.weight`] as tf.Tensor2D, false, true)
  const bias = weights[`${name}.bias`]
  return bias ? product.add(bias) : product
}

/** [rows * columns, heads * headDim] → [rows, heads, columns, headDim]. */
function splitHeads(x: Tensor, { rows, columns }: Batch, heads: number): Tensor {
  return x.reshape([rows, columns, heads, -1]).transpose([0, 2, 1, 3])
}

function rotate(x: Tensor, cos: Tensor, sin: Tensor, half: Tensor): Tensor {
  const turned = tf.matMul(x.reshape([-1, half.shape[0]]) as tf.Tensor2D, half as tf.Tensor2D).reshape(x.shape)
  return x.mul(cos).add(turned.mul(sin))
}

function attention(x: Tensor, weights: Weights, prefix: string, layer: number, config: LlamaConfig, inputs: Inputs): Tensor {
  const { batch, tables, cache } = inputs
  const { rows, columns } = batch
  const { heads, kvHeads, headDim } = config
  const queries = splitHeads(rotate(linear(x, weights, `${prefix}q_proj`), tables.cosQ, tables.sinQ, tables.half), batch, heads)
  let keys = splitHeads(rotate(linear(x, weights, `${prefix}k_proj`), tables.cosK, tables.sinK, tables.half), batch, kvHeads)
  let values = splitHeads(linear(x, weights, `${prefix}v_proj`), batch, kvHeads)
  if (cache) {
    const past = cache.layers[layer]
    if (past) {
      keys = tf.concat([past.keys, keys], 2)
      values = tf.concat([past.values, values], 2)
      tf.dispose([past.keys, past.values])
    }
    cache.layers[layer] = { keys: tf.keep(keys), values: tf.keep(values) }
  }
  const length = keys.shape[2]!
  // Query head h reads key head floor(h / group): folding the group into rows needs no copy of keys.
  const folded = queries.reshape([rows * kvHeads, (heads / kvHeads) * columns, headDim]) as tf.Tensor3D
  const scores = tf.matMul(folded, keys.reshape([rows * kvHeads, length, headDim]) as tf.Tensor3D, false, true).mul(headDim ** -0.5)
  const weight = softmax(scores.reshape([rows, heads, columns, length]).add(inputs.visible))
  const mixed = tf.matMul(
    weight.reshape([rows * kvHeads, (heads / kvHeads) * columns, length]) as tf.Tensor3D,
    values.reshape([rows * kvHeads, length, headDim]) as tf.Tensor3D,
  )
  const merged = mixed.reshape([rows, heads, columns, headDim]).transpose([0, 2, 1, 3]).reshape([rows * columns, heads * headDim])
  return linear(merged, weights, `${prefix}o_proj`)
}

function mlp(x: Tensor, weights: Weights, prefix: string): Tensor {
  const gate = linear(x, weights, `${prefix}gate_proj`)
  return linear(gate.mul(sigmoid(gate)).mul(linear(x, weights, `${prefix}up_proj`)), weights, `${prefix}down_proj`)
}

function tensorShapes(c: LlamaConfig, vocabulary: number): { shapes: Record<string, number[]>; linear: string[] } {
  const shapes: Record<string, number[]> = { 'model.embed_tokens.weight': [vocabulary, c.width] }
  const linear: string[] = []
  for (let layer = 0; layer < c.layers; layer++) {
    const at = `model.layers.${layer}.`
    const matrix = (name: string, out: number, inner: number, bias: boolean) => {
      shapes[`${at}${name}.weight`] = [out, inner]
      linear.push(`${at}${name}.weight`)
      if (bias) shapes[`${at}${name}.bias`] = [out]
    }
    shapes[`${at}input_layernorm.weight`] = [c.width]
    matrix('self_attn.q_proj', c.heads * c.headDim, c.width, c.attentionBias)
    matrix('self_attn.k_proj', c.kvHeads * c.headDim, c.width, c.attentionBias)
    matrix('self_attn.v_proj', c.kvHeads * c.headDim, c.width, c.attentionBias)
    matrix('self_attn.o_proj', c.width, c.heads * c.headDim, c.attentionBias)
    shapes[`${at}post_attention_layernorm.weight`] = [c.width]
    matrix('mlp.gate_proj', c.inner, c.width, c.mlpBias)
    matrix('mlp.up_proj', c.inner, c.width, c.mlpBias)
    matrix('mlp.down_proj', c.width, c.inner, c.mlpBias)
  }
  shapes['model.norm.weight'] = [c.width]
  if (!c.tied) shapes['lm_head.weight'] = [vocabulary, c.width]
  return { shapes, linear }
}

/** A causal language model of the Llama family from its config.json. */
export function llama(raw: Record<string, unknown>): Model {
  const config = readConfig(raw)
  const vocabulary = raw.vocab_size as number
  const { shapes, linear: matrices } = tensorShapes(config, vocabulary)
  const rope = readRope(raw, config.headDim)
  const names = Object.keys(shapes)
  const embed: Block = {
    name: 'embed',
    weights: ['model.embed_tokens.weight'],
    apply: (weights, _, { ids }) => tf.gather(weights['model.embed_tokens.weight'], ids.flatten().toInt()),
  }
  const layers = Array.from({ length: config.layers }, (_, layer): Block => {
    const at = `model.layers.${layer}.`
    return {
      name: `layer ${layer}`,
      weights: names.filter((name) => name.startsWith(at)),
      apply(weights, hidden, inputs) {
        const normed = rmsNorm(hidden!, weights[`${at}input_layernorm.weight`], config.epsilon)
        const middle = hidden!.add(attention(normed, weights, `${at}self_attn.`, layer, config, inputs))
        return middle.add(mlp(rmsNorm(middle, weights[`${at}post_attention_layernorm.weight`], config.epsilon), weights, `${at}mlp.`))
      },
    }
  })
  const headName = config.tied ? 'model.embed_tokens.weight' : 'lm_head.weight'
  const head: Block = {
    name: 'head',
    weights: ['model.norm.weight', headName],
    apply(weights, hidden, { wanted }) {
      const rows = wanted ? tf.gather(hidden!, wanted as tf.Tensor1D) : hidden!
      const normed = rmsNorm(rows, weights['model.norm.weight'], config.epsilon)
      return tf.matMul(normed as tf.Tensor2D, weights[headName] as tf.Tensor2D, false, true)
    },
  }
  return {
    architecture: 'llama',
    vocabulary,
    positions: Number(raw.max_position_embeddings ?? 2048),
    shapes,
    linear: matrices,
    blocks: [embed, ...layers, head],
    tables({ positions }) {
      const table = (heads: number) => {
        const { cos, sin } = rotations(positions, rope, heads)
        const shape: [number, number] = [positions.length, heads * config.headDim]
        return [tf.tensor2d(cos, shape), tf.tensor2d(sin, shape)]
      }
      const [cosQ, sinQ] = table(config.heads)
      const [cosK, sinK] = table(config.kvHeads)
      return { cosQ, sinQ, cosK, sinK, half: tf.tensor2d(halfRotation(config.headDim), [config.headDim, config.headDim]) }
    },
  }
}
