// `deltalab rows`: the rows of results folders, chosen and sorted, for people and for other programs.

import { existsSync } from 'node:fs'
import type { Argv } from 'yargs'
import { UserError } from '../../errors/index.js'
import { writeWhole } from '../../files/index.js'
import { note, print, startPhase } from '../messages.js'
import { outPlace, RESULTS, splitNames } from '../options.js'

export const command = 'rows <results..>'

export function builder(cli: Argv) {
  return cli
    .positional('results', RESULTS)
    .option('where', {
      type: 'string',
      array: true as const,
      nargs: 1,
      default: [] as string[],
      describe:
        'Conditions with commas between: =, !=, <, <=, >, >=; of several values one (task=math|code); a value with a comma in double quotes (label="dare, k=0"); repeatable',
    })
    .option('columns', {
      type: 'string',
      describe:
        'Columns, options or measures, separated by commas; default all columns, in md those that tell rows apart',
    })
    .option('sort', {
      type: 'string',
      describe: 'Columns to sort by, separated by commas; a minus before one: from high to low',
    })
    .option('format', {
      choices: ['md', 'csv', 'jsonl', 'parquet'] as const,
      default: 'md' as const,
      describe: 'Markdown, CSV, a JSON object per line, or Parquet (needs --out)',
    })
    .option('out', outPlace('File to write; default standard output'))
    .example(
      "deltalab rows results/drop-rate --where 'drop_rate>=0.9,task=math' --columns label,drop_rate,score_edited --sort=-score_edited",
      'the best edits of math at high drop rates',
    )
    .example('deltalab rows results/mine --format parquet --out rows.parquet', 'for pandas or DuckDB')
}

interface Args extends Partial<Record<'columns' | 'sort' | 'out', string>> {
  results: string[]
  where: string[]
  format: 'md' | 'csv' | 'jsonl' | 'parquet'
}

export async function handler({ results, where, format, out, ...args }: Args): Promise<void> {
  if (format === 'parquet' && out === undefined)
    throw new UserError('--format parquet needs --out: the file is not text', { exitCode: 2 })
  const { encodeParquet, listRows, printRows, readTogether, tellingColumns, whereRows } = await import(
    '../../report/index.js'
  )
  if (out !== undefined && existsSync(out)) throw new UserError(`${out} exists; choose another name`)
  startPhase('read the results')
  const source = await readTogether(results, false)
  const rows = whereRows(source.rows, where)
  if (rows.length === 0) note(`none of ${source.rows.length} rows is so`)
  const columns = splitNames(args.columns) ?? (format === 'md' ? tellingColumns(rows) : undefined)
  const list = listRows(rows, { columns, sort: splitNames(args.sort), chosenFrom: source.rows }, source.order)
  const content = format === 'parquet' ? await encodeParquet(list) : printRows(list, format)
  if (out === undefined) print(content as string)
  else await writeWhole(out, content)
}
