// Rotary position embedding (Su et al. 2021) in transformers' rotate-half layout, with the llama3 frequency scaling.
import { UserError } from '../errors/index.js'

export interface RopeConfig {
  theta: number
  /** Size of a head; half as many frequencies. */
  headDim: number
  scaling: Record<string, unknown> | null
}

/** Reads theta and scaling from either style of config.json (rope_theta + rope_scaling, or rope_parameters). */
export function readRope(config: Record<string, unknown>, headDim: number): RopeConfig {
  const parameters = (config.rope_parameters ?? config.rope_scaling ?? null) as Record<string, unknown> | null
  const theta = Number(config.rope_theta ?? parameters?.rope_theta ?? 10000)
  const type = parameters?.rope_type ?? parameters?.type ?? 'default'
  if (type === 'default') return { theta, headDim, scaling: null }
  if (type !== 'llama3' && type !== 'linear') {
    throw new UserError(`config.json: rope type ${JSON.stringify(type)} is not supported; known: default, linear, llama3`)
  }
  return { theta, headDim, scaling: parameters }
}

/** Frequencies [headDim / 2] in radians per position. */
export function frequencies({ theta, headDim, scaling }: RopeConfig): Float64Array {
  const plain = Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim))
  if (!scaling) return plain
  const factor = Number(scaling.factor)
  if ((scaling.rope_type ?? scaling.type) === 'linear') return plain.map((f) => f / factor)
  const low = Number(scaling.low_freq_factor)
  const high = Number(scaling.high_freq_factor)
  const length = Number(scaling.original_max_position_embeddings)
  return plain.map((f) => {
    const wavelength = (2 * Math.PI) / f
    if (wavelength < length / high) return f
    if (wavelength > length / low) return f / factor
    const share = (length / wavelength - low) / (high - low)
    return ((1 - share) * f) / factor + share * f
  })
}

/** cos and sin of every token's angles, repeated for both halves of a head and for `heads` heads: each [tokens, heads * headDim]. */
export function rotations(positions: Int32Array, rope: RopeConfig, heads: number): { cos: Float32Array; sin: Float32Array } {
  const rates = frequencies(rope)
  const { headDim } = rope
  const cos = new Float32Array(positions.length * heads * headDim)
  const sin = new Float32Array(cos.length)
  const half = headDim / 2
  const known = new Map<number, number>() // rows repeat their positions: where each was written first
  positions.forEach((position, token) => {
    const start = token * heads * headDim
    const first = known.get(position)
    if (first !== undefined) {
      for (const table of [cos, sin]) table.copyWithin(start, first, first + heads * headDim)
      return
    }
    known.set(position, start)
    for (let i = 0; i < half; i++) {
      const angle = position * rates[i]
      cos[start + i] = cos[start + half + i] = Math.cos(angle)
      sin[start + i] = sin[start + half + i] = Math.sin(angle)
    }
    for (let head = 1; head < heads; head++) {
      for (const table of [cos, sin]) table.copyWithin(start + head * headDim, start, start + headDim)
    }
  })
  return { cos, sin }
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
