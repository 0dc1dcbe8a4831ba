// Which examples stand before an item: the first ones, or some drawn by the item's own key.
import { createHash } from 'node:crypto'
import { UserError } from '../errors/index.js'
import type { Card } from './card.js'
import type { PlacedRow } from './rows.js'
import type { Row } from './template.js'

/**
 * `number` rows of the pool, none of them the item itself. Keyed: the k-th is row sha256(key, k) of those left, so that no
 * order of items, and no other item, changes them.
 * @throws UserError, without a place, for a pool that is too small
 */
export function drawExamples({ number, sampling, same }: NonNullable<Card['fewshot']>, key: string, row: Row, pool: readonly PlacedRow[]): PlacedRow[] {
  const own = JSON.stringify(row)
  const fits = (each: Row) => same === undefined || each[same] === row[same]
  const chosen: PlacedRow[] = []
  if (sampling === 'first') {
    for (const each of pool) {
      if (chosen.length === number) break
      if (fits(each.row) && JSON.stringify(each.row) !== own) chosen.push(each)
    }
  } else {
    const left = same === undefined ? [...pool] : pool.filter((each) => fits(each.row))
    for (let draw = 0; chosen.length < number && left.length; draw++) {
      const at = createHash('sha256').update(`${key}/${draw}`).digest().readUIntBE(0, 6) % left.length
      const [each] = left.splice(at, 1)
      if (JSON.stringify(each.row) !== own) chosen.push(each)
    }
  }
  if (chosen.length < number) throw new UserError(`${number} examples are wanted and ${chosen.length} are there${same ? ` with the same ${same}` : ''}`)
  return chosen
}
