// The options of a row by name: what tables and figures can show besides columns.
import { COLUMNS, type Column, type Row } from './row.js'

type PlainValue = string | number | boolean | null

const KNOWN: ReadonlySet<string> = new Set(COLUMNS)

/** Columns that repeat the option of their name. */
const REPEATED = ['drop_rate', 'rank', 'bits', 'alpha', 'k'] as const

/** Columns that say what a run is. Rows that agree in them and in their options differ in their seed only. */
export const IDENTITY = [
  'experiment',
  'model',
  'task',
  'label',
  'editor',
  'merger',
  'merged',
  'on',
  'selection',
  'loss_kind',
  ...REPEATED,
  'riemann_rule',
  'riemann_steps',
] as const

/** An option that has the name of a column which means something else, such as `task` of the merger emr, is `options.task`. */
const nameOf = (option: string) =>
  KNOWN.has(option) && !(REPEATED as readonly string[]).includes(option) ? `options.${option}` : option

/** A step of a chain by its name: that of its editor, with a number from its second use on. */
function namedSteps(options: Row['options']): (readonly [name: string, own: Row['options']])[] {
  const count: Record<string, number> = {}
  return ((options.steps ?? []) as Row['options'][]).map(({ editor, ...own }) => {
    const uses = (count[String(editor)] = (count[String(editor)] ?? 0) + 1)
    return [`${editor}${uses > 1 ? uses : ''}`, own]
  })
}

/**
 * The options of a row by the names that tables and figures know. Those of a chain carry the name of their editor
 * (`bitdelta.multiplier`, of a second one `bitdelta2.multiplier`), because editors share names; a list or a value per model is text.
 */
export function namedOptions(options: Row['options']): Record<string, PlainValue> {
  const { steps: _, ...single } = options
  const chained = namedSteps(options).flatMap(([step, own]) =>
    Object.entries(own).map(([option, value]) => [`${step}.${option}`, value] as const),
  )
  return Object.fromEntries(
    [...Object.entries(single), ...chained].map(([name, value]) => [nameOf(name), plain(value)]),
  )
}

/** Names of the options of rows. Rows are many, and their combinations of options few. */
export function namesOfOptions(rows: readonly Pick<Row, 'options'>[]): string[] {
  const all = [...new Set(rows.map(({ options }) => options))]
  const kinds = new Map(
    all.map((options) => [options.steps ? JSON.stringify(options) : Object.keys(options).join(), options]),
  )
  return [...new Set([...kinds.values()].flatMap((options) => Object.keys(namedOptions(options))))]
}

/** The run in words. What two rows agree in here is the same run, be their settings the same or not. */
export function runName(row: Row): string {
  const { model, task, label, on, options, seed, selection, merged } = row
  const words = Object.entries(namedOptions(options)).map(([name, value]) => `${name}=${value}`)
  return [
    model,
    task,
    label,
    ...(merged === null ? [] : [merged]),
    ...words,
    ...(on === 'delta' ? [] : [`on=${on}`]),
    ...(selection === '*' || selection === '**' ? [] : [`tensors=${selection}`]),
    ...(seed === null ? [] : [`seed=${seed}`]),
  ].join(' ')
}

/** One of `namedOptions`, without making the others. */
function readOption(options: Row['options'], name: string): PlainValue {
  const bare = name.startsWith('options.') ? name.slice('options.'.length) : name
  if (bare !== 'steps' && nameOf(bare) === name && Object.hasOwn(options, bare)) return plain(options[bare])
  return options.steps === undefined ? null : (namedOptions(options)[name] ?? null)
}

const plain = (value: unknown): PlainValue =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : ((value ?? null) as PlainValue)

/** Columns of further scores. */
export const OTHERS = ['others_edited', 'others_post', 'others_pre'] as const

/** Column and name of a further score, as `others_edited.NAME` calls it; undefined for other names. */
export function otherScore(name: string): { column: (typeof OTHERS)[number]; score: string } | undefined {
  const column = OTHERS.find((each) => name.startsWith(each) && name[each.length] === '.')
  return column && { column, score: name.slice(column.length + 1) }
}

/** A column of the row, or else the option (`multiplier`, `blocks`, …) or the further score of that name; null where there is none. */
export function readValue(row: Row, name: string): PlainValue {
  if (KNOWN.has(name)) return plain(row[name as Column])
  const other = otherScore(name)
  return other ? (row[other.column]?.[other.score] ?? null) : readOption(row.options, name)
}
