// The class of an edit by its loss change and the standard error that decides it (arXiv 2410.13841 §3).
import type { Loss } from './loss.js'

export type EditClass = 'competitive' | 'decreased' | 'improved'

/** Paired over items; |change| within two standard errors is competitive, above is decreased, below is improved. */
export function classify(_post: Loss, _edited: Loss): { change: number; standardError: number; class: EditClass } {
  throw new Error('not yet')
}
