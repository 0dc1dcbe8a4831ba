// The options of a row by name: what tables and figures can show besides columns.
import type { Column, Row } from './row.js'

type PlainValue = string | number | boolean | null

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
  return Object.fromEntries([...Object.entries(options), ...chained].map(([name, value]) => [name, plain(value)]))
}

const plain = (value: unknown): PlainValue =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : ((value ?? null) as PlainValue)

/** A column of the row, or else the option of that name (`multiplier`, `blocks`, …); null where there is neither. */
export function readValue(row: Row, name: string): PlainValue {
  return name in row ? plain(row[name as Column]) : (namedOptions(row.options)[name] ?? null)
}
