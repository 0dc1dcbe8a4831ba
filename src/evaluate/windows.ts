// Windows over the tokens of a text, so that a model with a bounded number of positions reads all of it, and no token is scored twice.
import type { TextWindow } from '../tasks/index.js'

/** How long windows are, and how far apart they begin, in tokens. */
export interface WindowSize {
  length: number
  /** At most `length`. */
  stride: number
}

/**
 * Windows as in transformers' guide on the perplexity of models with a fixed length: they begin `stride` tokens apart; of each the
 * tokens are scored that no earlier one had. The last one may be shorter.
 * @param context tokens at the beginning of a window that are not scored, because nothing stands before them: 1 for a causal model
 */
export function slidingWindows(
  ids: readonly number[],
  { length, stride }: WindowSize,
  context: 0 | 1 = 1,
): TextWindow[] {
  const windows: TextWindow[] = []
  for (let [begin, scored] = [0, 0]; scored < ids.length; begin += stride) {
    const end = Math.min(begin + length, ids.length)
    const unscored = Math.max(context, scored - begin)
    if (end - begin > unscored) windows.push({ ids: ids.slice(begin, end), unscored })
    scored = end
  }
  return windows
}

/**
 * Windows as lm-evaluation-harness makes them of `loglikelihood_rolling`: each token is scored, the first after `first`; `length` at
 * once, after the one before them; the last few after as many as are read with them.
 * @param length tokens that a model reads at once; one more is predicted
 */
export function rollingWindows(ids: readonly number[], length: number, first: number): TextWindow[] {
  const all = [first, ...ids]
  const windows: TextWindow[] = []
  for (let begin = 1; begin < all.length; begin += length) {
    const end = Math.min(begin + length, all.length)
    const from = begin === 1 ? 0 : Math.max(0, end - length - 1)
    windows.push({ ids: all.slice(from, end), unscored: begin - from })
  }
  return windows
}
