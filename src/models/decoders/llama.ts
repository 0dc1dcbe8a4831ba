// Llama (Touvron et al. 2023), and Mistral, all of whose layers have a window.
import { epsilonOf, isGiven, isSet } from '../config.js'
import { decoder, type Family } from '../decoder.js'
import { layerTypes, readBias, readMlp, readSizes, sameLayers, usualLayer, windowOf } from '../decoder-config.js'
import { rms } from '../decoder-parts.js'
import { readRope } from '../rope-settings.js'

export const llamaPage: Family['page'] = (config) => {
  const sizes = readSizes(config)
  const mlp = readMlp(config, { bias: isSet(config, 'mlp_bias', false) })
  const rope = readRope(config, sizes)
  return {
    ...sizes,
    norm: rms(epsilonOf(config, 'rms_norm_eps', 1e-6)),
    layers: sameLayers(config, usualLayer({ rope, bias: readBias(config) }, mlp)),
  }
}

export const llama = decoder({
  name: 'llama',
  classes: { start: 'Llama' },
  cite: 'Touvron et al. 2023 (arXiv 2302.13971); Dubey et al. 2024 (arXiv 2407.21783)',
  defaults: { max_position_embeddings: 2048 },
  page: llamaPage,
})

/** With `layer_types` transformers reads Mistral as Ministral. */
const mistralPage: Family['page'] = (config) => {
  const sizes = readSizes(config)
  const mlp = readMlp(config)
  const rope = readRope(config, sizes)
  const layers = isGiven(config, 'sliding_window')
    ? layerTypes(config, () => 'sliding_attention').map((type) =>
        usualLayer({ rope, window: windowOf(config, type) }, mlp),
      )
    : sameLayers(config, usualLayer({ rope }, mlp))
  return { ...sizes, norm: rms(epsilonOf(config, 'rms_norm_eps', 1e-6)), layers }
}

const MISTRAL = { max_position_embeddings: 131072, num_key_value_heads: 8, sliding_window: 4096 }

export const mistral = decoder({
  name: 'mistral',
  classes: { start: 'Mistral' },
  cite: 'Jiang et al. 2023 (arXiv 2310.06825)',
  defaults: MISTRAL,
  page: mistralPage,
})

export const ministral = decoder({
  name: 'ministral',
  classes: { start: 'Ministral' },
  cite: 'Mistral AI 2024',
  defaults: MISTRAL,
  page: mistralPage,
})
