// The model that a divergence is measured from, for the passes of a group: it goes along the chain once, and is kept where the chain
// ends. What is kept is the outputs, or, of weights that are read stretch by stretch, the states before the last stretch, which is
// then passed again beside the other model's: the outputs of a vocabulary may be more than fit.
import {
  applyStretch,
  disposeAll,
  disposeInputs,
  type Source,
  stepAll,
  type Visit,
  visitsOf,
  walk,
} from '../models/index.js'
import { measured, type Tensor, tf } from '../tensor/index.js'
import type { Pass } from './pass.js'

export interface Still {
  /** Outputs of each pass in the part of the last stretch that is visited. */
  open(visit: Visit): Promise<StillPart>
  dispose(): void
}

interface StillPart {
  /** [counted, width] of pass i; runs inside a tidy. */
  outputs(i: number): Tensor
  dispose(): void
}

/** One forward pass over the group. The caller disposes the result. */
export async function holdStill(source: Source, passes: readonly Pass[]): Promise<Still> {
  const whole = source.stretches.length === 1
  const stretches = whole ? source.stretches : source.stretches.slice(0, -1)
  let states: (Tensor | null)[] = passes.map(() => null)
  let sums: (Tensor | null)[] = []
  try {
    for await (const visit of walk(source, visitsOf(stretches))) {
      stepAll(visit, passes, states, sums)
      if (visit.part !== visit.stretch.parts.at(-1)) continue
      disposeAll(states)
      states = sums
      sums = []
    }
  } catch (error) {
    disposeAll([...states, ...sums])
    throw error
  }
  return {
    async open(visit) {
      if (whole) return { outputs: (i) => states[i]!, dispose: () => {} }
      const { weights, dispose } = (await source.fetch(visit.stretch, visit.part))()
      return {
        outputs(i) {
          const inputs = passes[i]!.open()
          const { onBlock: _, ...quiet } = inputs
          const outputs = measured(() => tf.tidy(() => applyStretch(visit, weights, states[i]!, quiet)))
          disposeInputs(inputs)
          return outputs
        },
        dispose,
      }
    },
    dispose: () => disposeAll(states),
  }
}
