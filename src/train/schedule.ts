// Learning rate of a step: linear warm-up, then cosine, linear or constant to a fraction of the peak.

export interface Schedule {
  steps: number
  warmup: number
  learning_rate: number
  schedule: 'cosine' | 'linear' | 'constant'
  /** Fraction of the peak at the end. */
  final: number
}

/** Rate of step 0 … steps − 1. */
export function learningRate({ steps, warmup, learning_rate, schedule, final }: Schedule, step: number): number {
  if (step < warmup) return (learning_rate * (step + 1)) / warmup
  if (schedule === 'constant') return learning_rate
  const done = (step - warmup) / Math.max(1, steps - warmup)
  const share = schedule === 'cosine' ? (1 + Math.cos(Math.PI * done)) / 2 : 1 - done
  return learning_rate * (final + (1 - final) * share)
}
