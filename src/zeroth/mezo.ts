// MeZO: every step moves along a new random direction, against the slope of the loss. The delta is one scalar per step.
import type { Seeds } from '../kernels/index.js'
import type { Batch, Model } from '../models/index.js'
import type { Journal } from './journal.js'
import { drawDirection, move, type Point, slopeAlong } from './probe.js'
import type { MezoRun } from './recipe.js'

/** Moves `point` in place, first by the steps in the journal. The seeds rebuild it bit for bit from the starting weights. */
export async function mezo(
  model: Model,
  point: Point,
  run: MezoRun,
  { batchOf, journal }: { batchOf: (step: number) => Batch; journal?: Journal },
): Promise<Seeds> {
  const scalars = new Float32Array(run.steps)
  for (const { moves } of journal?.past ?? []) {
    for (const [k, scalar] of moves) {
      scalars[k] = scalar
      move(point, scalar, drawDirection(point, run.seed, k))
    }
  }
  for (let k = journal?.past.length ?? 0; k < run.steps; k++) {
    const direction = drawDirection(point, run.seed, k)
    const { slope, loss } = await slopeAlong(model, point, batchOf(k), { direction, epsilon: run.epsilon })
    scalars[k] = -run.learning_rate * slope
    move(point, scalars[k]!, direction)
    await journal?.add({ step: k + 1, loss, moves: [[k, scalars[k]!]] })
  }
  return { seed: run.seed, scalars }
}
