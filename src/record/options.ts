// The options of a row by name: what tables and figures can show besides columns.
import { COLUMNS, type Column, type Row } from './row.js'

type PlainValue = string | number | boolean | null

/** Columns that repeat the option of their name. */
const REPEATED = ['drop_rate', 'rank', 'bits', 'alpha', 'k']

/** An option that has the name of a column which means something else, such as `task` of the merger emr, is `options.task`. */
const nameOf = (option: string) =>
  (COLUMNS as string[]).includes(option) && !REPEATED.includes(option) ? `options.${option}` : option

/**
 * The options of a row by the names that tables and figures know. Those of a chain carry the name of their editor
 * (`bitdelta.multiplier`, of a second one `bitdelta2.multiplier`), because editors share names; a list or a value per model is text.
 */
export function namedOptions({ steps, ...options }: Row['options']): Record<string, PlainValue> {
  const count: Record<string, number> = {}
  const chained = ((steps ?? []) as Row['options'][]).flatMap(({ editor, ...own }) => {
    count[String(editor)] = (count[String(editor)] ?? 0) + 1
    const name = `${editor}${count[String(editor)]! > 1 ? count[String(editor)] : ''}`
    return Object.entries(own).map(([option, value]) => [`${name}.${option}`, value] as const)
  })
  return Object.fromEntries(
    [...Object.entries(options), ...chained].map(([name, value]) => [nameOf(name), plain(value)]),
  )
}

const plain = (value: unknown): PlainValue =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : ((value ?? null) as PlainValue)

/** Columns of further scores. */
export const OTHERS = ['others_edited', 'others_post', 'others_pre'] as const

/** Column and name of a further score, as `others_edited.NAME` calls it; undefined for other names. */
export function otherScore(name: string): { column: (typeof OTHERS)[number]; score: string } | undefined {
  const column = OTHERS.find((each) => name.startsWith(`${each}.`))
  return column && { column, score: name.slice(column.length + 1) }
}

/** A column of the row, or else the option (`multiplier`, `blocks`, …) or the further score of that name; null where there is none. */
export function readValue(row: Row, name: string): PlainValue {
  const other = otherScore(name)
  if (other) return row[other.column]?.[other.score] ?? null
  return name in row ? plain(row[name as Column]) : (namedOptions(row.options)[name] ?? null)
}
