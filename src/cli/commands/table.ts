// `deltalab table`: the table of a results folder, from its rows alone.

import type { Argv } from 'yargs'
import { print, printResult, startPhase, terminalColumns, warn } from '../messages.js'
import { RESULTS, splitNames } from '../options.js'

export const command = 'table <results..>'

export function builder(cli: Argv) {
  return cli
    .positional('results', RESULTS)
    .option('format', {
      choices: ['md', 'tex', 'csv'] as const,
      default: 'md' as const,
      describe: 'Markdown, LaTeX (booktabs), or CSV with full numbers',
    })
    .option('by', {
      type: 'string',
      describe:
        'Columns or editor options that name a line, separated by commas; default those that differ between runs',
    })
    .option('columns', {
      type: 'string',
      describe: 'Measures, separated by commas, each as mean ± standard error over seeds',
    })
    .option('across', { type: 'string', describe: 'Column whose values become columns of the table' })
    .option('select', {
      type: 'string',
      describe: 'Columns or options, separated by commas: show only the value that is best on the validation items',
    })
    .option('compression', {
      type: 'boolean',
      conflicts: ['by', 'columns', 'across'],
      describe:
        'A line per edit, the fewest bits first: bits per parameter, relative error of the delta, divergence from post, scores',
    })
    .option('json', { type: 'boolean', default: false, describe: 'Print the means as JSON' })
    .example(
      'deltalab table results/drop-rate --format tex --by model,task,label,drop_rate --columns score_edited',
      'the scores as a LaTeX table',
    )
    .example('deltalab table results/mine --compression', 'what each bit of the delta buys')
}

interface Args {
  results: string[]
  format: 'md' | 'tex' | 'csv'
  by?: string
  columns?: string
  across?: string
  select?: string
  compression?: boolean
  json: boolean
}

export async function handler(args: Args): Promise<void> {
  const {
    doubtsOf,
    legendOf,
    lackOf,
    makeCompressionTable,
    makeTable,
    printForTerminal,
    printTable,
    readTogether,
    reportTable,
  } = await import('../../report/index.js')
  startPhase('read the results')
  const source = await readTogether(args.results, false)
  const { rows, title, order } = source
  const options = {
    by: splitNames(args.by),
    columns: splitNames(args.columns),
    across: args.across,
    select: splitNames(args.select),
  }
  const asked = Object.values(options).some((option) => option !== undefined)
  const forPrograms = args.format === 'csv' || args.json
  const table = args.compression
    ? makeCompressionTable(rows, title, { select: options.select, separate: forPrograms }, order)
    : asked || forPrograms
      ? makeTable(rows, title, options, order)
      : reportTable(source)
  if (args.json || args.format === 'md')
    printResult(args.json, table, printForTerminal(table, legendOf(table, rows), terminalColumns()))
  else print(printTable(table, args.format))
  const classes = table.columns.some(({ name }) => name === 'class')
  for (const doubt of [...doubtsOf(rows, classes), ...(args.compression ? lackOf(rows) : [])]) warn(doubt)
}
