// What the towers of CLIP and SigLIP share: the names and settings of their layers, and the blocks behind them.
import { activationOf } from './activations.js'
import { type Config, countOf, epsilonOf, fewOf, sectionOf } from './config.js'
import { encoderLayer, type LayerNames, type LayerSettings } from './encoder.js'
import { layerNorm, linear } from './layers.js'
import type { Block } from './model.js'
import type { Shapes } from './shapes.js'
import { pickWanted } from './vocabulary.js'

const LAYER: LayerNames = {
  attention: {
    query: 'self_attn.q_proj',
    key: 'self_attn.k_proj',
    value: 'self_attn.v_proj',
    out: 'self_attn.out_proj',
  },
  mlp: { open: 'mlp.fc1', close: 'mlp.fc2' },
  norms: ['layer_norm1', 'layer_norm2'],
  order: 'pre',
}

/** A tower's part of the config; the early files' `…_config_dict` comes before `…_config`, as in transformers. */
export const towerOf = (config: Config, tower: 'vision' | 'text'): Config =>
  sectionOf(config, `${tower}_config_dict`) ?? sectionOf(config, `${tower}_config`) ?? config

/** What the layers of a tower are, by its config, where the usual activation and epsilon are left out. */
export function towerSettings(
  config: Config,
  mask: LayerSettings['mask'],
  usual: { epsilon: number; activation: string },
): LayerSettings {
  return {
    names: LAYER,
    width: countOf(config, 'hidden_size'),
    inner: countOf(config, 'intermediate_size'),
    heads: fewOf(config, 'num_attention_heads'),
    epsilon: epsilonOf(config, 'layer_norm_eps', usual.epsilon),
    activation: activationOf(config, 'hidden_act', usual.activation),
    bias: true,
    mask,
  }
}

export const layersOf = (book: Shapes, tower: string, config: Config, settings: LayerSettings) =>
  Array.from({ length: fewOf(config, 'num_hidden_layers') }, (_, index) =>
    encoderLayer(book, `${tower}.encoder.layers.`, index, settings),
  )

/** LayerNorm of all positions, or (`pick`) of the wanted ones. */
export const normBlock = (
  book: Shapes,
  { width, epsilon }: LayerSettings,
  { name, at, pick = false }: { name: string; at: string; pick?: boolean },
): Block => {
  book.affine(at, [width], true)
  return {
    name,
    weights: book.under(at),
    apply: (weights, hidden, { wanted }) =>
      layerNorm(pick ? pickWanted(hidden!, wanted) : hidden!, weights, at, epsilon),
  }
}

/** A linear layer, [out, in]. */
export const affineBlock = (
  book: Shapes,
  name: string,
  { at, shape, bias = false }: { at: string; shape: [number, number]; bias?: boolean },
): Block => {
  book.affine(at, shape, bias)
  return { name, weights: book.under(`${at}.`), apply: (weights, hidden) => linear(hidden!, weights, at) }
}
