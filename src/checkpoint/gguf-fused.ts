// Architectures of GGUF files whose queries, keys and values are one matrix: GPT-2, Bloom and their kind.
import type { Has } from './gguf-encoders.js'
import type { GgufArchitecture } from './gguf-names.js'
import { grouped } from './gguf-rows.js'

type Names = Readonly<Record<string, string>>
type Change = GgufArchitecture['change']

const groups: Change = (name) =>
  /\.attn_qkv\./.test(name) ? { change: 'rows', order: ({ queries, keys }) => grouped(queries, keys) } : null

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

const gpt2 = likeGpt2((name) =>
  /\.(attn_qkv|attn_output|ffn_up|ffn_down)\.weight$/.test(name) ? { change: 'transposed', of: 1 } : null,
)
const starcoder = likeGpt2(() => null)
const bloom = likeBloom('transformer.h', 'self_attention', {}, BLOOM)
/** The larger ones have a norm for each of the two branches. */
const falcon = (has: Has): GgufArchitecture =>
  likeBloom(
    'transformer.h',
    'self_attention',
    has('attn_norm_2') ? { attn_norm: 'ln_mlp', attn_norm_2: 'ln_attn' } : {},
    BLOOM,
  )
const gptneox = likeBloom(
  'gpt_neox.layers',
  'attention',
  {},
  { token_embd: 'gpt_neox.embed_in', output_norm: 'gpt_neox.final_layer_norm', output: 'embed_out' },
)

export const FUSED = { gpt2, starcoder, bloom, falcon, gptneox }
