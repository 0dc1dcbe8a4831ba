// The config.json that the fields of a GGUF file amount to, for the architectures whose losses can be computed.
import type { GgufFile, GgufValue } from '../gguf/index.js'

const CLASSES: Readonly<Record<string, string>> = {
  llama: 'LlamaForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
  gpt2: 'GPT2LMHeadModel',
}

/**
 * Null where the fields do not say all: another architecture, or scaled rotary positions.
 * @param hasOutput whether the file has an output layer of its own
 */
export function configOf({ fields, tensors }: GgufFile, hasOutput: boolean): Record<string, unknown> | null {
  const architecture = String(fields.get('general.architecture'))
  const of = (key: string): GgufValue | undefined => fields.get(`${architecture}.${key}`)
  const number = (key: string): number | undefined => {
    const value = of(key)
    return typeof value === 'number' ? value : undefined
  }
  const isScaled =
    tensors.some(({ name }) => name.startsWith('rope_freqs')) ||
    [...fields.keys()].some((key) => key.startsWith(`${architecture}.rope.scaling`))
  if (!Object.hasOwn(CLASSES, architecture) || isScaled) return null
  const tokens = tensors.find(({ name }) => name === 'token_embd.weight')?.shape[0]
  const shared = {
    architectures: [CLASSES[architecture]],
    model_type: architecture,
    vocab_size: tokens,
    tie_word_embeddings: !hasOutput,
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
  return {
    ...shared,
    hidden_size: width,
    intermediate_size: number('feed_forward_length'),
    num_hidden_layers: number('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: number('attention.head_count_kv') ?? heads,
    head_dim: number('attention.key_length') ?? (width && heads ? width / heads : undefined),
    max_position_embeddings: number('context_length'),
    rms_norm_eps: short(number('attention.layer_norm_rms_epsilon')),
    rope_theta: short(number('rope.freq_base')) ?? 10000,
    hidden_act: 'silu',
    ...(architecture === 'llama' && {
      attention_bias: tensors.some(({ name }) => name.endsWith('attn_q.bias')),
      mlp_bias: tensors.some(({ name }) => name.endsWith('ffn_up.bias')),
    }),
  }
}

/** The shortest decimal of a float32. */
const short = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : Number(value.toPrecision(7))
