// AdamW (Loshchilov & Hutter 2019) on one flat float32 vector of all weights, outside any backend's heap.

export interface AdamW {
  /** First and second moments, as long as the weights. */
  first: Float32Array
  second: Float32Array
  /** Updates made. */
  step: number
}

export interface AdamWOptions {
  rate: number
  betas: readonly [number, number]
  /** Decoupled weight decay of the elements where `decays` is 1. */
  decay: number
  /** The spans [begin, end) of the weights that are decayed. */
  decays: readonly (readonly [number, number])[]
}

const EPSILON = 1e-8

export function startAdamW(length: number): AdamW {
  return { first: new Float32Array(length), second: new Float32Array(length), step: 0 }
}

/** One update in place. */
export function updateAdamW(state: AdamW, weights: Float32Array, gradient: Float32Array, options: AdamWOptions) {
  const { first, second } = state
  const [beta1, beta2] = options.betas
  state.step++
  const size = options.rate / (1 - beta1 ** state.step)
  const correction = 1 / Math.sqrt(1 - beta2 ** state.step)
  for (const [begin, end] of options.decays)
    for (let i = begin; i < end; i++) weights[i]! *= 1 - options.rate * options.decay
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i]!
    first[i]! += (1 - beta1) * (g - first[i]!)
    second[i]! += (1 - beta2) * (g * g - second[i]!)
    weights[i]! -= (size * first[i]!) / (Math.sqrt(second[i]!) * correction + EPSILON)
  }
}

/** Scales the gradient to a global L2 norm of at most `limit`; returns the norm before. */
export function clipGradient(gradient: Float32Array, limit: number): number {
  let sum = 0
  for (let i = 0; i < gradient.length; i++) sum += gradient[i]! * gradient[i]!
  const norm = Math.sqrt(sum)
  if (norm > limit) for (let i = 0, scale = limit / norm; i < gradient.length; i++) gradient[i]! *= scale
  return norm
}
