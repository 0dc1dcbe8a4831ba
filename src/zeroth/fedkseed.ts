// FedKSeed: clients walk along directions of one pool of K and send back K sums; the server averages them. The delta is the
// pool's K scalars, however many steps were made. Source: Qin et al. 2024, arXiv 2312.06353, algorithm 1 (uniform sampling).
import { addSeeds, directionOf, type Seeds, step } from '../kernels/index.js'
import type { Batch, Model } from '../models/index.js'
import { keyOf, uniformAt } from '../tensor/index.js'
import type { Entry, Journal } from './journal.js'
import { copyOf, drawDirection, move, type Point, slopeAlong } from './probe.js'
import type { FedKSeedRun } from './recipe.js'

/** Batch number `step` of a client. */
export type ClientBatch = (client: number, step: number) => Batch

/**
 * Moves `point` in place, first by the steps in the journal. At the end the point is computed again as base + seeds, as a
 * reader of the file computes it: the sums of the rounds may differ from it in the last bits.
 */
export async function fedkseed(
  model: Model,
  point: Point,
  run: FedKSeedRun,
  { batchOf, journal }: { batchOf: ClientBatch; journal?: Journal },
): Promise<Seeds> {
  const start = copyOf(point)
  const scalars = new Float32Array(run.pool)
  const stepsOf = new Map<number, number>()
  const walk = (moves: Entry['moves']) => {
    for (const [k, sum] of moves) {
      scalars[k]! += sum
      for (const [name, values] of point) step(values, sum, directionOf(run.seed, k, { tensor: name }, values.length))
    }
  }
  for (let round = 0; round < run.rounds; round++) {
    const chosen = chooseClients(run, round)
    const known = journal?.past[round]
    if (known) {
      for (const client of chosen) stepsOf.set(client, (stepsOf.get(client) ?? 0) + run.local_steps)
      walk(known.moves)
      continue
    }
    const sums = new Float64Array(run.pool)
    let total = 0
    for (const client of chosen) {
      const local = copyOf(point)
      const draws = keyOf(run.seed, 'fedkseed', round, client)
      for (let i = 0; i < run.local_steps; i++) {
        const k = Math.floor(uniformAt(draws, i) * run.pool)
        const at = stepsOf.get(client) ?? 0
        stepsOf.set(client, at + 1)
        const direction = drawDirection(local, run.seed, k)
        const { slope, loss } = await slopeAlong(model, local, batchOf(client, at), { direction, epsilon: run.epsilon })
        const scalar = Math.fround(-run.learning_rate * slope)
        move(local, scalar, direction)
        sums[k]! += scalar / run.participants
        total += loss
      }
    }
    const moves = [...sums.entries()].filter(([, sum]) => sum !== 0)
    walk(moves)
    const steps = run.participants * run.local_steps
    await journal?.add({ step: (round + 1) * steps, loss: total / steps, moves })
  }
  const seeds = { seed: run.seed, scalars }
  for (const [name, values] of point) {
    values.set(start.get(name)!)
    addSeeds(values, { tensor: name }, seeds)
  }
  return seeds
}

/** The clients of a round, drawn without replacement, ascending. */
function chooseClients({ seed, clients, participants }: FedKSeedRun, round: number): number[] {
  const key = keyOf(seed, 'fedkseed', 'clients', round)
  const order = Array.from({ length: clients }, (_, client) => ({ client, draw: uniformAt(key, client) }))
  return order
    .sort((a, b) => a.draw - b.draw)
    .slice(0, participants)
    .map(({ client }) => client)
    .sort((a, b) => a - b)
}
