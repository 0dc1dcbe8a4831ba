// Work on many items at a time.
import { countEntries } from '../kernels/index.js'

/**
 * Runs `work` on each item, `limit` of them at a time, in the order of the list. After an error no more begin.
 * @throws the error of the first item that failed, once all that had begun have ended
 */
export async function inParallel<T>(
  limit: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.entries()
  const failed = new Map<number, unknown>()
  const take = async (): Promise<void> => {
    for (const [i, item] of left) {
      if (failed.size) return
      await work(item).catch((error: unknown) => failed.set(i, error))
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, take))
  if (failed.size) throw failed.get(Math.min(...failed.keys()))
}

/** Indices of a list of tensors, the largest first: so the threads end at about the same time. */
export function largestFirst(tensors: readonly { shape: readonly number[] }[]): number[] {
  const sizes = tensors.map(({ shape }) => countEntries(shape))
  return [...tensors.keys()].sort((a, b) => sizes[b]! - sizes[a]!)
}

/**
 * What `work` makes of each item, in the order of the list, `limit` of them at a time.
 * @throws the error of the first item that fails, once all that had begun have ended
 */
export async function* inOrder<T, R>(
  limit: number,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const begun: Promise<R>[] = []
  try {
    for (const next of items.slice(0, limit)) begun.push(start(work, next))
    for (let i = limit; begun.length; i++) {
      const done = await begun.shift()!
      if (i < items.length) begun.push(start(work, items[i]!))
      yield done
    }
  } finally {
    await Promise.allSettled(begun)
  }
}

/** An error is kept until it is awaited. */
function start<T, R>(work: (item: T) => Promise<R>, item: T): Promise<R> {
  const result = work(item)
  result.catch(() => undefined)
  return result
}
