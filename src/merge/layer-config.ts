// config.json of a model whose layers are stacked, dropped or reordered: entries that belong to layers follow the layers. The names
// are those of transformers 5.18. A list with an entry for each layer belongs to them whatever its name is.
import { UserError } from '../errors/index.js'
import { isObject } from '../schema/index.js'

type Config = Readonly<Record<string, unknown>>

/** Where a layer of the result comes from. */
export interface Origin {
  /** config.json of its model. */
  config: Config | null
  /** Name of the model. */
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
  'num_blocks',
  'depth',
  'encoder_num_hidden_layers',
  'decoder_num_hidden_layers',
  'pred_num_hidden_layers',
]

/** The kind of each layer: their number, where a config has no count (Nemotron-H as transformers 5 saves it). */
const KINDS = ['layer_types', 'mlp_layer_types', 'layers_block_type']

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

/** Whether the layers of the result differ from those of a whole model in their order. */
export const isMoved = (origins: readonly Origin[], layers: number): boolean =>
  origins.length !== layers || origins.some(({ layer }, i) => layer !== i)

/** The layers of the given weights and of the result. */
interface Layers {
  /** How many the weights of the config have. */
  count: number
  origins: readonly Origin[]
  moved: boolean
  onWarning: (text: string) => void
}

/** An entry of config.json. */
interface Entry {
  path: readonly string[]
  key: string
  value: unknown
  /** The object that it stands in. */
  part: Config
  /** Whether that object counts the layers, so that lists of their number are theirs. */
  counted: boolean
}

/**
 * The config with what belongs to the layers in their new order.
 * @param count how many layers the weights of `config` have
 * @throws UserError for an entry that cannot describe the new layers
 */
export function followLayers(
  config: Config,
  count: number,
  origins: readonly Origin[],
  onWarning: (text: string) => void,
): Record<string, unknown> {
  const layers = { count, origins, moved: isMoved(origins, count), onWarning }
  let known = false
  const visit = (part: Config, path: readonly string[], inside: boolean): Record<string, unknown> => {
    const counts = COUNTS.filter((key) => part[key] === count)
    const counted = counts.length > 0 || isCountedByList(part, count)
    known ||= counted
    const followed = (key: string, value: unknown): unknown => {
      if (counts.includes(key)) return origins.length
      if (isObject(value)) return visit(value, [...path, key], inside || counted)
      return counted || inside ? follow({ path: [...path, key], key, value, part, counted }, layers) : value
    }
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, followed(key, value)]))
  }
  const result = visit(config, [], false)
  if (layers.moved && (config.model_type === 'diffllama' || config.scale_attn_by_inverse_layer_idx === true))
    onWarning('a layer of this model computes with its number: at another place it does otherwise than in its model')
  if (!known && layers.moved)
    onWarning(
      `config.json does not say under a known name (${COUNTS.slice(0, 4).join(', ')} …) that there are ${count} layers; the result has ${origins.length}: set the number by hand`,
    )
  return result
}

const isCountedByList = (part: Config, count: number): boolean =>
  COUNTS.every((key) => part[key] === undefined) &&
  KINDS.some((key) => Array.isArray(part[key]) && (part[key] as unknown[]).length === count)

/** The value of an entry for the new layers. */
function follow(entry: Entry, layers: Layers): unknown {
  const { key, value, part } = entry
  const numbers = numbersOf(key, value, layers.count)
  if (numbers) return followNumbers(entry, numbers, layers)
  if (key === 'attention_types' && Array.isArray(value)) return followGroups(value as Group[], layers)
  if (key === 'block_types' && Array.isArray(value) && value.length) return followCycle(value, layers)
  if (entry.counted && isPerLayer(key, value, layers.count)) return followList(entry, value, layers)
  if (!layers.moved) return value
  if (Array.isArray(value) && NUMBERS.test(key) && value.length)
    throw refuse(entry, `lists layers by numbers that are not those of ${layers.count} layers`)
  const isInteger = typeof value === 'number' && Number.isInteger(value)
  if (!isInteger || (key === 'max_window_layers' && part.use_sliding_window !== true)) return value
  if (key === 'hidden_size_per_layer_input' && value > 0)
    throw refuse(entry, `(${value}) gives the embeddings a part for each layer`)
  if (key in BORDERS) return followBorder(entry, value, layers)
  checkPeriod(entry, value, layers)
  return value
}

const refuse = ({ path }: Entry, why: string): UserError =>
  new UserError(
    `config.json: ${path.join('.')} ${why}, and cannot describe the layers of the result; choose other slices`,
  )

/** Whether a list says the same layer by layer, and transformers follows the list. */
const isListed = ({ key, part }: Entry): boolean =>
  SAID_BY.some(([name, lists]) => name.test(key) && lists.some((list) => Array.isArray(part[list])))

/** A list, or text with commas, of the numbers of layers of some kind. */
function followNumbers({ key, value }: Entry, numbers: readonly number[], { origins }: Layers): unknown {
  const first = FROM_ONE.test(key) ? 1 : 0
  const chosen = origins.flatMap(({ layer }, i) => (numbers.includes(layer + first) ? [i + first] : []))
  return typeof value === 'string' ? chosen.join(',') : chosen
}

/** Kinds of attention, and how many times they are repeated. */
type Group = [kinds: unknown[], times: number]

function followGroups(groups: readonly Group[], { moved, origins }: Layers): unknown {
  if (!moved) return groups
  const each = groups.flatMap(([kinds, times]) => Array.from({ length: times }, () => kinds).flat())
  return [[origins.map(({ layer }) => each[layer]), 1]]
}

/** Kinds of layers that are repeated to the end. */
function followCycle(kinds: readonly unknown[], { origins }: Layers): unknown {
  const kindOf = (layer: number): unknown => kinds[layer % kinds.length]
  const unchanged = origins.every(({ layer }, i) => kindOf(layer) === kindOf(i))
  return unchanged ? kinds : origins.map(({ layer }) => kindOf(layer))
}

/** An entry for each layer: that of the model which the layer is from, or else of this config. */
function followList(entry: Entry, list: ArrayLike<unknown>, { count, origins, onWarning }: Layers): unknown {
  const { path, value } = entry
  const entries = origins.map(({ config, label, layer }) => {
    const own = path.reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), config)
    const given: ArrayLike<unknown> = Array.isArray(own) || typeof own === 'string' ? own : []
    if (layer < given.length) return given[layer]
    if (layer >= list.length)
      throw refuse(entry, `has ${list.length} entries, and config.json of ${label} none for its layer ${layer}`)
    onWarning(
      `config.json of ${label} has no ${path.join('.')}: the entry of layer ${layer} is that of the first model`,
    )
    return list[layer]
  })
  return typeof value === 'string' ? entries.join('') : [...entries, ...Array.from(list).slice(count)]
}

/** A number that divides the layers in two runs: the nearest one that divides the new layers in the same way. */
function followBorder(entry: Entry, value: number, { count, origins }: Layers): number {
  const isFirst = BORDERS[entry.key]!
  const fits = (border: number) =>
    origins.every(({ layer }, i) => isFirst(border, i, origins.length) === isFirst(value, layer, count))
  const borders = Array.from({ length: Math.max(origins.length, value) + 2 }, (_, i) => i - 1).filter(fits)
  const [nearest] = borders.sort((one, two) => Math.abs(one - value) - Math.abs(two - value))
  if (nearest === undefined && !isListed(entry)) throw refuse(entry, `(${value}) divides the layers in two runs`)
  return nearest ?? value
}

/** A number by which every so many layers are of some kind holds only where layers move by multiples of it. */
function checkPeriod(entry: Entry, value: number, { origins }: Layers): void {
  const isPeriod = PERIODS.test(entry.key) && value > 1
  if (isPeriod && !isListed(entry) && origins.some(({ layer }, i) => (layer - i) % value !== 0))
    throw refuse(entry, `(${value}) counts layers from the first`)
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
function isPerLayer(key: string, value: unknown, layers: number): value is unknown[] | string {
  if (typeof value === 'string') return value.length === layers && /pattern/.test(key)
  if (!Array.isArray(value) || OTHER.test(key)) return false
  return value.length === layers || (value.length > layers && KINDS.includes(key))
}
