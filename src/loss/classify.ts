// The class of an edit, from its loss change and the standard error of it (arXiv 2410.13841 §3).

import { MOST_NATS } from '../record/index.js'
import type { Loss } from './loss.js'

export type EditClass = 'competitive' | 'decreased' | 'improved'

/**
 * Loss change edited − post in nats per token, its standard error over items (a ratio of sums: items are paired, tokens
 * weigh equally), and the class: within two standard errors competitive, above decreased, below improved.
 */
export function classifyChange(post: Loss, edited: Loss): { change: number; standardError: number; class: EditClass } {
  const items = [...post.itemTokens.keys()].filter((i) => post.itemTokens[i]! > 0)
  const change = items.reduce((sum, i) => sum + edited.itemSums[i]! - post.itemSums[i]!, 0) / post.tokens
  const residuals = items.map((i) => edited.itemSums[i]! - post.itemSums[i]! - change * post.itemTokens[i]!)
  const n = items.length
  const standardError =
    n > 1 ? Math.sqrt((residuals.reduce((sum, r) => sum + r * r, 0) * n) / (n - 1)) / post.tokens : NaN
  const bound = 2 * standardError
  return { change, standardError, class: change > bound ? 'decreased' : change < -bound ? 'improved' : 'competitive' }
}

/**
 * The same of a divergence from post, which is never below 0, so that the mean alone says nothing. Had post itself drawn the labels,
 * the loss change on them would be KL on average, with a standard error of about √(2·KL / positions). It is within two of those up to
 * KL·positions = 8 nats: such labels would not tell the two models apart, and the edit is competitive. `standardError` is that of the
 * mean, over items.
 */
export function classifyDivergence(kl: Loss): ReturnType<typeof classifyChange> {
  const none = { ...kl, itemSums: kl.itemSums.map(() => 0) }
  return { ...classifyChange(none, kl), class: kl.mean * kl.tokens > MOST_NATS ? 'decreased' : 'competitive' }
}
