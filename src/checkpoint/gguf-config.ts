// The config.json that the fields of a GGUF file amount to, for the architectures whose losses can be computed.
import type { GgufFile, GgufValue } from '../gguf/index.js'

const CLASSES: Readonly<Record<string, string>> = {
  llama: 'LlamaForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
  gpt2: 'GPT2LMHeadModel',
}

/**
 * Null where the fields do not say all: another architecture, experts, or rotary positions that are scaled in a way that they do not name.
 * @param hasOutput whether the file has an output layer of its own
 * @param factors what the file's rotary frequencies are divided by (rope_freqs.weight), if it has any
 */
export function configOf(
  { fields, tensors }: GgufFile,
  hasOutput: boolean,
  factors: Float32Array | null,
): Record<string, unknown> | null {
  const architecture = String(fields.get('general.architecture'))
  const of = (key: string): GgufValue | undefined => fields.get(`${architecture}.${key}`)
  const number = (key: string): number | undefined => {
    const value = of(key)
    return typeof value === 'number' ? value : undefined
  }
  if (!Object.hasOwn(CLASSES, architecture)) return null
  const tokens = tensors.find(({ name }) => name === 'token_embd.weight')?.shape[0]
  const shared = {
    architectures: [CLASSES[architecture]],
    model_type: architecture,
    vocab_size: tokens,
    tie_word_embeddings: !hasOutput,
    ...tokenIds(fields),
  }
  if (architecture === 'gpt2')
    return {
      ...shared,
      n_embd: number('embedding_length'),
      n_layer: number('block_count'),
      n_head: number('attention.head_count'),
      n_positions: number('context_length'),
      n_inner: number('feed_forward_length'),
      layer_norm_epsilon: short(number('attention.layer_norm_epsilon')),
      activation_function: 'gelu_new',
    }
  const heads = number('attention.head_count')
  const width = number('embedding_length')
  const headDim = number('attention.key_length') ?? (width && heads ? width / heads : undefined)
  const theta = short(number('rope.freq_base')) ?? 10000
  const scaling = scalingOf(of, factors, { headDim, theta })
  const isPartial = (number('rope.dimension_count') ?? headDim) !== headDim
  if (!heads || !headDim || scaling === null || isPartial || number('expert_count')) return null
  return {
    ...shared,
    hidden_size: width,
    intermediate_size: number('feed_forward_length'),
    num_hidden_layers: number('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: number('attention.head_count_kv') ?? heads,
    head_dim: headDim,
    max_position_embeddings: number('context_length'),
    rms_norm_eps: short(number('attention.layer_norm_rms_epsilon')),
    rope_theta: theta,
    ...(scaling && { rope_scaling: scaling }),
    hidden_act: 'silu',
    ...(architecture === 'llama' && {
      attention_bias: tensors.some(({ name }) => name.endsWith('attn_q.bias')),
      mlp_bias: tensors.some(({ name }) => name.endsWith('ffn_up.bias')),
    }),
  }
}

/** The special tokens, as transformers puts them into the config. */
function tokenIds(fields: GgufFile['fields']): Record<string, number> {
  const roles = { bos_token_id: 'bos', eos_token_id: 'eos', pad_token_id: 'padding' }
  return Object.fromEntries(
    Object.entries(roles).flatMap(([key, role]) => {
      const id = fields.get(`tokenizer.ggml.${role}_token_id`)
      return typeof id === 'number' ? [[key, id]] : []
    }),
  )
}

type Scaling = Record<string, string | number>

/** The scaling of rotary positions: undefined where there is none, null where the fields do not say it all. */
function scalingOf(
  of: (key: string) => GgufValue | undefined,
  factors: Float32Array | null,
  { headDim, theta }: { headDim: number | undefined; theta: number },
): Scaling | undefined | null {
  const [type, factor, length] = [
    of('rope.scaling.type'),
    of('rope.scaling.factor'),
    of('rope.scaling.original_context_length'),
  ]
  if (factors) return type === undefined || type === 'none' ? llama3Scaling(factors, headDim, theta) : null
  if (type === undefined || type === 'none') return undefined
  if (typeof factor !== 'number') return null
  if (type === 'linear') return { rope_type: 'linear', factor: short(factor)! }
  if (type !== 'yarn' || typeof length !== 'number') return null
  const others = [
    'attn_factor',
    'yarn_ext_factor',
    'yarn_attn_factor',
    'yarn_log_multiplier',
    'yarn_beta_fast',
    'yarn_beta_slow',
  ]
  if (others.some((key) => of(`rope.scaling.${key}`) !== undefined)) return null
  return { rope_type: 'yarn', factor: short(factor)!, original_max_position_embeddings: length }
}

/** Llama 3 is scaled by a rule of four numbers, of which the file has only the result: those that its releases have, where they give it. */
function llama3Scaling(factors: Float32Array, headDim: number | undefined, theta: number): Scaling | null {
  if (factors.length * 2 !== headDim) return null
  const [factor, low, high, length] = [Math.max(...factors), 1, 4, 8192]
  const fits = factors.every((given, i) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * i) / headDim)
    const share = (length / wavelength - low) / (high - low)
    const made =
      wavelength < length / high ? 1 : wavelength > length / low ? factor : 1 / ((1 - share) / factor + share)
    return Math.abs(given - made) <= 1e-5 * made
  })
  if (!fits) return null
  return {
    rope_type: 'llama3',
    factor,
    low_freq_factor: low,
    high_freq_factor: high,
    original_max_position_embeddings: length,
  }
}

/** The shortest decimal of a float32. */
const short = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : Number(value.toPrecision(7))
