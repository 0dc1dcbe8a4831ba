// How many items stand behind a number, and what its losses are per, in words.

import { otherScore, type Row } from '../record/index.js'
import { extremes } from './extremes.js'
import { divergesByLoss, isDistance } from './measures.js'
import { wordsOf } from './words.js'

/** Whether a measure is a score, so that it is a mean over the items of the scores. */
export const isScore = (name: string): boolean =>
  name.startsWith('score') || name === 'gap' || otherScore(name) !== undefined

/** Whether a measure is a loss or an estimate of one, in the unit of the losses. */
export const isLoss = (name: string): boolean => wordsOf(name).axis.includes('nats per token')

/** The items that a measure of a row is a mean over; null for what no item was asked for, such as a norm. */
function itemsOf(row: Row, name: string): number | null {
  if (isScore(name)) return row.n
  if (isDistance(name)) return divergesByLoss(row, name) ? row.loss_items : row.n
  return isLoss(name) ? row.loss_items : null
}

/** `500 items per task` behind these measures, with the range where they differ; empty where there are none. */
export function itemsNote(rows: readonly Row[], names: readonly string[]): string {
  const counts = rows.flatMap((row) => names.map((name) => itemsOf(row, name))).filter((count) => count !== null)
  if (counts.length === 0) return ''
  const [least, most] = extremes(counts)
  return `${least === most ? most : `${least} to ${most}`} ${most === 1 ? 'item' : 'items'} per task`
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
