// The architectures of GGUF files that are read: names of tensors, and what llama.cpp's converter (0.3.36 of llama-cpp-python) did to them.
import { ENCODERS, type Has } from './gguf-encoders.js'
import { FUSED } from './gguf-fused.js'
import type { GgufArchitecture } from './gguf-names.js'
import { halved, paired } from './gguf-rows.js'

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

const LFM2 = {
  attn_norm: 'operator_norm',
  ffn_norm: 'ffn_norm',
  attn_q_norm: 'self_attn.q_layernorm',
  attn_k_norm: 'self_attn.k_layernorm',
  attn_output: 'self_attn.out_proj',
  'shortconv.conv': 'conv.conv',
  'shortconv.in_proj': 'conv.in_proj',
  'shortconv.out_proj': 'conv.out_proj',
  ffn_gate: 'feed_forward.w1',
  ffn_up: 'feed_forward.w3',
  ffn_down: 'feed_forward.w2',
  ffn_gate_inp: 'feed_forward.gate',
  ffn_gate_exps: 'feed_forward.experts.*.w1',
  ffn_up_exps: 'feed_forward.experts.*.w3',
  ffn_down_exps: 'feed_forward.experts.*.w2',
  'exp_probs_b.bias': 'feed_forward.expert_bias',
}
const lfm2 = likeLlama(LFM2, { token_embd_norm: 'model.embedding_norm' }, (name) =>
  name.endsWith('.shortconv.conv.weight') ? { change: 'kernel' } : null,
)

/** Keys and values of all heads are one matrix, of which newer files have two parts. */
const deepseek2 = likeLlama(
  {
    ...EXPERTS,
    ...sharedExperts('shared_experts'),
    'exp_probs_b.bias': 'mlp.gate.e_score_correction_bias',
    attn_q_a: 'self_attn.q_a_proj',
    attn_q_a_norm: 'self_attn.q_a_layernorm',
    attn_q_b: 'self_attn.q_b_proj',
    attn_kv_a_mqa: 'self_attn.kv_a_proj_with_mqa',
    attn_kv_a_norm: 'self_attn.kv_a_layernorm',
    attn_kv_b: 'self_attn.kv_b_proj',
    attn_k_b: 'self_attn.kv_b_proj',
    attn_v_b: 'self_attn.kv_b_proj',
  },
  {},
  (name) => (/\.attn_[kv]_b\.weight$/.test(name) ? { change: 'joined', of: 2 } : null),
)

/** Gates and what goes up lie in one tensor, of one expert after the other. */
const graniteMoe = likeLlama(
  {
    ffn_gate_inp: 'block_sparse_moe.router.layer',
    ffn_gate_exps: 'block_sparse_moe.input_linear',
    ffn_up_exps: 'block_sparse_moe.input_linear',
    ffn_down_exps: 'block_sparse_moe.output_linear',
    ffn_gate_shexp: 'shared_mlp.input_linear',
    ffn_up_shexp: 'shared_mlp.input_linear',
    ffn_down_shexp: 'shared_mlp.output_linear',
  },
  {},
  (name) => (/\.ffn_(gate|up)_(exps|shexp)\./.test(name) ? { change: 'stacked', of: 2 } : pairs(name)),
)

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
  ...FUSED,
  ...ENCODERS,
  lfm2,
  lfm2moe: lfm2,
  deepseek2,
  granitemoe: graniteMoe,
}
