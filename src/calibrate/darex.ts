// The q of DAREx by search on validation loss: the best rescaling of a delta of which a fraction p was dropped.

export interface FoundQ {
  q: number
  loss: number
  /** Every q that was tried with its loss, in order. */
  tried: { q: number; loss: number }[]
}

/**
 * A coarse grid of `points` from 1 - p to 1, then a fine one of a tenth of its step around the best (Deng et al. 2024, arXiv
 * 2410.09344, q_v). The ends are DARE and drop-only, so that the result is never worse than either on these items.
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
