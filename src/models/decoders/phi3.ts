// Phi-3 and Phi-4 (Abdin et al. 2024): q, k and v in one matrix, gate and up in another, a rotation of a part of each head, and
// frequencies of their own for long texts (LongRoPE).
import { epsilonOf, isGiven } from '../config.js'
import { decoder } from '../decoder.js'
import { readMlp, readSizes, sameLayers, usualLayer, windowOf } from '../decoder-config.js'
import { gatedFused, rms } from '../decoder-parts.js'
import { readRope } from '../rope-settings.js'

/** Other scalings are not known to its class; the first files call LongRoPE otherwise. */
const TYPES = { su: 'longrope', yarn: 'longrope', linear: null, dynamic: null, llama3: null }

export const phi3 = decoder({
  name: 'phi3',
  classes: { start: 'Phi3' },
  cite: 'Abdin et al. 2024 (arXiv 2404.14219, 2412.08905)',
  defaults: {
    vocab_size: 32064,
    hidden_size: 3072,
    intermediate_size: 8192,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: null,
    hidden_act: 'silu',
    max_position_embeddings: 4096,
    original_max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: false,
    sliding_window: null,
    pad_token_id: 32000,
  },
  page(config) {
    const sizes = readSizes(config)
    const rope = readRope(config, { ...sizes, partial: true, types: TYPES })
    const window = windowOf(config, isGiven(config, 'sliding_window') ? 'sliding_attention' : 'full_attention')
    const part = gatedFused(readMlp(config), { open: 'mlp.gate_up_proj', close: 'mlp.down_proj' })
    const layer = usualLayer({ rope, window, projections: { fused: 'self_attn.qkv_proj', order: 'blocks' } }, { part })
    return { ...sizes, norm: rms(epsilonOf(config, 'rms_norm_eps', 1e-5)), layers: sameLayers(config, layer) }
  },
})
