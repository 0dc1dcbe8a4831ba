// Prompts as jinja templates, checked before they are filled: syntax, and that the data has every column they name.
import { firstFew, UserError, unknown } from '../../errors/index.js'
import { type AnyNode, compile, printed, type Template, toValue } from '../../jinja/index.js'

/** A row of a task's data: values by column. */
export type DataRow = Record<string, unknown>

export interface Filler {
  /** Columns that the template cannot do without. */
  columns: string[]
  /** The column it consists of, for `{{column}}` alone. */
  only?: string
  /** @throws UserError, without a place, for a column that the row lacks, and where the template cannot be filled from the row */
  fill(row: DataRow): string
}

/** What templates know without a column of that name. */
const KNOWN = new Set([
  'range',
  'true',
  'false',
  'none',
  'True',
  'False',
  'None',
  'namespace',
  'loop',
  'dict',
  'joiner',
  'cycler',
  'lipsum',
])

/** @throws UserError, without a place, for a template that is not jinja */
export function compileTemplate(text: string): Filler {
  const only = /^\{\{\s*([A-Za-z_]\w*)\s*\}\}$/.exec(text)?.[1]
  if (only) return { columns: [only], only, fill: (row) => textOf(row, only) }
  let template: Template
  try {
    template = compile(text, 'card')
  } catch (cause) {
    throw new UserError(`the template ${(cause as Error).message.replace(/\s+/g, ' ')}`, { cause })
  }
  const columns = [...columnsOf(template.body)]
  return {
    columns,
    fill(row) {
      const missing = columns.find((column) => !Object.hasOwn(row, column))
      if (missing !== undefined) throw unknown('column', missing, Object.keys(row))
      try {
        return template.fill(row)
      } catch (cause) {
        throw new UserError(`the template cannot be filled: ${(cause as Error).message.replace(/\s+/g, ' ')}`, {
          cause,
        })
      }
    },
  }
}

/**
 * The template filled with text.
 * @param numbers a number or a truth value may stand where `{{column}}` alone wants a text
 * @throws UserError, without a place, as Filler.fill; for a text that is empty, and a column that holds no text
 */
export function fillText({ only, fill }: Filler, row: DataRow, { numbers = false } = {}): string {
  const value = only === undefined ? undefined : row[only]
  if (value !== undefined && typeof value !== 'string' && (!numbers || typeof value === 'object'))
    throw new UserError(`${JSON.stringify(only)} must be a text`)
  const text = fill(row)
  if (text === '')
    throw new UserError(`${only === undefined ? 'the prompt' : JSON.stringify(only)} must be a text that is not empty`)
  return text
}

function textOf(row: DataRow, column: string): string {
  const value = row[column]
  if (value === undefined || value === null)
    throw new UserError(`no ${JSON.stringify(column)}; there is ${firstFew(Object.keys(row), 8) || 'nothing'}`)
  try {
    return printed(toValue(value))
  } catch (cause) {
    throw new UserError(`${JSON.stringify(column)} must be a text`, { cause })
  }
}

/** Names that are read and neither set in the template nor asked for with `is defined`. */
function columnsOf(program: unknown): Set<string> {
  const set = new Set<string>()
  const read = new Set<string>()
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) return part.forEach(visit)
    if (part instanceof Map) return part.forEach((value, key) => (visit(key), visit(value)))
    if (typeof part !== 'object' || part === null) return
    const node = part as AnyNode
    if (node.type === 'Identifier') return void read.add(node.value as string)
    if (node.type === 'Set') return (names(node.assignee, set), visit(node.value), visit(node.body))
    if (node.type === 'For')
      return (names(node.loopvar, set), visit(node.iterable), visit(node.body), visit(node.defaultBlock))
    if (node.type === 'TestExpression')
      return /^(un)?defined$/.test((node.test as AnyNode).value as string)
        ? names(node.operand, set)
        : visit(node.operand)
    if (node.type === 'MemberExpression') return (visit(node.object), node.computed ? visit(node.property) : undefined)
    if (node.type === 'FilterExpression') return (visit(node.operand), visit((node.filter as AnyNode).args))
    if (node.type === 'KeywordArgumentExpression') return visit(node.value)
    for (const [key, value] of Object.entries(node)) if (key !== 'operator') visit(value)
  }
  visit(program)
  return new Set([...read].filter((name) => !set.has(name) && !KNOWN.has(name)))
}

function names(node: unknown, into: Set<string>): void {
  const { type, value } = node as AnyNode
  if (type === 'Identifier') into.add(value as string)
  else if (type === 'TupleLiteral') for (const each of value as unknown[]) names(each, into)
}
