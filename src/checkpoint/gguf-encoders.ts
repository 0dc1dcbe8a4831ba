// Architectures of GGUF files that have an encoder: T5, BERT and its kind.
import type { GgufArchitecture } from './gguf-names.js'

/** Whether the file has a tensor of this name, in any layer. */
export type Has = (part: string) => boolean

type Names = Readonly<Record<string, string>>

const none: GgufArchitecture['change'] = () => null

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

const BERT_EMBEDDINGS = {
  token_embd: 'embeddings.word_embeddings',
  token_embd_norm: 'embeddings.LayerNorm',
  position_embd: 'embeddings.position_embeddings',
  token_types: 'embeddings.token_type_embeddings',
}
/** Without its head. The file of a DistilBERT has the same names, and no types of tokens. */
const bert = (has: Has): GgufArchitecture => ({
  stacks: {
    blk: has('token_types')
      ? {
          layers: 'encoder.layer',
          names: {
            attn_q: 'attention.self.query',
            attn_k: 'attention.self.key',
            attn_v: 'attention.self.value',
            attn_output: 'attention.output.dense',
            attn_output_norm: 'attention.output.LayerNorm',
            ffn_up: 'intermediate.dense',
            ffn_down: 'output.dense',
            layer_output_norm: 'output.LayerNorm',
          },
        }
      : {
          layers: 'transformer.layer',
          names: {
            attn_q: 'attention.q_lin',
            attn_k: 'attention.k_lin',
            attn_v: 'attention.v_lin',
            attn_output: 'attention.out_lin',
            attn_output_norm: 'sa_layer_norm',
            ffn_up: 'ffn.lin1',
            ffn_down: 'ffn.lin2',
            layer_output_norm: 'output_layer_norm',
          },
        },
  },
  other: BERT_EMBEDDINGS,
  change: none,
})

const modernBert: GgufArchitecture = {
  stacks: {
    blk: {
      layers: 'layers',
      names: {
        attn_norm: 'attn_norm',
        attn_qkv: 'attn.Wqkv',
        attn_output: 'attn.Wo',
        ffn_norm: 'mlp_norm',
        ffn_up: 'mlp.Wi',
        ffn_down: 'mlp.Wo',
      },
    },
  },
  other: { token_embd: 'embeddings.tok_embeddings', token_embd_norm: 'embeddings.norm', output_norm: 'final_norm' },
  change: none,
}

export const ENCODERS = { t5, t5encoder: t5, bert, 'modern-bert': modernBert }
