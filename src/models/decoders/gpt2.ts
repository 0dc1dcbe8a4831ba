// GPT-2 (Radford et al. 2019): LayerNorm, learned positions, linear layers stored [in, out] (Conv1D), and q, k and v side by side.
import { activationOf } from '../activations.js'
import { countOf, epsilonOf, fewOf, headDimOf, isSet } from '../config.js'
import { decoder } from '../decoder.js'
import type { Layer } from '../decoder-page.js'
import { centred, ungated } from '../decoder-parts.js'

export const gpt2 = decoder({
  name: 'gpt2',
  classes: { start: 'GPT2', causal: 'GPT2LMHeadModel' },
  cite: 'Radford et al. 2019',
  defaults: { n_positions: 1024 },
  usual: { add_cross_attention: false },
  page(config) {
    const [width, heads] = [countOf(config, 'n_embd'), fewOf(config, 'n_head')]
    const headDim = headDimOf(width, heads)
    const scale = isSet(config, 'scale_attn_weights', true) ? headDim ** -0.5 : 1
    const falling = isSet(config, 'scale_attn_by_inverse_layer_idx', false)
    const mlp = {
      width,
      inner: countOf(config, 'n_inner', 4 * width),
      activation: activationOf(config, 'activation_function', 'gelu_new'),
      bias: true,
      transposed: true,
    }
    const part = ungated(mlp, { open: 'mlp.c_fc', close: 'mlp.c_proj' })
    const layer = (index: number): Layer => ({
      attention: {
        norms: { in: 'ln_1' },
        projections: { fused: 'attn.c_attn', order: 'blocks' },
        out: 'attn.c_proj',
        bias: { in: true, out: true },
        transposed: true,
        rope: null,
        window: Infinity,
        scale: scale / (falling ? index + 1 : 1),
      },
      mlp: { norms: { in: 'ln_2' }, part },
    })
    return {
      vocabulary: countOf(config, 'vocab_size'),
      positions: countOf(config, 'n_positions'),
      width,
      heads,
      kvHeads: heads,
      headDim,
      names: {
        word: 'transformer.wte.weight',
        layers: 'transformer.h.',
        norm: 'transformer.ln_f',
        logits: 'lm_head.weight',
      },
      tied: isSet(config, 'tie_word_embeddings', true),
      learned: { name: 'transformer.wpe.weight', offset: 0 },
      norm: centred(epsilonOf(config, 'layer_norm_epsilon', 1e-5)),
      layers: Array.from({ length: fewOf(config, 'n_layer') }, (_, index) => layer(index)),
    }
  },
})
