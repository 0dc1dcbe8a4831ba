// The class of an edit, from its loss change and the standard error of it (arXiv 2410.13841 §3).
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
