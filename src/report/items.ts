// How many items stand behind a number, in words.
import type { Row } from '../record/row.js'

/** `500 items per task` of the scores or of the losses, with the range where tasks differ; empty where there are none. */
export function itemsOf(rows: readonly Row[], scored: boolean): string {
  const counts = rows.map((row) => (scored ? row.n : row.loss_items)).filter((count) => count !== null)
  if (counts.length === 0) return ''
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  return `${least === most ? most : `${least} to ${most}`} items per task`
}
