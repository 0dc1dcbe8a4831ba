// Granite (IBM 2024): Llama with factors of the embeddings, of what each half adds, of the scores and of the logits.
import { epsilonOf, isSet, KIND, read } from '../config.js'
import { decoder } from '../decoder.js'
import { readBias, readMlp, readSizes, sameLayers, usualLayer } from '../decoder-config.js'
import { gated, rms } from '../decoder-parts.js'
import { readRope } from '../rope-settings.js'

export const granite = decoder({
  name: 'granite',
  classes: { start: 'Granite', sequence: null },
  cite: 'Granite Team, IBM 2024 (github.com/ibm-granite/granite-3.0-language-models)',
  defaults: {
    vocab_size: 32000,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: null,
    hidden_act: 'silu',
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: false,
    attention_bias: false,
    mlp_bias: false,
    embedding_multiplier: 1,
    logits_scaling: 1,
    residual_multiplier: 1,
    attention_multiplier: 1,
  },
  page(config) {
    const sizes = readSizes(config)
    const number = (key: string) => read(config, key, KIND.number)
    const scaling = read(config, 'logits_scaling', KIND.positive)
    const factor = number('residual_multiplier')
    const rope = readRope(config, sizes)
    const layer = usualLayer(
      { rope, bias: readBias(config), factor, scale: number('attention_multiplier') },
      { part: gated(readMlp(config, { bias: isSet(config, 'mlp_bias', false) })), factor },
    )
    return {
      ...sizes,
      scale: number('embedding_multiplier'),
      norm: rms(epsilonOf(config, 'rms_norm_eps', 1e-6)),
      layers: sameLayers(config, layer),
      logits: (x) => x.div(scaling),
    }
  },
})
