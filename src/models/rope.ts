// Rotary position embedding (Su et al. 2021) in transformers' rotate-half layout, with the scalings of its frequencies for longer
// texts as transformers 5 reads them.
import { UserError, unknown } from '../errors/index.js'
import { type Config, checkUsual, countOf, isSet, KIND, read, sectionOf } from './config.js'

export interface Rope {
  headDim: number
  /** Frequencies [headDim / 2] in radians per position. */
  rates: Float64Array
  /** Factor of cos and sin. */
  amplitude: number
  /** Positions for which the frequencies hold. */
  positions: number
  /** cos [headDim] and sin [headDim] of the positions met so far: every batch asks for the same again. */
  turns: Map<number, { cos: Float32Array; sin: Float32Array }>
}

interface Settings {
  theta: number
  headDim: number
  /** Length of the pre-training texts. */
  length: number
  parameters: Config
  /** One of the parameters, above 0. @throws UserError where it is not, and there is no fallback */
  number(key: string, fallback?: number): number
}

type Scaling = (
  plain: Float64Array,
  settings: Settings,
) => { rates: Float64Array; amplitude?: number; bounded?: boolean }

/** YaRN (Peng et al. 2023, arXiv 2309.00071): fast rotations stay, slow ones are interpolated, with a ramp over the dimensions between. */
const yarn: Scaling = (plain, { theta, headDim, length, parameters, number }) => {
  const factor = number('factor')
  const dimensionOf = (turns: number) => (headDim * Math.log(length / (turns * 2 * Math.PI))) / (2 * Math.log(theta))
  const ends = [dimensionOf(number('beta_fast', 32)), dimensionOf(number('beta_slow', 1))]
  const [low, high] = isSet(parameters, 'truncate', true) ? [Math.floor(ends[0]!), Math.ceil(ends[1]!)] : ends
  const from = Math.max(low!, 0)
  const to = Math.min(high!, headDim - 1)
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

const SCALINGS: Record<string, Scaling> = {
  default: (plain) => ({ rates: plain }),
  // Frequencies that depend on the longest text seen so far, from max_position_embeddings on: up to there they are plain.
  dynamic: (plain) => ({ rates: plain, bounded: true }),
  linear: (plain, { number }) => ({ rates: plain.map((f) => f / number('factor')) }),
  llama3,
  yarn,
}

/**
 * Reads either style of config.json (rope_theta + rope_scaling, or rope_parameters, whose own theta comes first).
 * @param positions max_position_embeddings: the length of pre-training texts where the config does not say it
 * @throws UserError for an unknown type, and for a number that its formula lacks
 */
export function readRope(config: Config, headDim: number, positions: number): Rope {
  const parameters = sectionOf(config, 'rope_scaling') ?? sectionOf(config, 'rope_parameters') ?? {}
  const type = read(parameters, 'rope_type', KIND.word, read(parameters, 'type', KIND.word, 'default'))
  if (!Object.hasOwn(SCALINGS, type)) throw unknown('rope type in config.json', type, Object.keys(SCALINGS))
  if (headDim % 2) throw new UserError(`config.json: head_dim must be even for rotary positions, got ${headDim}`)
  for (const each of [config, parameters]) checkUsual(each, 'rotary positions', { partial_rotary_factor: 1 })
  const nested = Object.keys(parameters).find((key) => typeof parameters[key] === 'object' && parameters[key] !== null)
  if (nested)
    throw new UserError(
      `config.json: rotary positions of their own for ${nested} are not supported; known: one setting for all layers`,
    )
  const number = (key: string, fallback?: number) => {
    const name = `${key} of rope type ${type}`
    return read({ [name]: parameters[key] }, name, KIND.positive, fallback)
  }
  const theta = read(parameters, 'rope_theta', KIND.atLeastOne, read(config, 'rope_theta', KIND.atLeastOne, 10000))
  const length = countOf(
    config,
    'original_max_position_embeddings',
    countOf(parameters, 'original_max_position_embeddings', positions),
  )
  const plain = Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim))
  const { rates, amplitude = 1, bounded } = SCALINGS[type]!(plain, { theta, headDim, length, parameters, number })
  return { headDim, rates, amplitude, positions: bounded ? positions : Infinity, turns: new Map() }
}

/** cos and sin of a position's angles, the same for both halves of a head. */
function turnOf(position: number, { headDim, rates, amplitude, turns }: Rope) {
  const known = turns.get(position)
  if (known) return known
  const half = headDim / 2
  const tableOf = (wave: (angle: number) => number) =>
    Float32Array.from({ length: headDim }, (_, i) => amplitude * wave(position * rates[i % half]!))
  const turn = { cos: tableOf(Math.cos), sin: tableOf(Math.sin) }
  turns.set(position, turn)
  return turn
}

/** cos and sin of every token's angles, repeated for `heads` heads: each [tokens, heads * headDim]. */
export function rotations(positions: Int32Array, rope: Rope, heads: number): { cos: Float32Array; sin: Float32Array } {
  const { headDim } = rope
  const [cos, sin] = [0, 1].map(() => new Float32Array(positions.length * heads * headDim))
  let at = 0
  for (const position of positions) {
    const turn = turnOf(position, rope)
    for (let head = 0; head < heads; head++, at += headDim) {
      cos!.set(turn.cos, at)
      sin!.set(turn.sin, at)
    }
  }
  return { cos: cos!, sin: sin! }
}

/** The matrix R [headDim, headDim] with x·R = rotate_half(x) = [−x₂, x₁]: a rotation as a product, differentiable to any order. */
export function halfRotation(headDim: number): Float32Array {
  const matrix = new Float32Array(headDim * headDim)
  const half = headDim / 2
  for (let i = 0; i < half; i++) {
    matrix[(i + half) * headDim + i] = -1
    matrix[i * headDim + i + half] = 1
  }
  return matrix
}
