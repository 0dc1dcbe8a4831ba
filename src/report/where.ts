// Conditions on rows, as they are typed: `drop_rate>=0.5`, `task=math|code`.
import { UserError } from '../errors/index.js'
import { COLUMNS, type Row, rowSchema } from '../record/index.js'
import { type CellValue, cellOf, checkColumns } from './groups.js'

const OPERATORS = ['!=', '<=', '>=', '=', '<', '>'] as const
type Operator = (typeof OPERATORS)[number]

interface Condition {
  text: string
  name: string
  operator: Operator
  /** As it was given, and the values in it, one of which is meant. */
  given: string
  values: string[]
}

const holds: Readonly<Record<Operator, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
}

/** Commas part conditions, where one follows, and bars the values of one; within quotes they do not. */
const UNQUOTED = /(?=(?:[^"]*"[^"]*")*[^"]*$)/.source
const COMMA = new RegExp(`,(?=\\s*[^\\s,=<>!]+\\s*(?:!=|<=|>=|=|<|>))${UNQUOTED}`)
const BAR = new RegExp(`\\|${UNQUOTED}`)

/** A value in double quotes is what is between them; two of them stand for one, as in CSV. */
const unquote = (value: string): string => /^"(.*)"$/.exec(value.trim())?.[1]?.replaceAll('""', '"') ?? value

/** @throws UserError for what has another form */
function readCondition(text: string): Condition {
  const [, name, operator, value] = /^\s*([^\s=<>!]+)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*$/.exec(text) ?? []
  if (name === undefined)
    throw new UserError(
      `--where ${JSON.stringify(text)}: must be a column, one of ${OPERATORS.join(' ')}, and a value, as in drop_rate>=0.5 or task=math|code`,
      { exitCode: 2 },
    )
  return { text, name, operator: operator as Operator, given: value!, values: value!.split(BAR).map(unquote) }
}

/** Columns of numbers, which no word can be compared with. */
const isNumber = (name: string): boolean =>
  (COLUMNS as string[]).includes(name) && rowSchema.shape[name as keyof Row].safeParse(0).success

function check({ text, name, operator, values }: Condition, rows: readonly Row[]): void {
  const wrong = (reason: string) => new UserError(`--where ${text}: ${reason}`, { exitCode: 2 })
  const stray = values.find((value) => value !== '' && Number.isNaN(Number(value)))
  const isOrder = operator !== '=' && operator !== '!='
  if (stray !== undefined && (isNumber(name) || isOrder))
    throw wrong(isOrder ? `${operator} compares numbers; got ${stray}` : `${name} is a number; got ${stray}`)
  if (
    isOrder &&
    !rows.some((row) => typeof cellOf(row, name) === 'number') &&
    rows.some((row) => cellOf(row, name) !== null)
  )
    throw wrong(`${operator} compares numbers; ${name} has words`)
  if (isOrder && (values.length > 1 || values[0] === '')) throw wrong(`${operator} takes one number`)
}

/** An empty value is an empty cell. */
function isAt(cell: CellValue, operator: Operator, value: string): boolean {
  if (cell === null) return value === ''
  if (typeof cell === 'number' && value !== '') return holds[operator](cell - Number(value))
  return operator === '=' && String(cell) === value
}

/**
 * The rows for which all conditions hold. `=` takes several values with `|` between; an empty one is an empty cell. `!=` is true where
 * `=` is not; `<`, `<=`, `>`, `>=` compare numbers and are never true of an empty cell. A value may stand in double quotes.
 * @param conditions texts, each of one condition or of several with commas between
 * @throws UserError for a column that no row has, and values of another kind
 */
export function whereRows(rows: readonly Row[], conditions: readonly string[]): Row[] {
  const all = conditions.flatMap((text) => text.split(COMMA)).map(readCondition)
  checkColumns(
    all.map(({ name }) => name),
    rows,
  )
  for (const condition of all) check(condition, rows)
  return rows.filter((row) =>
    all.every(({ name, operator, given, values }) => {
      const cell = cellOf(row, name)
      // A word may have a bar in it, and spaces around it.
      const isWord = typeof cell === 'string' && cell.trim() === given
      if (operator === '!=') return !isWord && !values.some((value) => isAt(cell, '=', value))
      return (isWord && operator === '=') || values.some((value) => isAt(cell, operator, value))
    }),
  )
}
