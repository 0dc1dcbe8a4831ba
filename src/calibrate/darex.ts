// Finds the q of DAREx: the rescaling with the lowest loss for a delta of which a fraction p was dropped.
import { applySteps, editorNamed } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { lossOf } from '../loss/index.js'
import type { Batch, Weights } from '../models/index.js'
import { track } from '../progress/index.js'
import { tf } from '../tensor/index.js'
import { type CalibrateOptions, type CalibrationPair, withCalibrationPair } from './calibration-pair.js'

export interface FoundQ {
  q: number
  loss: number
  /** Every q that was tried with its loss, in order. */
  tried: { q: number; loss: number }[]
}

/**
 * A coarse grid of `points` from 1 - p to 1, then a fine one of a tenth of its step around the best (Deng et al. 2024, arXiv
 * 2410.09344, q_v). The ends of the grid are DARE and drop-only, so the result is never worse than these two on the same items.
 */
export async function searchQ(dropRate: number, lossAt: (q: number) => Promise<number>, points = 10): Promise<FoundQ> {
  const [low, high] = [1 - dropRate, 1]
  const coarse = (high - low) / points
  const tried = new Map<number, number>()
  const tryAll = async (list: number[]) => {
    for (const raw of list) {
      const q = Number(raw.toPrecision(10))
      if (q > 0 && q <= high && q >= Number(low.toPrecision(10)) && !tried.has(q)) tried.set(q, await lossAt(q))
    }
  }
  const best = () => [...tried].reduce((one, other) => (other[1] < one[1] ? other : one))
  await tryAll(Array.from({ length: points + 1 }, (_, i) => low + i * coarse))
  const [centre] = best()
  await tryAll(Array.from({ length: 19 }, (_, i) => centre + (i - 9) * 0.1 * coarse))
  const [q, loss] = best()
  return { q, loss, tried: [...tried].map(([one, at]) => ({ q: one, loss: at })) }
}

export interface DarexOptions extends CalibrateOptions {
  drop_rate: number
  seed: number
}

export interface DarexResult extends FoundQ {
  /** Loss on other items at 1 - p and at q. */
  check: { dare: number; darex: number }
}

/** Of a search with 10 points, the coarse grid and the fine one, and the check. */
const MOST_LOSSES = 11 + 18 + 2

/** q of DAREx for one mask (seed), with the loss on items that the search did not see at q and at 1 - p. */
export async function calibrateDarex(base: string, post: string, options: DarexOptions): Promise<DarexResult> {
  const { drop_rate } = options
  if (!(drop_rate > 0 && drop_rate < 1))
    throw new UserError(`the drop rate must be between 0 and 1; got ${drop_rate}`, { exitCode: 2 })
  return withCalibrationPair(base, post, options, async (held) => {
    return track({ name: 'q of DAREx', unit: 'losses', total: MOST_LOSSES }, async ({ part }) => {
      const lossAt = (q: number, batches: Batch[]) => part(1, () => measureDarex(held, { ...options, q }, batches))
      const found = await searchQ(drop_rate, (q) => lossAt(q, held.calibration))
      const check = { dare: await lossAt(1 - drop_rate, held.check), darex: await lossAt(found.q, held.check) }
      return { ...found, check }
    })
  })
}

/** Loss of the post-trained model whose delta is edited by DAREx. */
async function measureDarex(
  { pair, model, base, post }: CalibrationPair,
  { drop_rate, seed, q }: Pick<DarexOptions, 'drop_rate' | 'seed'> & { q: number },
  batches: readonly Batch[],
): Promise<number> {
  const steps = [{ editor: editorNamed('darex'), options: { drop_rate, q } }]
  const edited: Weights = {}
  try {
    for (const name of pair.names) {
      const [before, after] = [base[name], post[name]]
      if (!before || !after) continue // no tensor of the model
      const delta = tf.tidy(() => after.sub(before))
      const values = (await delta.data()) as Float32Array
      delta.dispose()
      const dropped = await applySteps(steps, values, after.shape, { seed, tensor: name })
      edited[name] = tf.tidy(() => before.add(tf.tensor(dropped, after.shape)))
    }
    return (await lossOf(model, { ...post, ...edited }, batches)).mean
  } finally {
    tf.dispose(edited)
  }
}

/** The result in words. */
export function describeDarex({ q, tried, check }: DarexResult, dropRate: number): string {
  const plain = Number((1 - dropRate).toPrecision(6))
  const losses = `loss ${check.darex.toFixed(4)}, of DARE ${check.dare.toFixed(4)} nats per token`
  return `q = ${q} (1 - p = ${plain}) after ${tried.length} losses; on as many other items: ${losses}`
}
