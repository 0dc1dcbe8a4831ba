// The architectures of GGUF files that are read: names of tensors, and what llama.cpp's converter (0.3.36 of llama-cpp-python) did to them.
import type { GgufArchitecture } from './gguf-names.js'
import { grouped, halved, paired } from './gguf-rows.js'

const ATTENTION = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_norm: 'post_attention_layernorm',
}
const MLP = { ffn_gate: 'mlp.gate_proj', ffn_up: 'mlp.up_proj', ffn_down: 'mlp.down_proj' }
const EXPERTS = {
  ffn_gate_inp: 'mlp.gate',
  ffn_gate_exps: 'mlp.experts.*.gate_proj',
  ffn_up_exps: 'mlp.experts.*.up_proj',
  ffn_down_exps: 'mlp.experts.*.down_proj',
}
const sharedExperts = (module: string) => ({
  ffn_gate_shexp: `mlp.${module}.gate_proj`,
  ffn_up_shexp: `mlp.${module}.up_proj`,
  ffn_down_shexp: `mlp.${module}.down_proj`,
})
const OTHER = { token_embd: 'model.embed_tokens', output_norm: 'model.norm', output: 'lm_head' }

type Names = Readonly<Record<string, string>>

/** A decoder whose modules are called as Llama's, but for some. */
const likeLlama = (names: Names = {}, other: Names = {}, change = none): GgufArchitecture => ({
  stacks: { blk: { layers: 'model.layers', names: { ...ATTENTION, ...MLP, ...names } } },
  other: { ...OTHER, ...other },
  change,
})

type Change = GgufArchitecture['change']

const none: Change = () => null

const pairs: Change = (name) => {
  const head = /\.attn_([qk])\./.exec(name)?.[1]
  return head ? { change: 'rows', order: ({ queries, keys }) => paired(head === 'q' ? queries : keys) } : null
}

/** Those of GLM that see turn queries and keys by several axes, for which the converter orders their rows. */
const halves: Change = (name) => {
  const head = /\.attn_([qk])\./.exec(name)?.[1]
  if (!head) return null
  return {
    change: 'rows',
    order: ({ queries, keys, turning }) => (turning === null ? null : halved(head === 'q' ? queries : keys, turning)),
  }
}

const lessOne: Change = (name) => (name.endsWith('norm.weight') ? { change: 'less one' } : null)

const transposed =
  (parts: RegExp): Change =>
  (name) =>
    parts.test(name) ? { change: 'transposed', of: 1 } : null

/** Of queries, keys and values in one matrix. */
const groups: Change = (name) =>
  /\.attn_qkv\./.test(name) ? { change: 'rows', order: ({ queries, keys }) => grouped(queries, keys) } : null

/** Norms before and behind, or behind alone. */
const NORMS_BEHIND = {
  post_attention_norm: 'post_attention_layernorm',
  ffn_norm: 'pre_feedforward_layernorm',
  post_ffw_norm: 'post_feedforward_layernorm',
}
const NORM_AS_IN_MEMORY = { post_attention_norm: 'post_attention_layernorm' }

const MIXTRAL = {
  ffn_gate_inp: 'block_sparse_moe.gate',
  ffn_gate_exps: 'block_sparse_moe.experts.*.w1',
  ffn_up_exps: 'block_sparse_moe.experts.*.w3',
  ffn_down_exps: 'block_sparse_moe.experts.*.w2',
}
/** Mixtral is of the architecture llama. */
const llama = likeLlama(MIXTRAL, {}, pairs)
const qwenMoe = likeLlama({
  ...EXPERTS,
  ffn_gate_inp_shexp: 'mlp.shared_expert_gate',
  ...sharedExperts('shared_expert'),
})
const SHARED_MOE = {
  ...NORM_AS_IN_MEMORY,
  ...EXPERTS,
  ...sharedExperts('shared_experts'),
  'exp_probs_b.bias': 'mlp.gate.e_score_correction_bias',
}
/** Of layers behind the last one, which guess further tokens. */
const NEXT_TOKENS = {
  'nextn.eh_proj': 'eh_proj',
  'nextn.embed_tokens': 'embed_tokens',
  'nextn.enorm': 'enorm',
  'nextn.hnorm': 'hnorm',
  'nextn.shared_head_head': 'shared_head.head',
  'nextn.shared_head_norm': 'shared_head.norm',
}
/** Its norms of heads lie together in one tensor, which keeps its name. */
const { attn_q_norm: _q, attn_k_norm: _k, ...STABLELM } = ATTENTION

const gptOss: GgufArchitecture = likeLlama(
  {
    ...NORM_AS_IN_MEMORY,
    'attn_sinks.weight': 'self_attn.sinks',
    ffn_gate_inp: 'mlp.router',
    ...Object.fromEntries(
      ['gate_exps', 'up_exps', 'down_exps'].flatMap((part) => {
        const whole = `mlp.experts.${part === 'down_exps' ? 'down_proj' : 'gate_up_proj'}`
        return [
          [`ffn_${part}.weight`, whole],
          [`ffn_${part}.bias`, `${whole}_bias`],
        ]
      }),
    ),
  },
  {},
  (name) => {
    const [, part, end] = /\.ffn_(\w+)_exps\.(weight|bias)$/.exec(name) ?? []
    if (part === 'down') return end === 'weight' ? { change: 'transposed', of: 1 } : null
    return part ? { change: end === 'weight' ? 'transposed' : 'alternating', of: 2 } : null
  },
)

/** GPT-2's names; its matrices are stored as those of linear layers are. */
const likeGpt2 = (change: Change): GgufArchitecture => ({
  stacks: {
    blk: {
      layers: 'transformer.h',
      names: {
        attn_norm: 'ln_1',
        attn_qkv: 'attn.c_attn',
        attn_output: 'attn.c_proj',
        ffn_norm: 'ln_2',
        ffn_up: 'mlp.c_fc',
        ffn_down: 'mlp.c_proj',
      },
    },
  },
  other: {
    token_embd: 'transformer.wte',
    position_embd: 'transformer.wpe',
    output_norm: 'transformer.ln_f',
    output: 'lm_head',
  },
  change,
})

/** Queries, keys and values are one matrix in groups. @param attention the module */
const likeBloom = (layers: string, attention: string, names: Names, other: Names): GgufArchitecture => ({
  stacks: {
    blk: {
      layers,
      names: {
        attn_norm: 'input_layernorm',
        ffn_norm: 'post_attention_layernorm',
        attn_qkv: `${attention}.query_key_value`,
        attn_output: `${attention}.dense`,
        ffn_up: 'mlp.dense_h_to_4h',
        ffn_down: 'mlp.dense_4h_to_h',
        ...names,
      },
    },
  },
  other,
  change: groups,
})
const BLOOM = {
  token_embd: 'transformer.word_embeddings',
  token_embd_norm: 'transformer.word_embeddings_layernorm',
  output_norm: 'transformer.ln_f',
  output: 'lm_head',
}

/** Layers of several parts, each with its norm. */
function t5(has: Has): GgufArchitecture {
  const up = has('ffn_gate') ? { ffn_gate: 'wi_0', ffn_up: 'wi_1' } : { ffn_up: 'wi' }
  const attention = (stored: string, layer: number, module: string): Names => ({
    ...Object.fromEntries(
      ['q', 'k', 'v', 'o'].map((part) => [`${stored}_${part}`, `layer.${layer}.${module}.${part}`]),
    ),
    [`${stored}_rel_b`]: `layer.${layer}.${module}.relative_attention_bias`,
    [`${stored}_norm`]: `layer.${layer}.layer_norm`,
  })
  const dense = (layer: number): Names => ({
    ...Object.fromEntries(
      Object.entries({ ...up, ffn_down: 'wo' }).map(([part, name]) => [part, `layer.${layer}.DenseReluDense.${name}`]),
    ),
    ffn_norm: `layer.${layer}.layer_norm`,
  })
  const own = attention('attn', 0, 'SelfAttention')
  return {
    stacks: {
      'enc.blk': { layers: 'encoder.block', names: { ...own, ...dense(1) } },
      'dec.blk': {
        layers: 'decoder.block',
        names: { ...own, ...attention('cross_attn', 1, 'EncDecAttention'), ...dense(2) },
      },
    },
    other: {
      token_embd: 'shared',
      'enc.output_norm': 'encoder.final_layer_norm',
      'dec.output_norm': 'decoder.final_layer_norm',
      output: 'lm_head',
    },
    change: none,
  }
}

/** Whether any layer of the file has a tensor of this name. */
type Has = (part: string) => boolean

/** By `general.architecture`; some depend on what a file has. */
export const ARCHITECTURES: Readonly<Record<string, GgufArchitecture | ((has: Has) => GgufArchitecture)>> = {
  llama,
  mistral3: llama,
  granite: llama,
  smollm3: llama,
  olmo: llama,
  arcee: llama,
  qwen2: likeLlama(),
  qwen3: likeLlama(),
  qwen2moe: qwenMoe,
  qwen3moe: qwenMoe,
  olmoe: qwenMoe,
  olmo2: likeLlama(NORMS_BEHIND),
  exaone4: likeLlama(NORMS_BEHIND),
  seed_oss: likeLlama(NORM_AS_IN_MEMORY),
  'command-r': likeLlama(),
  cohere2: likeLlama(),
  ernie4_5: likeLlama(),
  'hunyuan-dense': likeLlama({ attn_q_norm: 'self_attn.query_layernorm', attn_k_norm: 'self_attn.key_layernorm' }),
  glm4: likeLlama(
    {
      ffn_up: 'mlp.gate_up_proj',
      post_attention_norm: 'post_self_attn_layernorm',
      post_ffw_norm: 'post_mlp_layernorm',
      ...NEXT_TOKENS,
    },
    {},
    halves,
  ),
  glm4moe: likeLlama({ ...SHARED_MOE, ...NEXT_TOKENS }),
  dots1: likeLlama(SHARED_MOE),
  'ernie4_5-moe': likeLlama({
    ...EXPERTS,
    ...sharedExperts('shared_experts'),
    'exp_probs_b.bias': 'mlp.moe_statics.e_score_correction_bias',
  }),
  'minimax-m2': likeLlama({ ...MIXTRAL, 'exp_probs_b.bias': 'block_sparse_moe.e_score_correction_bias' }),
  gemma: likeLlama({}, {}, lessOne),
  gemma2: likeLlama(NORMS_BEHIND, {}, lessOne),
  gemma3: likeLlama(NORMS_BEHIND, {}, lessOne),
  phi2: likeLlama(
    { attn_output: 'self_attn.dense', ffn_up: 'mlp.fc1', ffn_down: 'mlp.fc2' },
    { output_norm: 'model.final_layernorm' },
  ),
  phi3: likeLlama({ attn_qkv: 'self_attn.qkv_proj', ffn_up: 'mlp.gate_up_proj' }),
  starcoder2: likeLlama({ ffn_up: 'mlp.c_fc', ffn_down: 'mlp.c_proj' }),
  stablelm: { ...likeLlama(), stacks: { blk: { layers: 'model.layers', names: { ...STABLELM, ...MLP } } } },
  nemotron: likeLlama({}, {}, lessOne),
  'gpt-oss': gptOss,
  gpt2: likeGpt2(transposed(/\.(attn_qkv|attn_output|ffn_up|ffn_down)\.weight$/)),
  starcoder: likeGpt2(none),
  bloom: likeBloom('transformer.h', 'self_attention', {}, BLOOM),
  // The larger ones have a norm for each of the two branches.
  falcon: (has) =>
    likeBloom(
      'transformer.h',
      'self_attention',
      has('attn_norm_2') ? { attn_norm: 'ln_mlp', attn_norm_2: 'ln_attn' } : {},
      BLOOM,
    ),
  gptneox: likeBloom(
    'gpt_neox.layers',
    'attention',
    {},
    { token_embd: 'gpt_neox.embed_in', output_norm: 'gpt_neox.final_layer_norm', output: 'embed_out' },
  ),
  t5,
  t5encoder: t5,
}
