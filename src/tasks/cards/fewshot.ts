// Which examples stand before the items: the first ones, or those that lm-evaluation-harness draws.
import { UserError } from '../../errors/index.js'
import { seedTwister, type Twister } from '../../twister/index.js'
import type { Card } from './card.js'
import type { PlacedRow } from './rows.js'
import type { DataRow } from './template.js'

/** Examples for an item; called for the items in order, since each draw continues the random sequence of the last one. */
export type Drawer = (row: DataRow) => PlacedRow[]

/**
 * Draws from the pool, never the item itself. `random` is the harness's way (its versions 0.4): one generator of Python's,
 * seeded with `seed`, gives every item in turn `number` + `spare` rows, of which the first `number` that are not the item stand.
 * Where too many are copies of the item, it draws again from the others (since 0.4.13).
 * @throws UserError, without a place, for a pool that is too small
 */
export function openDrawer(
  { number, sampling, seed, spare, same }: NonNullable<Card['fewshot']>,
  pool: readonly PlacedRow[],
): Drawer {
  const groups = new Map<unknown, { rows: PlacedRow[]; twister: Twister }>()
  const groupOf = (row: DataRow) => (same === undefined ? undefined : row[same])
  for (const each of pool) {
    const group = groupOf(each.row)
    if (!groups.has(group)) groups.set(group, { rows: [], twister: seedTwister(seed) })
    groups.get(group)!.rows.push(each)
  }
  return (row) => {
    const { rows, twister } = groups.get(groupOf(row)) ?? { rows: [], twister: null }
    const own = JSON.stringify(row)
    const others = (some: readonly PlacedRow[]) => some.filter((each) => JSON.stringify(each.row) !== own)
    const draw = (from: readonly PlacedRow[], count: number) =>
      sampling === 'first' || !twister
        ? from
        : twister.sample(from.length, Math.min(from.length, count)).map((at) => from[at]!)
    const drawn = others(draw(rows, number + spare))
    const chosen = drawn.length < number ? draw(others(rows), number) : drawn
    if (chosen.length < number)
      throw new UserError(
        `${number} examples are wanted and ${chosen.length} are there${same ? ` with the same ${same}` : ''}`,
      )
    return chosen.slice(0, number)
  }
}
