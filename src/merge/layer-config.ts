// config.json of a model whose layers are stacked, dropped or reordered: what it says layer by layer follows the layers. The names
// are those of transformers 5.18; a list with an entry for each layer is one whatever its name is.
import { UserError } from '../errors/index.js'

type Config = Readonly<Record<string, unknown>>

/** The layer of the given models that a new layer is. */
export interface Origin {
  /** config.json of its model. */
  config: Config | null
  /** What the model is called. */
  label: string
  layer: number
}

/** How a config counts its layers; one in two parts counts each. */
const COUNTS = [
  'num_hidden_layers',
  'n_layer',
  'n_layers',
  'num_layers',
  'encoder_layers',
  'decoder_layers',
  'num_encoder_layers',
  'num_decoder_layers',
]

/** Lists that have as many entries as there are layers by chance, in small models. */
const OTHER =
  /(^|_)token(_id)?s?$|token_ids?$|^(architectures|languages|langs|label\w*|out_features|out_indices|stage_\w+|time_step_limit|(mlp|ssm)_multipliers|quantiles)$|^(image|patch|window|kernel|tubelet|moe_intermediate)_sizes?$|(^|_)(mean|std|shape|section|ratios|scales)$|^(conv|tdnn|mtp)_|^\w*(kernel|stride|dilation)\w*$/

/** Lists of the layers that are of some kind, by their numbers; those of Kimi Linear begin at 1. */
const NUMBERS =
  /(^|_)(layers|layers_enum|layer_ids|layer_idxs?|layer_indices|layer_indexes|attn_idxs|attn_indexes|block_idxs|block_indexes|block_indices|attention_blocks)$/
const FROM_ONE = /^(kda_layers|full_attn_layers)$/

/** Numbers that divide the layers in two runs: whether a layer lies in the first. */
const BORDERS: Readonly<Record<string, (value: number, layer: number, layers: number) => boolean>> = {
  max_window_layers: (value, layer) => layer < value,
  first_k_dense_replace: (value, layer) => layer < value,
  num_dense_layers: (value, layer) => layer < value,
  moe_layer_start_index: (value, layer) => layer < value,
  moe_layer_end_index: (value, layer) => layer <= value,
  num_kv_shared_layers: (value, layer, layers) => layer < layers - value,
}

/** Numbers by which every so many layers are of some kind. */
const PERIODS =
  /^(_?sliding_window_pattern|full_attention_interval|interleave_moe_layer_step|no_rope_layer_interval|(decoder|encoder)_sparse_step|global_attn_every_n_layers|dense_attention_every_n_layers|moe_every_n_layers|moe_layer_(freq|interval)|(attn|expert)_layer_period|cross_attention_freq(uency)?|cross_layer_interval)$/

/** Lists that say the same as such numbers, and that transformers goes by where both are there. */
const SAID_BY: readonly (readonly [RegExp, readonly string[]])[] = [
  [
    /^(max_window_layers|_?sliding_window_pattern|full_attention_interval|global_attn_every_n_layers|attn_layer_period)$/,
    ['layer_types', 'layers_block_type'],
  ],
  [/^(first_k_dense_replace|num_dense_layers|moe_layer_\w+)$/, ['mlp_layer_types']],
  [/^interleave_moe_layer_step$/, ['moe_layers']],
  [/^no_rope_layer_interval$/, ['no_rope_layers']],
]

/** Whether the layers of the result are not those of a whole model in their order. */
export const isMoved = (origins: readonly Origin[], layers: number): boolean =>
  origins.length !== layers || origins.some(({ layer }, i) => layer !== i)

const isConfig = (value: unknown): value is Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * The config with what belongs to the layers in their new order.
 * @param layers how many the weights of `config` have
 * @throws UserError for an entry that cannot say what the new layers are
 */
export function followLayers(
  config: Config,
  layers: number,
  origins: readonly Origin[],
  onWarning: (text: string) => void,
): Record<string, unknown> {
  let counted = false
  const visit = (part: Config, path: readonly string[], inside: boolean): Record<string, unknown> => {
    const counts = COUNTS.filter((key) => part[key] === layers)
    counted ||= counts.length > 0
    const isOwn = counts.length > 0
    return Object.fromEntries(
      Object.entries(part).map(([key, value]) => {
        const at = [...path, key]
        if (counts.includes(key)) return [key, origins.length]
        if (isConfig(value)) return [key, visit(value, at, inside || isOwn)]
        return [key, isOwn || inside ? follow(part, at, value, layers, origins, isOwn, onWarning) : value]
      }),
    )
  }
  const followed = visit(config, [], false)
  if (!counted && isMoved(origins, layers))
    onWarning(
      `config.json does not say that there are ${layers} layers under a name that is known (${COUNTS.slice(0, 4).join(', ')} …); the result has ${origins.length}: set it by hand`,
    )
  return followed
}

/** One entry. @param isOwn whether its object counts the layers itself, so that lists of their number are theirs */
function follow(
  part: Config,
  path: readonly string[],
  value: unknown,
  layers: number,
  origins: readonly Origin[],
  isOwn: boolean,
  onWarning: (text: string) => void,
): unknown {
  const key = path.at(-1)!
  const moved = isMoved(origins, layers)
  const refuse = (why: string) =>
    new UserError(
      `config.json: ${path.join('.')} ${why}, and cannot be said of the layers of the result; choose other slices`,
    )
  const numbers = numbersOf(key, value, layers)
  if (numbers) {
    const first = FROM_ONE.test(key) ? 1 : 0
    const chosen = origins.flatMap(({ layer }, i) => (numbers.includes(layer + first) ? [i + first] : []))
    return typeof value === 'string' ? chosen.join(',') : chosen
  }
  if (key === 'attention_types' && Array.isArray(value)) {
    const each = (value as [unknown[], number][]).flatMap(([kinds, times]) =>
      Array.from({ length: times }, () => kinds).flat(),
    )
    return moved ? [[origins.map(({ layer }) => each[layer]), 1]] : value
  }
  if (key === 'block_types' && Array.isArray(value) && value.length) {
    const each = (i: number): unknown => (value as unknown[])[i % value.length]
    return origins.every(({ layer }, i) => each(layer) === each(i)) ? value : origins.map(({ layer }) => each(layer))
  }
  if (isOwn && isPerLayer(key, value, layers)) {
    const entries = origins.map(({ config, label, layer }) => {
      const own = path.reduce<unknown>((at, name) => (isConfig(at) ? at[name] : undefined), config)
      const count = Array.isArray(own) || typeof own === 'string' ? own.length : 0
      if (layer < count) return (own as ArrayLike<unknown>)[layer]
      if (layer >= value.length)
        throw refuse(`has ${value.length} entries, and config.json of ${label} none for its layer ${layer}`)
      onWarning(
        `config.json of ${label} has no ${path.join('.')}: the entry of layer ${layer} is that of the first model`,
      )
      return value[layer]
    })
    return typeof value === 'string' ? entries.join('') : [...entries, ...value.slice(layers)]
  }
  if (!moved) return value
  if (Array.isArray(value) && NUMBERS.test(key) && value.length)
    throw refuse(`lists layers by numbers that are not those of ${layers} layers`)
  if (!Number.isInteger(value) || (key === 'max_window_layers' && part.use_sliding_window !== true)) return value
  if (key === 'hidden_size_per_layer_input' && (value as number) > 0)
    throw refuse(`(${value as number}) gives the embeddings a part for each layer`)
  const isSaid = SAID_BY.some(([name, lists]) => name.test(key) && lists.some((list) => Array.isArray(part[list])))
  if (key in BORDERS) {
    const lies = BORDERS[key]!
    const fits = (border: number) =>
      origins.every(({ layer }, i) => lies(border, i, origins.length) === lies(value as number, layer, layers))
    const borders = Array.from({ length: Math.max(origins.length, value as number) + 2 }, (_, i) => i - 1).filter(fits)
    const nearest = borders.sort((one, two) => Math.abs(one - (value as number)) - Math.abs(two - (value as number)))[0]
    if (nearest === undefined && !isSaid) throw refuse(`(${value as number}) divides the layers in two runs`)
    return nearest ?? value
  }
  const isPeriod = PERIODS.test(key) && (value as number) > 1
  if (isPeriod && !isSaid && origins.some(({ layer }, i) => (layer - i) % (value as number) !== 0))
    throw refuse(`(${value as number}) counts layers from the first`)
  return value
}

/** The layers that a list (or a text with commas) names; null for other lists. */
function numbersOf(key: string, value: unknown, layers: number): readonly number[] | null {
  if (!NUMBERS.test(key) || key === 'no_rope_layers') return null
  const list: unknown[] | null = Array.isArray(value)
    ? value
    : typeof value === 'string' && /^\d+(,\s*\d+)*$/.test(value)
      ? value.split(',').map(Number)
      : null
  const [low, high] = FROM_ONE.test(key) ? [1, layers] : [0, layers - 1]
  const isNumbers = list?.every(
    (each, i) =>
      Number.isInteger(each) &&
      (each as number) >= low &&
      (each as number) <= high &&
      (i === 0 || (each as number) > (list[i - 1] as number)),
  )
  return isNumbers ? (list as number[]) : null
}

/** A list, or a text of letters, with an entry for each layer; `layer_types` may go on for layers that only predict ahead. */
function isPerLayer(key: string, value: unknown, layers: number): value is unknown[] {
  if (typeof value === 'string') return value.length === layers && /pattern/.test(key)
  if (!Array.isArray(value) || OTHER.test(key)) return false
  return (
    value.length === layers || (value.length > layers && /^(layer_types|mlp_layer_types|layers_block_type)$/.test(key))
  )
}
