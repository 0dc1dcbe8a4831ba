// The table for people who store a delta in fewer bits: a line per fine-tune, editor and options, the fewest bits first, with what the
// edit did to the delta (relative error), to the predictions (divergence from the post-trained model) and to the scores.
import type { Row } from '../record/index.js'
import { fineTunes, type Line, optionWords, type Post } from './compression-lines.js'
import { compressionNotes } from './compression-notes.js'
import { cellOf, compareValues, meanOf, metricsOf, type Order, rowsWhere } from './groups.js'
import { DISTANCES, hasTargets, measureOfEnd } from './measures.js'
import { selectRows } from './select.js'
import { type Cell, cellFor, type Table, type TableColumn, type TableOptions } from './table.js'
import { wordsOf } from './words.js'

/** What a table for compression shows. */
export interface CompressionOptions extends Pick<TableOptions, 'title' | 'where' | 'select'> {
  /** Each option in a column of its own, for programs; else all stand in one column, as words. */
  separate?: boolean | undefined
}

/** A column, and the rows of a line that it is measured on; without `on` it is of the edit, the same on every task. */
interface CompressionColumn extends TableColumn {
  on?: RowTest
}

type RowTest = (row: Row) => boolean

/**
 * Means over seeds, sorted by bits per parameter. A fine-tune that is measured on several tasks has one line for each edit. Before its
 * lines stand the base and the fine-tune itself.
 * @throws UserError with the nearest name for an unknown column
 */
export function makeCompressionTable(
  all: readonly Row[],
  title: string,
  { where, select = [], separate = false, ...options }: CompressionOptions = {},
  order: Order = new Map(),
): Table {
  const rows = selectRows(rowsWhere(all, where), select)
  const { posts, options: names } = fineTunes(rows, order)
  const columns = columnsOf(posts)
  const tasksOf = ({ tasks }: Post) => tasks.join('+')
  const named = [
    { name: 'model', of: ({ model }: Post) => model },
    { name: 'task', of: tasksOf },
  ].filter(({ of }) => new Set(posts.map(of)).size > 1)
  const optionKeys = ({ options: values }: Pick<Line, 'options'>) =>
    separate ? values : [optionWords(names, values) || null]
  return {
    title: options.title ?? title,
    by: [...named.map(({ name }) => name), 'label', ...(separate ? names : ['options'])],
    columns: columns.map(({ on: _, ...column }) => column),
    lines: posts.flatMap((post) => {
      const keys = (label: string, line: Pick<Line, 'options'>) => [
        ...named.map(({ of }) => of(post)),
        label,
        ...optionKeys(line),
      ]
      const none = { options: names.map(() => null) }
      return [
        { keys: keys('base', none), runs: 1, cells: endCells(post, columns, 'pre') },
        { keys: keys('post-trained', none), runs: 1, cells: endCells(post, columns, 'post') },
        ...byBits(post.lines).map((line) => ({
          keys: keys(line.rows[0]!.label, line),
          runs: onePerSeed(line.rows).length,
          cells: columns.map(({ name, on = () => true }) =>
            cellFor(onePerSeed(line.rows.filter((row) => on(row) && cellOf(row, name) !== null)), name),
          ),
        })),
      ]
    }),
    notes: compressionNotes(rows, posts, columns, select),
  }
}

/**
 * The table for reading: one; or one for each fine-tune, where a column is of a task that another fine-tune is not measured on and would
 * be empty there.
 */
export function compressionTables(rows: readonly Row[], title: string, order: Order): Table[] {
  const whole = makeCompressionTable(rows, title, {}, order)
  const { posts } = fineTunes(rows, order)
  const tasks = new Set(posts.flatMap((post) => post.tasks))
  const named = whole.columns.flatMap(({ of }) => (of !== undefined && tasks.has(of) ? [of] : []))
  if (posts.every((post) => named.every((task) => post.tasks.includes(task)))) return [whole]
  return posts.map(({ model, tasks: own, lines }) =>
    makeCompressionTable(
      lines.flatMap((line) => line.rows),
      `${title}: ${model}, ${own.join(' + ')}`,
      {},
      order,
    ),
  )
}

/** The fewest bits first; lines without bits, such as merges, last. Of equal ones the order of the config stays. */
function byBits(lines: readonly Line[]): Line[] {
  const bits = ({ rows }: Line) => meanOf(rows, 'bits_per_parameter').mean ?? Infinity
  return [...lines].sort((a, b) => compareValues(bits(a), bits(b)))
}

/** An edit is the same on every task, and however its loss was measured, so it counts once for each seed, by the first row that has the value. */
function onePerSeed(rows: readonly Row[]): Row[] {
  const found = new Map<number | null, Row>()
  for (const row of rows) if (!found.has(row.seed)) found.set(row.seed, row)
  return [...found.values()]
}

/** What base or post reach on the tasks of the columns. */
const endCells = (post: Post, columns: readonly CompressionColumn[], whose: 'pre' | 'post'): Cell[] =>
  columns.map(({ name, on }) => {
    const rows = on ? post.lines.flatMap((line) => line.rows).filter(on) : []
    const mean = rows.map((row) => measureOfEnd(row, name, whose)).find((value) => value !== null) ?? null
    return { mean, error: null, n: mean === null ? 0 : 1, word: null }
  })

/** Columns of the edit itself, of the divergence on texts and on tasks with targets, and of the scores. */
function columnsOf(posts: readonly Post[]): CompressionColumn[] {
  const lines = posts.flatMap((post) => post.lines)
  const rows = lines.flatMap((line) => line.rows)
  const measured = (name: string, on: RowTest = () => true) => meanOf(rows.filter(on), name).n > 0
  const kinds = [
    { of: 'text', on: (row: Row) => !hasTargets(row) && diverges(row) },
    { of: 'task', on: (row: Row) => hasTargets(row) && diverges(row) },
  ].filter(({ on }) => rows.some(on))
  return [
    ...(measured('bits_per_parameter') ? [column('bits_per_parameter')] : []),
    column('relative_error'),
    column('relative_error_rest'),
    ...kinds.flatMap((kind) =>
      byTask(lines, kind.on).flatMap(({ task, on }) =>
        DISTANCES.filter((name) => measured(name, on)).map((name) => {
          const of = task ?? (kinds.length > 1 ? kind.of : undefined)
          const { heading } = wordsOf(name)
          return {
            name,
            heading: of === undefined ? heading : `${heading}, ${of}`,
            ...(of !== undefined && { of }),
            on,
          }
        }),
      ),
    ),
    ...byTask(lines, (row) => hasTargets(row) && row.score_edited !== null).map(({ task: of, on }) => ({
      name: 'score_edited',
      heading: scoreHeading(rows.filter(on), of),
      ...(of !== undefined && { of }),
      on,
    })),
  ]
}

function scoreHeading(rows: readonly Row[], task: string | undefined): string {
  const { heading, kind } = wordsOf('score_edited', metricsOf(rows))
  return task === undefined ? heading : kind === 'share' ? `${task} (%)` : `${task} (${heading})`
}

const column = (name: string): CompressionColumn => ({ name, heading: wordsOf(name).heading })

const diverges = (row: Row): boolean => DISTANCES.some((name) => meanOf([row], name).n > 0)

/** The test of one column, or of one for each task where some line has several that pass. */
function byTask(lines: readonly Line[], on: RowTest): { task?: string; on: RowTest }[] {
  const tasks = lines.map((line) => [...new Set(line.rows.filter(on).map(({ task }) => task))])
  const all = [...new Set(tasks.flat())]
  if (all.length === 0) return []
  if (tasks.every((own) => own.length < 2)) return [{ on }]
  return all.map((task) => ({ task, on: (row) => row.task === task && on(row) }))
}
