// Learning rate of a step: linear warm-up, then cosine, linear, constant, or a plateau with a decay, to a fraction of the peak.

export interface Schedule {
  steps: number
  warmup: number
  learning_rate: number
  schedule: 'cosine' | 'linear' | 'constant' | 'plateau'
  /** Fraction of the peak at the end. */
  final: number
}

/** Share of the steps, at the end, in which the rate of a plateau decays (Hu et al. 2024, MiniCPM). Earlier steps do not depend on the length of the run. */
const DECAY = 0.2

/** Rate of step 0 … steps − 1. */
export function learningRate({ steps, warmup, learning_rate, schedule, final }: Schedule, step: number): number {
  if (step < warmup) return (learning_rate * (step + 1)) / warmup
  if (schedule === 'constant') return learning_rate
  const done = (step - warmup) / Math.max(1, steps - warmup)
  if (schedule === 'plateau')
    return learning_rate * (final + (1 - final) * Math.min(1, (steps - step) / (DECAY * steps)))
  const share = schedule === 'cosine' ? (1 + Math.cos(Math.PI * done)) / 2 : 1 - done
  return learning_rate * (final + (1 - final) * share)
}
