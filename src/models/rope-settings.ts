// The settings of a rotation in config.json: its frequencies, and their scalings for longer texts, as transformers 5 reads them.
import { z } from 'zod'
import { UserError, unknown } from '../errors/index.js'
import { type Config, checkUsual, countOf, isSet, KIND, read, sectionOf } from './config.js'
import type { LayerType } from './decoder-page.js'
import { makeRope, type Rope } from './rope.js'

interface Settings {
  theta: number
  /** Entries of a head that turn. */
  dimension: number
  /** Length of the pre-training texts. */
  length: number
  /** Longest text. */
  positions: number
  parameters: Config
  /** One of the parameters, above 0. @throws UserError where it is not, and there is no fallback */
  number(key: string, fallback?: number): number
}

/** Frequencies; those of texts that are longer than the pre-training texts; factor of cos and sin; whether longer texts are unknown. */
interface Scaled {
  rates: Float64Array
  long?: Float64Array
  amplitude?: number
  bounded?: boolean
}

type Scaling = (plain: Float64Array, settings: Settings) => Scaled

/** YaRN (Peng et al. 2023, arXiv 2309.00071): fast rotations stay, slow ones are interpolated, with a ramp over the dimensions between. */
const yarn: Scaling = (plain, { theta, dimension, length, parameters, number }) => {
  if (dimension % 2)
    throw new UserError(
      `config.json: rope type yarn turns an even number of a head's entries, and here they are ${dimension}`,
    )
  const factor = number('factor')
  const dimensionOf = (turns: number) => (dimension * Math.log(length / (turns * 2 * Math.PI))) / (2 * Math.log(theta))
  const ends = [dimensionOf(number('beta_fast', 32)), dimensionOf(number('beta_slow', 1))]
  const [low, high] = isSet(parameters, 'truncate', true) ? [Math.floor(ends[0]!), Math.ceil(ends[1]!)] : ends
  const from = Math.max(low!, 0)
  const to = Math.min(high!, dimension - 1)
  const share = (i: number) => Math.min(1, Math.max(0, (i - from) / (to === from ? 0.001 : to - from)))
  const heat = (scale: number) => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1)
  const [some, all] = ['mscale', 'mscale_all_dim'].map((key) => read(parameters, key, KIND.number.min(0), 0))
  const usual = some && all ? heat(some) / heat(all) : heat(1)
  return {
    rates: plain.map((f, i) => (f / factor) * share(i) + f * (1 - share(i))),
    amplitude: number('attention_factor', usual),
  }
}

const llama3: Scaling = (plain, { length, number }) => {
  const [factor, low, high] = [number('factor'), number('low_freq_factor'), number('high_freq_factor')]
  return {
    rates: plain.map((f) => {
      const wavelength = (2 * Math.PI) / f
      if (wavelength < length / high) return f
      if (wavelength > length / low) return f / factor
      const share = (length / wavelength - low) / (high - low)
      return ((1 - share) * f) / factor + share * f
    }),
  }
}

/** LongRoPE (Ding et al. 2024, arXiv 2402.13753): a factor for each frequency, and others for long texts. */
const longrope: Scaling = (plain, { length, positions, parameters, number }) => {
  const factors = (key: string) => {
    const name = `${key} of rope type longrope`
    const list = read({ [name]: parameters[key] }, name, z.array(KIND.positive))
    if (list.length === plain.length) return list
    throw new UserError(
      `config.json: ${key} must have ${plain.length} entries, one for each frequency; got ${list.length}`,
    )
  }
  const [short, long] = [factors('short_factor'), factors('long_factor')]
  const factor = number('factor', positions / length)
  const usual = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(length))
  return {
    rates: plain.map((f, i) => f / short[i]!),
    long: plain.map((f, i) => f / long[i]!),
    amplitude: number('attention_factor', usual),
  }
}

const SCALINGS: Record<string, Scaling> = {
  default: (plain) => ({ rates: plain }),
  // Frequencies that depend on the longest text seen so far, from max_position_embeddings on: up to there they are plain.
  dynamic: (plain) => ({ rates: plain, bounded: true }),
  linear: (plain, { number }) => ({ rates: plain.map((f) => f / number('factor')) }),
  llama3,
  longrope,
  yarn,
}

export interface RopeOptions {
  headDim: number
  /** max_position_embeddings: the length of pre-training texts where the config does not say it. */
  positions: number
  /** The family turns only the part of a head that `partial_rotary_factor` says. */
  partial?: boolean
  /** What its class calls a type otherwise; null for a type that it does not take. */
  types?: Record<string, string | null>
}

/** The rotation of one section of parameters. @throws UserError for an unknown type, and for a number that its formula lacks */
function readSection(
  config: Config,
  parameters: Config,
  { headDim, positions, partial, types = {} }: RopeOptions,
): Rope {
  const written = read(parameters, 'rope_type', KIND.word, read(parameters, 'type', KIND.word, 'default'))
  const type = Object.hasOwn(types, written) ? types[written] : written
  const known = Object.keys(SCALINGS).filter((each) => types[each] === undefined || types[each] === each)
  if (type === null || type === undefined || !Object.hasOwn(SCALINGS, type))
    throw unknown('rope type in config.json', written, known)
  if (!partial)
    for (const each of [config, parameters]) checkUsual(each, 'rotary positions', { partial_rotary_factor: 1 })
  const share = read(
    parameters,
    'partial_rotary_factor',
    KIND.share,
    read(config, 'partial_rotary_factor', KIND.share, 1),
  )
  const dimension = Math.floor(headDim * share)
  if (dimension % 2 && dimension === headDim)
    throw new UserError(`config.json: head_dim must be even for rotary positions; got ${headDim}`)
  const nested = Object.keys(parameters).find((key) => KIND.section.safeParse(parameters[key]).success)
  if (nested)
    throw new UserError(
      `config.json: rotary positions of their own for ${nested} are not supported; known: one setting for all layers`,
    )
  const number = (key: string, fallback?: number) => {
    const name = `${key} of rope type ${written}`
    return read({ [name]: parameters[key] }, name, KIND.positive, fallback)
  }
  const theta = read(parameters, 'rope_theta', KIND.atLeastOne, read(config, 'rope_theta', KIND.atLeastOne, 10000))
  const length = countOf(
    config,
    'original_max_position_embeddings',
    countOf(parameters, 'original_max_position_embeddings', positions),
  )
  const plain = Float64Array.from({ length: Math.ceil(dimension / 2) }, (_, i) => theta ** ((-2 * i) / dimension))
  const scaled = SCALINGS[type]!(plain, { theta, dimension, length, positions, parameters, number })
  return makeRope({
    headDim,
    rates: scaled.rates,
    amplitude: scaled.amplitude ?? 1,
    positions: scaled.bounded ? positions : Infinity,
    ...(scaled.long && { long: { above: length, rates: scaled.long } }),
  })
}

/** Reads either style of config.json (rope_theta + rope_scaling, or rope_parameters, whose own theta comes first). */
export function readRope(config: Config, options: RopeOptions): Rope {
  return readSection(config, sectionOf(config, 'rope_scaling') ?? sectionOf(config, 'rope_parameters') ?? {}, options)
}

/**
 * The rotation of each kind of layer: the section of `rope_parameters` that has its name. In files of version 4 `rope_scaling` is that of
 * the layers that see all.
 * @param thetas the base of each kind where its section has none
 */
export function readRopes(
  config: Config,
  options: RopeOptions,
  thetas: Record<LayerType, number>,
): Record<LayerType, Rope> {
  const sections = sectionOf(config, 'rope_parameters') ?? {}
  const flat = Object.keys(sections).find((key) => !Object.hasOwn(thetas, key))
  if (flat !== undefined)
    throw new UserError(
      `config.json: rope_parameters must be by kind of layer (${Object.keys(thetas).join(', ')}); got ${flat}`,
    )
  const scaling = sectionOf(config, 'rope_scaling')
  const rope = (kind: LayerType) => {
    const section = { ...sectionOf(sections, kind), ...(kind === 'full_attention' && scaling) }
    return readSection({ ...config, rope_theta: thetas[kind] }, section, options)
  }
  return { full_attention: rope('full_attention'), sliding_attention: rope('sliding_attention') }
}
