// How many items stand behind a number, and what its losses are per, in words.
import { otherScore, type Row } from '../record/index.js'

/** Whether a measure is a score, so that it is a mean over the items of the scores. */
export const isScore = (name: string): boolean =>
  name.startsWith('score') || name === 'gap' || otherScore(name) !== undefined

/** `500 items per task` of the scores or of the losses, with the range where tasks differ; empty where there are none. */
export function itemsNote(rows: readonly Row[], scored: boolean): string {
  const counts = rows.map((row) => (scored ? row.n : row.loss_items)).filter((count) => count !== null)
  if (counts.length === 0) return ''
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  return `${least === most ? most : `${least} to ${most}`} items per task`
}

/**
 * Unit of the losses: texts have nats per token, classes nats per item, and regressions (known by their correlations) the
 * squared error of an item. Divergences are said to be so.
 */
export function lossUnit(rows: readonly Pick<Row, 'loss_items' | 'loss_kind' | 'loss_tokens' | 'metric'>[]): string {
  const measured = rows.filter(({ loss_tokens: tokens }) => tokens !== null)
  const diverging = measured.filter(({ loss_kind: kind }) => kind === 'kl')
  if (diverging.length) {
    const places = diverging.some(({ loss_items: items, loss_tokens: tokens }) => items !== tokens)
      ? 'position'
      : 'item'
    return diverging.length === measured.length ? `nats of KL per ${places}` : 'nats, some of KL'
  }
  if (!measured.length || measured.some(({ loss_items: items, loss_tokens: tokens }) => items !== tokens))
    return 'nats per token'
  const squared = measured.filter(({ metric }) => metric === 'pearson' || metric === 'spearman').length
  return squared === 0 ? 'nats per item' : squared === measured.length ? 'squared error per item' : 'per item'
}
