// Answers that are guessed: one pass over all of a guess says whether the model answers so, instead of one pass for each token.
import { type Cache, copyCache, disposeCache } from '../models/index.js'
import { type ModelSource, nextTokens, plainBatch } from './cached.js'
import { BATCH_TOKENS } from './options.js'

export interface Draft {
  /** Its row in the cache, which holds all that comes before the answer. */
  row: number
  /** Position of the answer's first token. */
  position: number
  /** At least two tokens, of which the first is the answer's. */
  tokens: readonly number[]
}

/** Which drafts are the greedy answers, token for token. The cache stays as it is. */
export async function proven(held: ModelSource, cache: Cache, drafts: readonly Draft[]): Promise<boolean[]> {
  // The last token is predicted and not read.
  const columns = Math.max(...drafts.map(({ tokens }) => tokens.length - 1))
  const rows = Math.max(1, Math.floor(BATCH_TOKENS / (cache.length + columns)))
  const found: boolean[] = []
  for (let from = 0; from < drafts.length; from += rows)
    found.push(...(await proveTogether(held, cache, drafts.slice(from, from + rows), columns)))
  return found
}

async function proveTogether(
  held: ModelSource,
  cache: Cache,
  drafts: readonly Draft[],
  columns: number,
): Promise<boolean[]> {
  const size = drafts.length * columns
  const [ids, mask, positions] = [new Int32Array(size), new Int32Array(size), new Int32Array(size)]
  const wanted: number[] = []
  for (const [row, { position, tokens }] of drafts.entries())
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column
      const last = tokens.length - 2
      ids[at] = tokens[Math.min(column, last)]!
      positions[at] = position + Math.min(column, last)
      if (column > last) continue
      mask[at] = 1
      wanted.push(at)
    }
  const own = copyCache(
    cache,
    drafts.map(({ row }) => row),
    cache.length + columns,
  )
  try {
    const batch = plainBatch(drafts.length, { ids, mask, positions })
    const next = await nextTokens(held, batch, own, { wanted: Int32Array.from(wanted) })
    let at = 0
    return drafts.map(({ tokens: [, ...rest] }) => {
      at += rest.length
      return rest.every((token, i) => token === next[at - rest.length + i])
    })
  } finally {
    disposeCache(own)
  }
}
