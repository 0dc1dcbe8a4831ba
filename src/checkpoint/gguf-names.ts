// Names of tensors in GGUF files → those of transformers, and what llama.cpp's converter did to each, by architecture.

/** How a stored tensor becomes that of transformers. */
export type GgufChange =
  /** Rows of each head are in pairs: (heads, d/2, 2) → (heads, 2, d/2). */
  | { change: 'heads'; heads: 'head_count' | 'head_count_kv' }
  /** Stored plus 1. */
  | { change: 'less one' }
  | { change: 'transposed' }

interface Architecture {
  /** Within a layer, and outside of them; without `.weight` and `.bias`. A `*` stands for the expert whose matrices lie one after the other. */
  layer: Readonly<Record<string, string>>
  other: Readonly<Record<string, string>>
  /** What stands before the number of the layer. */
  layers: string
  change(name: string): GgufChange | null
}

const LLAMA_LAYER = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
}
const LLAMA_OTHER = { token_embd: 'model.embed_tokens', output_norm: 'model.norm', output: 'lm_head' }

const qwen: Architecture = { layer: LLAMA_LAYER, other: LLAMA_OTHER, layers: 'model.layers', change: () => null }

/** Mixtral is of the architecture llama. */
const llama: Architecture = {
  ...qwen,
  layer: {
    ...LLAMA_LAYER,
    ffn_gate_inp: 'block_sparse_moe.gate',
    ffn_gate_exps: 'block_sparse_moe.experts.*.w1',
    ffn_up_exps: 'block_sparse_moe.experts.*.w3',
    ffn_down_exps: 'block_sparse_moe.experts.*.w2',
  },
  change(name) {
    const head = /\.attn_([qk])\./.exec(name)?.[1]
    return head ? { change: 'heads', heads: head === 'q' ? 'head_count' : 'head_count_kv' } : null
  },
}

const qwenMoe: Architecture = {
  ...qwen,
  layer: {
    ...LLAMA_LAYER,
    ffn_gate_inp: 'mlp.gate',
    ffn_gate_exps: 'mlp.experts.*.gate_proj',
    ffn_up_exps: 'mlp.experts.*.up_proj',
    ffn_down_exps: 'mlp.experts.*.down_proj',
    ffn_gate_inp_shexp: 'mlp.shared_expert_gate',
    ffn_gate_shexp: 'mlp.shared_expert.gate_proj',
    ffn_up_shexp: 'mlp.shared_expert.up_proj',
    ffn_down_shexp: 'mlp.shared_expert.down_proj',
  },
}

const phi3: Architecture = {
  ...qwen,
  layer: { ...LLAMA_LAYER, attn_qkv: 'self_attn.qkv_proj', ffn_up: 'mlp.gate_up_proj' },
}

/** Its norms of heads lie together in one tensor, which keeps its name. */
const { attn_q_norm: _q, attn_k_norm: _k, ...STABLELM_LAYER } = LLAMA_LAYER
const stablelm: Architecture = { ...qwen, layer: STABLELM_LAYER }

const starcoder2: Architecture = { ...qwen, layer: { ...LLAMA_LAYER, ffn_up: 'mlp.c_fc', ffn_down: 'mlp.c_proj' } }

const gemma: Architecture = {
  ...qwen,
  change: (name) => (name.endsWith('norm.weight') ? { change: 'less one' } : null),
}

const gemma2: Architecture = {
  ...gemma,
  layer: {
    ...LLAMA_LAYER,
    post_attention_norm: 'post_attention_layernorm',
    ffn_norm: 'pre_feedforward_layernorm',
    post_ffw_norm: 'post_feedforward_layernorm',
  },
}

const gpt2: Architecture = {
  layer: {
    attn_norm: 'ln_1',
    attn_qkv: 'attn.c_attn',
    attn_output: 'attn.c_proj',
    ffn_norm: 'ln_2',
    ffn_up: 'mlp.c_fc',
    ffn_down: 'mlp.c_proj',
  },
  other: {
    token_embd: 'transformer.wte',
    position_embd: 'transformer.wpe',
    output_norm: 'transformer.ln_f',
    output: 'lm_head',
  },
  layers: 'transformer.h',
  change: (name) => (/\.(attn_qkv|attn_output|ffn_up|ffn_down)\.weight$/.test(name) ? { change: 'transposed' } : null),
}

/** By `general.architecture`. */
export const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  llama,
  qwen2: qwen,
  qwen3: qwen,
  qwen2moe: qwenMoe,
  qwen3moe: qwenMoe,
  gemma,
  gemma2,
  gemma3: gemma2,
  gpt2,
  phi3,
  starcoder2,
  stablelm,
  nemotron: gemma,
}

/** Made from the configuration when a model is built. */
export const isComputed = (name: string): boolean => /^rope_(freqs|factors_long|factors_short)\.weight$/.test(name)

/** The name that transformers gives, with a `*` for experts; null for one that no architecture here has. */
export function transformersName({ layer, other, layers }: Architecture, name: string): string | null {
  const [, number, part, end] = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/.exec(name) ?? []
  if (part === undefined) return null
  const table = number === undefined ? other : layer
  if (!Object.hasOwn(table, part)) return null
  return number === undefined ? `${table[part]}.${end}` : `${layers}.${number}.${table[part]}.${end}`
}
