// The items of a task from the rows of its data, and what every row must have.
import { basename } from 'node:path'
import { UserError } from '../../errors/index.js'
import { Float, plainNumbers, Whole } from '../../jinja/index.js'
import type { ItemBase } from '../base.js'
import { type Card, TEMPLATE_ENTRIES } from './card.js'
import { describeData } from './data.js'
import { preparationOf } from './prepare.js'
import { type PlacedRow, placeRow } from './rows.js'
import { compileTemplate, type DataRow } from './template.js'

/**
 * Items in the order of the rows. The id is that of the card's column `id`, or else the number of the row. Columns that no
 * template consists of are kept for the metrics.
 * @param read what the kind of the task makes of a row
 * @throws UserError with path and line: what `read` throws, a duplicate id, no item at all
 */
export function makeItems<I extends ItemBase>(
  card: Card,
  rows: readonly PlacedRow[],
  read: (row: DataRow) => Omit<I, 'id' | 'fields'>,
): I[] {
  const prepare = preparationOf(card)
  const templates = [card.prompt, card.target, card.pair, card.label].filter((text) => text !== undefined)
  const taken = new Set(templates.map((text) => compileTemplate(text).only))
  const lineOfId = new Map<string, number>()
  const idOf = (given: unknown, number: number): string => {
    if (!(given instanceof Float || given instanceof Whole) && typeof given !== 'string' && typeof given !== 'number')
      throw new UserError('id must be a text or a number')
    const id = String(given)
    const earlier = lineOfId.get(id)
    if (earlier !== undefined) throw new UserError(`id ${JSON.stringify(given)} is already that of line ${earlier}`)
    lineOfId.set(id, number)
    return id
  }
  const makeItem = (number: number, row: DataRow): I => {
    const { [card.id ?? 'id']: given = String(number), ...rest } = row
    const id = idOf(given, number)
    const fields = Object.entries(rest)
      .filter(([column]) => !taken.has(column))
      .map(([column, value]) => [column, plainNumbers(value)])
    return { id, ...read(row), fields: Object.fromEntries(fields) } as I
  }
  const items = rows.map(({ where, number, row }) => placeRow(where, () => makeItem(number, prepare(row))))
  if (items.length === 0)
    throw new UserError(
      `${card.origin}${basename(card.origin) === describeData(card) ? '' : `: ${describeData(card)}`} holds no items; each must have ${columnsFor(card).join(' and ')}`,
    )
  return items
}

const columnsFor = (card: Card): string[] => {
  const texts = TEMPLATE_ENTRIES.flatMap((key) => card[key] ?? [])
  return [...new Set(texts.flatMap((text) => compileTemplate(text).columns))]
}
