// Rows → the lines of the table for compression: one per fine-tune and edit, on all its tasks and with all its seeds, and the options
// that tell the lines of one editor apart.
import type { Row } from '../record/index.js'
import { type CellValue, cellOf, compareValues, groupRows, identityColumns, type Order, varies } from './groups.js'
import { splitter } from './table-columns.js'
import { formatNumber, wordsOf } from './words.js'

/** A fine-tune: its model, and the tasks that it is measured on. */
export interface Post {
  model: string
  /** In the order of the config. */
  tasks: string[]
  lines: Line[]
}

/** One edit of a fine-tune: its rows on every task, with every seed. */
export interface Line {
  rows: Row[]
  /** Values of `optionNames`; null where the editor lacks the option, or has it at one value only. */
  options: CellValue[]
}

/** Options that say how much is kept: they are shown also where an editor has only one value of them. */
const ALWAYS = ['drop_rate', 'alpha', 'rank', 'fraction', 'energy', 'bits', 'bands', 'lambda']

/** Columns that are no options: what names a line, and how its loss was measured. */
const NO_OPTIONS = [
  'experiment',
  'model',
  'task',
  'label',
  'editor',
  'merger',
  'loss_kind',
  'riemann_rule',
  'riemann_steps',
]

/** The fine-tunes in the order of the config, each with its lines, and the options that tell lines apart. */
export function fineTunes(rows: readonly Row[], order: Order): { posts: Post[]; options: string[] } {
  const columns = identityColumns(rows).filter((name) => !NO_OPTIONS.includes(name))
  const labels = new Map(
    [...new Set(rows.map(({ label }) => label))].map((label) => [label, rows.filter((row) => row.label === label)]),
  )
  const told = (label: string, name: string) => ALWAYS.includes(name) || varies(labels.get(label)!, name)
  const options = ALWAYS.filter((name) => columns.includes(name) && rows.some((row) => cellOf(row, name) !== null))
  // Of options that follow from each other, such as that of a chain and its column, one is shown.
  for (const name of columns)
    if (!options.includes(name) && splitter(rows, ['label', ...options])(name)) options.push(name)
  // The order of the words in the config is that of models, tasks and editors; options follow by size.
  const { groups } = groupRows(rows, [...new Set(['model', 'label', ...options, ...columns, 'delta_norm'])], order)
  let posts: Post[] = []
  for (const { rows: own } of groups) {
    const { model, label } = own[0]!
    const line = { rows: own, options: options.map((name) => (told(label, name) ? cellOf(own[0]!, name) : null)) }
    const same = posts.filter((post) => post.model === model && own.some(({ task }) => post.tasks.includes(task)))
    const lines = [...same.flatMap((post) => post.lines), line]
    const tasks = [...new Set(lines.flatMap((each) => each.rows.map(({ task }) => task)))]
    const joined = { model, tasks: tasks.sort((a, b) => compareValues(a, b, order)), lines }
    posts = [...posts.filter((post) => !same.includes(post)), joined]
  }
  return {
    posts: posts.sort(
      (a, b) => compareValues(a.model, b.model, order) || compareValues(a.tasks[0]!, b.tasks[0]!, order),
    ),
    options,
  }
}

/** `p = 0.9, bits = 2` */
export const optionWords = (names: readonly string[], values: readonly CellValue[]): string =>
  names
    .flatMap((name, i) => {
      const value = values[i]!
      if (value === null) return []
      return `${wordsOf(name).heading} = ${typeof value === 'number' ? formatNumber('key', value) : value}`
    })
    .join(', ')
