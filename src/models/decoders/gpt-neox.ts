// GPT-NeoX (Black et al. 2022) and Pythia: LayerNorm, biases, a rotation of part of each head, queries, keys and values side by
// side for each head, and halves of a layer that both read its input.
import { activationOf } from '../activations.js'
import { checkUsual, countOf, epsilonOf, fewOf, headDimOf, isSet, KIND, read } from '../config.js'
import { decoder } from '../decoder.js'
import { readBias, sameLayers } from '../decoder-config.js'
import { centred, ungated } from '../decoder-parts.js'
import { readRope } from '../rope-settings.js'

export const gptNeox = decoder({
  name: 'gpt_neox',
  classes: { start: 'GPTNeoX' },
  cite: 'Black et al. 2022 (arXiv 2204.06745); Biderman et al. 2023 (arXiv 2304.01373)',
  defaults: {
    vocab_size: 50432,
    hidden_size: 6144,
    num_hidden_layers: 44,
    num_attention_heads: 64,
    intermediate_size: 24576,
    max_position_embeddings: 2048,
  },
  page(config) {
    const [width, heads] = [countOf(config, 'hidden_size'), fewOf(config, 'num_attention_heads')]
    const headDim = headDimOf(width, heads)
    const positions = countOf(config, 'max_position_embeddings')
    const turning = {
      rope_theta: read(config, 'rotary_emb_base', KIND.atLeastOne, 10000),
      partial_rotary_factor: read(config, 'rotary_pct', KIND.share, 0.25),
    }
    checkUsual(config, 'gpt_neox', { ...turning, head_dim: headDim })
    const rope = readRope({ ...config, ...turning }, { headDim, positions, partial: true })
    const activation = activationOf(config, 'hidden_act', 'gelu')
    const mlp = { width, inner: countOf(config, 'intermediate_size'), activation, bias: true }
    return {
      vocabulary: countOf(config, 'vocab_size'),
      positions,
      width,
      heads,
      kvHeads: heads,
      headDim,
      names: {
        word: 'gpt_neox.embed_in.weight',
        layers: 'gpt_neox.layers.',
        norm: 'gpt_neox.final_layer_norm',
        logits: 'embed_out.weight',
      },
      tied: isSet(config, 'tie_word_embeddings', false),
      norm: centred(epsilonOf(config, 'layer_norm_eps', 1e-5)),
      layers: sameLayers(config, {
        attention: {
          norms: { in: 'input_layernorm' },
          projections: { fused: 'attention.query_key_value', order: 'groups' },
          out: 'attention.dense',
          bias: readBias(config, 'attention_bias', true),
          rope,
          window: Infinity,
        },
        mlp: {
          norms: { in: 'post_attention_layernorm' },
          part: ungated(mlp, { open: 'mlp.dense_h_to_4h', close: 'mlp.dense_4h_to_h' }),
        },
        parallel: isSet(config, 'use_parallel_residual', true),
      }),
    }
  },
})
