// What the pages of most families read from config.json under the same keys.
import { z } from 'zod'
import { UserError } from '../errors/index.js'
import { activationOf } from './activations.js'
import { type Config, countOf, fewOf, isSet, KIND, read } from './config.js'
import {
  type Attention,
  type Layer,
  type LayerPart,
  type LayerType,
  NAMES,
  OUT,
  type Page,
  PROJECTIONS,
} from './decoder-page.js'
import { gated, type Mlp } from './decoder-parts.js'

type Sizes = Pick<Page, 'vocabulary' | 'positions' | 'width' | 'heads' | 'kvHeads' | 'headDim' | 'names' | 'tied'>

/** @throws UserError where the heads do not divide into groups */
export function readSizes(config: Config): Sizes {
  const width = countOf(config, 'hidden_size')
  const heads = fewOf(config, 'num_attention_heads')
  const kvHeads = fewOf(config, 'num_key_value_heads', heads)
  if (heads % kvHeads)
    throw new UserError(
      `config.json: ${heads} attention heads do not divide into ${kvHeads} groups (num_key_value_heads)`,
    )
  return {
    vocabulary: countOf(config, 'vocab_size'),
    positions: countOf(config, 'max_position_embeddings'),
    width,
    heads,
    kvHeads,
    headDim: fewOf(config, 'head_dim', Math.floor(width / heads)),
    names: NAMES,
    tied: isSet(config, 'tie_word_embeddings', false),
  }
}

/** @param key the activation's key */
export const readMlp = (config: Config, { bias = false, key = 'hidden_act' } = {}): Mlp => ({
  width: countOf(config, 'hidden_size'),
  inner: countOf(config, 'intermediate_size'),
  activation: activationOf(config, key, 'silu'),
  bias,
})

/** The biases of attention, all of them or none, as most families have them. */
export function readBias(config: Config, key = 'attention_bias', usual = false): Attention['bias'] {
  const bias = isSet(config, key, usual)
  return { in: bias, out: bias }
}

/** A layer with Llama's names: a norm before each half, no biases, a gated MLP; and what is otherwise. */
export function usualLayer(
  { rope, window = Infinity, ...attention }: Partial<Attention> & Pick<Attention, 'rope'>,
  mlp: Mlp | { part: LayerPart } | Layer['mlp'],
): Layer {
  return {
    attention: {
      norms: { in: 'input_layernorm' },
      projections: PROJECTIONS,
      out: OUT,
      bias: { in: false, out: false },
      rope,
      window,
      ...attention,
    },
    mlp: { norms: { in: 'post_attention_layernorm' }, ...('inner' in mlp ? { part: gated(mlp) } : mlp) },
  }
}

/** The same layer, or what is said of one, as often as num_hidden_layers says. */
export const sameLayers = <T>(config: Config, layer: T): T[] =>
  Array.from({ length: fewOf(config, 'num_hidden_layers') }, () => layer)

/**
 * The kind of each layer: as `layer_types` says, else `usual`.
 * @throws UserError for another kind, and for more or fewer of them than layers
 */
export function layerTypes(config: Config, usual: (layer: number) => LayerType): LayerType[] {
  const layers = fewOf(config, 'num_hidden_layers')
  const types = read(config, 'layer_types', z.array(KIND.word).optional())
  if (types && (types.length !== layers || types.some((type) => !/^(full|sliding)_attention$/.test(type))))
    throw new UserError(
      `config.json: layer_types must say full_attention or sliding_attention for each of the ${layers} layers; got ${JSON.stringify(types)}`,
    )
  return (types as LayerType[] | undefined) ?? Array.from({ length: layers }, (_, layer) => usual(layer))
}

/** Keys that a layer of a kind sees. */
export const windowOf = (config: Config, type: LayerType): number =>
  type === 'sliding_attention' ? countOf(config, 'sliding_window') : Infinity
