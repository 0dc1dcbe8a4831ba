// `deltalab plot`: the figures of a results folder, from its rows alone.

import type { Argv } from 'yargs'
import { UserError } from '../../errors/index.js'
import { printResult, startPhase } from '../messages.js'
import { outPlace, RESULTS, splitNames } from '../options.js'

export const command = 'plot <results..>'

export function builder(cli: Argv) {
  return cli
    .positional('results', RESULTS)
    .option('kind', {
      choices: ['line', 'box', 'heat', 'scatter'] as const,
      describe: 'line: means; box: per-tensor terms; heat: a coloured grid; scatter: a point per edit',
    })
    .option('x', { type: 'string', describe: 'Column or editor option on the x axis' })
    .option('y', {
      type: 'string',
      describe: 'Measures on the y axis, separated by commas; term for boxes',
    })
    .option('series', { type: 'string', describe: 'Columns that distinguish the lines, separated by commas' })
    .option('facet', {
      type: 'string',
      describe: 'Column for panels side by side; after a comma, column for panels below each other',
    })
    .option('select', {
      type: 'string',
      describe: 'Columns or options, separated by commas: show only the value that is best on the validation items',
    })
    .option('log-x', { type: 'boolean', describe: 'Logarithmic x axis' })
    .option('log-y', { type: 'boolean', describe: 'Symmetric logarithmic y axis; default chosen from the values' })
    .option('title', { type: 'string', describe: 'Title of the figure' })
    .option('name', {
      type: 'string',
      describe: 'File name without ending; default made from y and x',
    })
    .option('out', outPlace('Folder for the figures; default the results folder, where it is one'))
    .option('json', { type: 'boolean', default: false, describe: 'Print the paths as JSON' })
    .example(
      'deltalab plot results/drop-rate -y loss_change --log-y',
      'loss change against the drop rate; without options, the figures of the configuration',
    )
}

interface Args extends Partial<Record<'out' | 'facet' | 'select' | 'x' | 'y' | 'series' | 'name' | 'title', string>> {
  results: string[]
  json: boolean
  kind?: 'line' | 'box' | 'heat' | 'scatter'
  logX?: boolean
  logY?: boolean
}

export async function handler(args: Args): Promise<void> {
  const [first, ...others] = args.results
  const out = args.out ?? first!
  if (others.length > 0 && args.out === undefined)
    throw new UserError('--out is missing: several results folders are read, and the figures need one', { exitCode: 2 })
  const { parseView, readTogether, writeDrawn, writeFigures } = await import('../../report/index.js')
  startPhase('read the results')
  const source = await readTogether(args.results)
  const { kind, x, title, logX, logY } = args
  if ((splitNames(args.facet)?.length ?? 0) > 2)
    throw new UserError(`--facet is one column, or two with a comma between; got ${args.facet}`, { exitCode: 2 })
  const [y, series, [columns, rows] = [], select] = [args.y, args.series, args.facet, args.select].map(splitNames)
  // The title of an experiment may say what its own figures show; others are called by its name.
  const own = (kind ?? x ?? y) ? [...new Set(source.rows.map(({ experiment }) => experiment))].join(' · ') : undefined
  const asked = { kind, x, y, series, columns, rows, select, title: title ?? own, log_x: logX, log_y: logY }
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined))
  const name =
    args.name ??
    ([kind, ...(y ?? []), x && `by-${x}`]
      .filter(Boolean)
      .join('-')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '') ||
      'figure')
  const isOwn = !Object.keys(given).length && !args.name
  startPhase('draw the figures')
  const paths = isOwn
    ? await writeFigures(out, source)
    : await writeDrawn(out, source, parseView({ ...given, name }, 'deltalab plot'))
  printResult(args.json, { figures: paths }, `${paths.join('\n')}\n`)
}
